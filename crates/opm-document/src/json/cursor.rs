//! Compact JSON, read a piece at a time.

use std::borrow::Cow;

use super::compact::string_end;
use super::read::Reader;

/// Steps over compact JSON text that is known to be valid, such as that of a blob. On any other text the pieces mean
/// nothing, but nothing panics.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the beginning of the text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte; none at the end.
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps into a container, or to its next item; says whether there is one. Call it before each item, with the brackets of
    /// the container, of which the opening one must be next at first.
    pub fn step(&mut self, open: u8, close: u8, is_first: &mut bool) -> bool {
        let expected = if std::mem::take(is_first) { open } else { b',' };
        match self.peek() {
            Some(byte) if byte == expected => self.at += 1,
            Some(byte) if byte == close => {
                self.at += 1;
                return false;
            }
            _ => return false,
        }
        if self.peek() == Some(close) {
            self.at += 1;
            return false;
        }
        self.peek().is_some()
    }

    /// The key of the next member as it is in the text, with its quotes; the value comes next.
    pub fn key(&mut self) -> &'a str {
        let key = self.raw();
        self.at += usize::from(self.peek() == Some(b':'));
        key
    }

    /// The next value as it is in the text.
    pub fn raw(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at = match self.peek() {
            Some(b'"') => string_end(bytes, start),
            Some(b'{' | b'[') => container_end(bytes, start),
            _ => {
                let length = bytes[start..].iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b':'));
                length.map_or(bytes.len(), |length| start + length)
            }
        };
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// The offset after the container that begins at `start`.
fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The text that a string in quotes stands for.
pub fn text(quoted: &str) -> Cow<'_, str> {
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if memchr::memchr(b'\\', inner.as_bytes()).is_none() => Cow::Borrowed(inner),
        _ => Cow::Owned(Reader::new(quoted.as_bytes(), 0).string().unwrap_or_default()),
    }
}
