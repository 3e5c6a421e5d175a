//! Which style a string is written in.

use crate::yaml::scalar::{self, Scalar};
use crate::yaml::timestamp::is_timestamp;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Whether a string may stand before a colon on one line.
pub(super) fn is_simple_key(text: &str) -> bool {
    text.len() <= 128 && (text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.contains(is_break))
}

/// What YAML 1.1 takes for a line break.
pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What the reference writes unescaped: nothing beyond the basic plane.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && character != '\u{feff}'
}

/// The style of a value or, if it is on one line, of a key.
pub(super) fn choose(text: &str) -> Style {
    let lines = memchr::memchr(b'\n', text.as_bytes()).is_some();
    if !lines && !is_text(text) {
        return Style::Double;
    }
    if !lines && is_harmless(text.as_bytes()) {
        return Style::Plain;
    }
    let shape = Shape::of(text);
    match lines {
        true if shape.literal => Style::Literal,
        false if shape.plain && !has_indicators(text) => Style::Plain,
        false if shape.single => Style::Single,
        _ => Style::Double,
    }
}

/// Whether the text, without quotes, would be read as a string; also by parsers that know numbers to the base of 60.
fn is_text(text: &str) -> bool {
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || first == '+' || first == '-');
    scalar::resolve(text) == Scalar::Text && !(numeric && (is_timestamp(text) || is_sexagesimal(text.as_bytes())))
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_sexagesimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"+").or(text.strip_prefix(b"-")).unwrap_or(text);
    let length = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count();
    let whole = length(text);
    if !text.first().is_some_and(u8::is_ascii_digit) || text.get(whole) != Some(&b':') {
        return false;
    }
    let mut rest = &text[whole..];
    while let [b':', after @ ..] = rest {
        rest = match after {
            [b'0'..=b'5', b'0'..=b'9', rest @ ..] | [b'0'..=b'9', rest @ ..] => rest,
            _ => return false,
        };
    }
    rest.is_empty() || rest[0] == b'.' && length(&rest[1..]) == rest.len() - 1
}

/// A quick test that most strings pass: nothing about the text speaks against writing it as it is.
fn is_harmless(text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first(), text.last()) else { return false };
    let byte_at = |at: usize| text.get(at).copied().unwrap_or(b' ');
    (first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_' | b'$' | b'('))
        && *last != b' '
        && text.iter().enumerate().all(|(at, byte)| match byte {
            b':' => byte_at(at + 1) != b' ',
            b'#' => byte_at(at - 1) != b' ',
            _ => (b' '..=b'~').contains(byte),
        })
}

/// Whether anything in the text has a meaning in YAML.
fn has_indicators(text: &str) -> bool {
    let blank_at =
        |at: usize| text[at..].chars().next().is_none_or(|next| matches!(next, ' ' | '\t') || is_break(next));
    let begins = match text.as_bytes()[0] {
        b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
        | b'`' => true,
        b'?' | b':' | b'-' if blank_at(1) => true,
        _ => text.starts_with("---") || text.starts_with("..."),
    };
    let mut previous_blank = false;
    begins
        || text.char_indices().any(|(at, character)| {
            let found = character == ':' && blank_at(at + 1) || character == '#' && previous_blank;
            previous_blank = matches!(character, ' ' | '\t') || is_break(character);
            found
        })
}

/// The styles that spaces, breaks and unprintable characters leave open.
struct Shape {
    plain: bool,
    single: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let mut breaks = false;
        let mut special = false;
        let mut break_space = false;
        let mut space_break = false;
        let mut previous = 'x';
        for character in text.chars() {
            special |= !is_printable(character);
            if is_break(character) {
                breaks = true;
                space_break |= previous == ' ';
            }
            break_space |= character == ' ' && is_break(previous);
            previous = character;
        }
        let edge = |character: char| character == ' ' || is_break(character);
        let edges = text.starts_with(edge) || text.ends_with(edge);
        let single = !special && !space_break && !break_space;
        Self { plain: single && !breaks && !edges, single, literal: !special && !space_break && !text.ends_with(' ') }
    }
}
