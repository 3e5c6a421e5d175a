//! JSON text that is kept as it is spelled.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is wrong with a JSON text, without the place, which nobody could look up.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned()
}

/// The JSON text of an object, read as a type; null stands for the zero value.
pub(crate) fn typed<'a, T: Default + Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    let text = text.trim_start();
    // Lists would be taken for the fields in their order.
    if text.starts_with('[') {
        return Err("it must be an object, not a list".to_owned());
    }
    serde_json::from_str::<Option<T>>(text).map(Option::unwrap_or_default).map_err(|e| plain(&e))
}

/// The text without the white space between its tokens: order, escapes and the spelling of numbers stay.
pub(crate) fn compact(text: &str) -> Result<String, String> {
    serde_json::from_str::<&RawValue>(text).map_err(|e| plain(&e))?;
    if !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let (mut is_string, mut is_escaped) = (false, false);
    for c in text.chars() {
        if is_string {
            is_string = c != '"' || is_escaped;
            is_escaped = c == '\\' && !is_escaped;
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            is_string = c == '"';
        }
        out.push(c);
    }
    Ok(out)
}

/// The JSON text of a string, without HTML escapes.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    // A string can always be written to memory.
    let _ = opm_document::json::serialize(&text, out);
}

/// The compact JSON text of an object whose members are strings, in this order.
pub(crate) fn object(members: &[(&str, &str)]) -> String {
    let mut out = vec![b'{'];
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(key, &mut out);
        out.push(b':');
        string(value, &mut out);
    }
    out.push(b'}');
    into_text(out)
}

/// Bytes that were written as text.
pub(crate) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
