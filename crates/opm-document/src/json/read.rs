use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::{MAX_DEPTH, SyntaxError};

/// Parses one JSON text as Go's `encoding/json` does.
///
/// Of duplicate keys the last wins; invalid UTF-8 and lone surrogates in strings become U+FFFD; integers that fit
/// neither `i64` nor `u64` become doubles. Anything but white space after the value is an error.
pub fn parse(text: &[u8]) -> Result<Value, SyntaxError> {
    let mut reader = Reader::new(text, 0);
    let value = reader.next_value()?;
    reader.skip_space();
    if reader.at < text.len() {
        return reader.unexpected("after the value").map_err(|error| *error);
    }
    Ok(value)
}

/// The bytes that end a run of ordinary ones in a string.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        special[control] = true;
        control += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

/// Reads JSON values off a text, one after the other.
pub(crate) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    /// The offset of the next byte to be read.
    pub(crate) at: usize,
}

/// Boxed, so that values travel light.
pub(super) type Parsed<T> = Result<T, Box<SyntaxError>>;

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Skips the white space of JSON.
    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The next value; an error if there is none.
    pub(crate) fn next_value(&mut self) -> Result<Value, SyntaxError> {
        self.skip_space();
        self.value(0).map_err(|error| *error)
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Box::new(SyntaxError::at(self.bytes, self.at, message)))
    }

    pub(super) fn unexpected<T>(&self, place: &str) -> Parsed<T> {
        match self.bytes[self.at.min(self.bytes.len())..].utf8_chunks().next() {
            None => self.fail("unexpected end of JSON input"),
            Some(chunk) => match chunk.valid().chars().next() {
                Some(character) => self.fail(format!("invalid character {character:?} {place}")),
                None => self.fail(format!("invalid byte 0x{:02x} {place}", self.bytes[self.at])),
            },
        }
    }

    pub(super) fn value(&mut self, depth: usize) -> Parsed<Value> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.word("null").map(|()| Value::Null),
            _ => self.unexpected("where a value is expected"),
        }
    }

    pub(super) fn word(&mut self, word: &str) -> Parsed<()> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return self.unexpected(&format!("in the word {word}"));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Steps into a container; says whether it is empty.
    pub(super) fn enter(&mut self, depth: usize, close: u8) -> Parsed<bool> {
        if depth > MAX_DEPTH {
            return self.fail(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.at += 1;
        self.skip_space();
        let empty = self.peek() == Some(close);
        self.at += usize::from(empty);
        Ok(empty)
    }

    /// Steps over a comma or the end of a container; says whether it was the end.
    pub(super) fn leave(&mut self, close: u8, place: &str) -> Parsed<bool> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            _ => self.unexpected(place),
        }
    }

    fn array(&mut self, depth: usize) -> Parsed<Value> {
        let mut items = Vec::new();
        let mut done = self.enter(depth, b']')?;
        while !done {
            items.push(self.value(depth)?);
            done = self.leave(b']', "after an array element")?;
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        let mut members = Map::new();
        let mut done = self.enter(depth, b'}')?;
        while !done {
            if self.peek() != Some(b'"') {
                return self.unexpected("where an object key in quotes is expected");
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return self.unexpected("after an object key");
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth)?;
            members.insert(key, value);
            done = self.leave(b'}', "after an object member")?;
        }
        Ok(Value::Object(members))
    }

    /// The string whose opening quote is next.
    pub(super) fn string(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            let special = self.bytes[start..].iter().position(|byte| SPECIAL[usize::from(*byte)]);
            let end = special.map_or(self.bytes.len(), |length| start + length);
            self.at = end;
            let piece = &self.bytes[start..end];
            let Some(byte @ (b'"' | b'\\')) = self.peek() else { return self.unexpected("in a string") };
            self.at += 1;
            if byte == b'"' {
                let piece = lossy(piece);
                return Ok(if text.is_empty() { piece.into_owned() } else { text + &piece });
            }
            text.push_str(&lossy(piece));
            self.escape(&mut text)?;
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, text: &mut String) -> Parsed<()> {
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let unit = self.hex4()?;
                text.push(self.unicode(unit));
                return Ok(());
            }
            _ => return self.unexpected("in a string escape"),
        };
        self.at += 1;
        text.push(character);
        Ok(())
    }

    /// The character of a `\u` escape, with the second half of a surrogate pair if it is there.
    fn unicode(&mut self, unit: u32) -> char {
        if (0xD800..0xDC00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            if let Ok(low @ 0xDC00..0xE000) = self.hex4() {
                let joined = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.at = back;
        }
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Parsed<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.unexpected("in a \\u escape");
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn digits(&mut self) -> Parsed<()> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.unexpected("in a number");
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    pub(super) fn number(&mut self) -> Parsed<Number> {
        let start = self.at;
        self.at += usize::from(self.bytes[start] == b'-');
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let integer_end = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = lossy(&self.bytes[start..self.at]);
        if self.at == integer_end && text != "-0" {
            if let Ok(integer) = text.parse::<i64>() {
                return Ok(integer.into());
            }
            if let Ok(integer) = text.parse::<u64>() {
                return Ok(integer.into());
            }
        }
        let float = text.parse().ok().and_then(Number::from_f64);
        float.ok_or_else(|| Box::new(SyntaxError::at(self.bytes, start, format!("number {text} is out of range"))))
    }
}

/// The text, with U+FFFD for every byte that is not part of a well-formed character.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}
