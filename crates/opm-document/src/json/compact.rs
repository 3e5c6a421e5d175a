use serde_json::value::RawValue;

use super::write;
use crate::SyntaxError;

/// Compacts JSON text: white space goes, key order and the spelling of numbers and escapes stay, and `<`, `>`, `&`,
/// U+2028 and U+2029 are escaped. This is what Go makes of a raw message inside a marshalled object.
pub fn compact(text: &str) -> Result<String, SyntaxError> {
    // The check builds nothing and does not recurse.
    if let Err(error) = serde_json::from_str::<&RawValue>(text) {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
        return Err(SyntaxError { line: Some(error.line() as u64), column: Some(error.column() as u64), message });
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'"' => {
                let end = string_end(bytes, at);
                write::html(&bytes[at..end], &mut out);
                at = end;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Up to this length a string is looked at byte by byte, which takes less time than to begin a search.
const SHORT: usize = 16;

/// The offset after the closing quote of the string that begins at `start`.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    // Most strings are short.
    while let Some(byte) = bytes.get(at).filter(|_| at - start <= SHORT) {
        match byte {
            b'"' => return at + 1,
            b'\\' => break,
            _ => at += 1,
        }
    }
    while let Some(length) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += length;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}
