use serde_json::Value;

use crate::number;

/// Which characters a string escapes beyond those JSON demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// U+2028 and U+2029 only.
    Plain,
    /// Also `<`, `>` and `&`, as Go does so that JSON may stand in HTML.
    Html,
}

/// How numbers are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Integers that fit `i64` keep every digit.
    Kept,
    /// All are IEEE doubles.
    Doubles,
}

pub(crate) fn compact(value: &Value, escapes: Escapes, numbers: Numbers, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if numbers == Numbers::Kept => number::write_json(number, out),
        Value::Number(number) => number::write_json_double(number, out),
        Value::String(text) => string(text, escapes, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                compact(item, escapes, numbers, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (index, (key, item)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(key, escapes, out);
                out.push(b':');
                compact(item, escapes, numbers, out);
            }
            out.push(b'}');
        }
    }
}

/// Appends a quoted string.
pub(crate) fn string(text: &str, escapes: Escapes, out: &mut Vec<u8>) {
    const PLAIN: [Class; 256] = classes(Escapes::Plain);
    const HTML: [Class; 256] = classes(Escapes::Html);
    out.push(b'"');
    escape(text.as_bytes(), if escapes == Escapes::Html { &HTML } else { &PLAIN }, out);
    out.push(b'"');
}

/// What must be done about a byte of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Copy,
    /// A backslash and this letter.
    Short(u8),
    /// `\u00XX`
    Unicode,
    /// Perhaps the beginning of U+2028 or U+2029.
    Separator,
}

const fn classes(escapes: Escapes) -> [Class; 256] {
    let mut classes = [Class::Copy; 256];
    let mut byte = 0;
    while byte < 0x20 {
        classes[byte] = Class::Unicode;
        byte += 1;
    }
    classes[b'"' as usize] = Class::Short(b'"');
    classes[b'\\' as usize] = Class::Short(b'\\');
    // U+2028 and U+2029 begin with this byte.
    classes[0xE2] = Class::Separator;
    classes[0x08] = Class::Short(b'b');
    classes[0x0C] = Class::Short(b'f');
    classes[b'\n' as usize] = Class::Short(b'n');
    classes[b'\r' as usize] = Class::Short(b'r');
    classes[b'\t' as usize] = Class::Short(b't');
    if matches!(escapes, Escapes::Html) { html_classes(classes) } else { classes }
}

const fn html_classes(mut classes: [Class; 256]) -> [Class; 256] {
    classes[b'<' as usize] = Class::Unicode;
    classes[b'>' as usize] = Class::Unicode;
    classes[b'&' as usize] = Class::Unicode;
    classes
}

fn escape(bytes: &[u8], classes: &[Class; 256], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        at += ordinary(&bytes[at..]);
        if at == bytes.len() {
            break;
        }
        let byte = bytes[at];
        let mut length = 1;
        match classes[usize::from(byte)] {
            Class::Copy => {
                at += 1;
                continue;
            }
            Class::Short(letter) => {
                out.extend_from_slice(&bytes[copied..at]);
                out.extend_from_slice(&[b'\\', letter]);
            }
            Class::Unicode => {
                out.extend_from_slice(&bytes[copied..at]);
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
            }
            Class::Separator => {
                let (0x80, last @ (0xA8 | 0xA9)) = (byte_at(bytes, at + 1), byte_at(bytes, at + 2)) else {
                    at += 1;
                    continue;
                };
                out.extend_from_slice(&bytes[copied..at]);
                out.extend_from_slice(if last == 0xA8 { b"\\u2028" } else { b"\\u2029" });
                length = 3;
            }
        }
        at += length;
        copied = at;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// How many bytes the text begins with that are copied by any rules. Eight are looked at together.
fn ordinary(bytes: &[u8]) -> usize {
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    const TOP: u64 = all(0x80);
    // The lowest byte that is found is right; above it there may be false ones.
    let has = |word: u64, byte: u8| {
        let zero = word ^ all(byte);
        zero.wrapping_sub(all(1)) & !zero
    };
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(all(b' ')) & !word;
        // `<` and `>` differ in one bit.
        let html = has(word & !all(2), b'<') | has(word, b'&');
        let found = (word | control | has(word, b'"') | has(word, b'\\') | html) & TOP;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Appends what stands between the quotes of a JSON string, its own escapes kept and HTML's added.
pub(crate) fn html(raw: &[u8], out: &mut Vec<u8>) {
    const HTML: [Class; 256] = {
        let mut classes = [Class::Copy; 256];
        classes[0xE2] = Class::Separator;
        html_classes(classes)
    };
    escape(raw, &HTML, out);
}
