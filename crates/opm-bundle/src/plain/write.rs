//! Manifests as YAML that every reader understands in the same way.

use std::fmt::Write as _;

use opm_document::{SyntaxError, json, yaml};
use serde_json::Value;

/// Appends an object as a YAML document in block style, without a separator.
///
/// Where a key or a string is `<<`, `=` or a time without a zone, or has a control character beyond ASCII, readers of block
/// style disagree. Such a
/// document is JSON, which is YAML too, with these characters escaped.
pub fn write_yaml(object: &Value, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
    if !is_ambiguous(object) {
        return yaml::write(object, out);
    }
    let compact = json::to_string(object);
    let mut escaped = String::with_capacity(compact.len());
    for c in compact.chars() {
        if is_control(c) {
            // All of them are below U+10000.
            let _written = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    json::indent(&escaped, out);
    out.push(b'\n');
    Ok(())
}

fn is_control(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether text is like `2024-10-09T14:20:33`, which YAML 1.1 takes for a time and the reference for text.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..])
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"-:.Tt \tZ+".contains(byte))
        && bytes.contains(&b':')
}

fn is_ambiguous(value: &Value) -> bool {
    let is_special = |text: &str| text == "<<" || text == "=" || is_time(text) || text.chars().any(is_control);
    match value {
        Value::String(text) => is_special(text),
        Value::Array(items) => items.iter().any(is_ambiguous),
        Value::Object(map) => map.iter().any(|(key, value)| is_special(key) || is_ambiguous(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_readers_disagree_about_is_json() {
        for (text, is_json) in [
            ("2024-10-09T14:20:33", true),
            ("2024-10-09", false),
            ("<<", true),
            ("=", true),
            ("a\u{85}b\u{feff}", true),
            ("2024-v1:x", false),
            ("y", false),
        ] {
            let object = serde_json::json!({"kind": text, text: [text]});
            let mut out = Vec::new();
            write_yaml(&object, &mut out).unwrap();
            assert_eq!(out.starts_with(b"{"), is_json, "{text}");
            assert_eq!(yaml::parse(&out).unwrap(), object);
        }
    }
}
