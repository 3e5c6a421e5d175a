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
    if !lines && !is_text(text) { Style::Double } else { choose_for_text(text, lines) }
}

/// The style of what is read as a string in any case.
fn choose_for_text(text: &str, lines: bool) -> Style {
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

/// The style in which no reader takes the text for anything else.
pub(super) fn choose_portable(text: &str) -> Style {
    if is_disputed(text) {
        return Style::Double;
    }
    let lines = memchr::memchr(b'\n', text.as_bytes()).is_some();
    match choose_for_text(text, lines) {
        // Readers of YAML 1.2 see no line breaks in these.
        Style::Single | Style::Literal if text.contains(['\u{2028}', '\u{2029}']) => Style::Double,
        style => style,
    }
}

/// Words that mean something to some reader, in some spelling.
const WORDS: [&str; 16] =
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".nan", ".inf", "+.inf", "-.inf"];

/// Whether there may be a reader that takes the text for something else: a word, or what looks like a number or a time.
fn is_disputed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else { return true };
    let numeric = |byte: &u8| byte.is_ascii_hexdigit() || b"_.,:+- \tTtZzxXoO".contains(byte);
    let is_word = || bytes.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => bytes.iter().all(numeric) || is_word(),
        b'y' | b'Y' | b'n' | b'N' | b'o' | b'O' | b't' | b'T' | b'f' | b'F' | b'~' | b'=' | b'<' => is_word(),
        _ => false,
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
    const NONE: Self = Self { plain: false, single: false, literal: false };

    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut foreign, mut special) = (false, false);
        // Without an early end, so that many bytes are looked at together.
        for chunk in bytes.chunks(4096) {
            for byte in chunk {
                foreign |= *byte >= 0x80;
                special |= (*byte < b' ' && *byte != b'\n') || *byte == 0x7F;
            }
        }
        if special {
            return Self::NONE;
        }
        if foreign {
            return Self::of_any(text);
        }
        let (mut breaks, mut break_space, mut space_break) = (false, false, false);
        for at in memchr::memchr_iter(b'\n', bytes) {
            breaks = true;
            break_space |= bytes.get(at + 1) == Some(&b' ');
            space_break |= at > 0 && bytes[at - 1] == b' ';
        }
        Self::new(text, breaks, break_space, space_break)
    }

    /// The same for text beyond ASCII.
    fn of_any(text: &str) -> Self {
        let (mut breaks, mut break_space, mut space_break) = (false, false, false);
        let mut previous = 'x';
        for character in text.chars() {
            if !is_printable(character) {
                return Self::NONE;
            }
            if is_break(character) {
                breaks = true;
                space_break |= previous == ' ';
            }
            break_space |= character == ' ' && is_break(previous);
            previous = character;
        }
        Self::new(text, breaks, break_space, space_break)
    }

    fn new(text: &str, breaks: bool, break_space: bool, space_break: bool) -> Self {
        let edge = |character: char| character == ' ' || is_break(character);
        let edges = text.starts_with(edge) || text.ends_with(edge);
        let single = !space_break && !break_space;
        Self { plain: single && !breaks && !edges, single, literal: !space_break && !text.ends_with(' ') }
    }
}
