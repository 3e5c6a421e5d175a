//! Flow collections of the fast path: on one line, with scalars that cannot be mistaken for anything else.

use serde_json::{Map, Value};

use super::{DEPTH, Scanner};
use crate::yaml::scalar;

impl<'a> Scanner<'a> {
    /// The collection whose bracket is given; `self.at` is left after its end.
    pub(super) fn flow(&mut self, start: usize, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        self.at = self.skip_spaces(start + 1);
        if self.byte(start) == b'[' { self.flow_sequence(depth) } else { self.flow_mapping(depth) }
    }

    fn flow_sequence(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while self.byte(self.at) != b']' {
            items.push(self.flow_value(depth)?);
            self.flow_separator(b']')?;
        }
        self.at += 1;
        Some(Value::Array(items))
    }

    fn flow_mapping(&mut self, depth: usize) -> Option<Value> {
        let mut members = Map::new();
        while self.byte(self.at) != b'}' {
            let quoted = matches!(self.byte(self.at), b'"' | b'\'');
            let key = if quoted {
                self.flow_quoted()?
            } else {
                let text = self.flow_plain()?;
                scalar::key(scalar::resolve(text), text.into()).ok()?
            };
            if self.byte(self.at) != b':' || !(quoted || self.byte(self.at + 1) == b' ') {
                return None;
            }
            self.at = self.skip_spaces(self.at + 1);
            let value = self.flow_value(depth)?;
            members.insert(key, value);
            self.flow_separator(b'}')?;
        }
        self.at += 1;
        Some(Value::Object(members))
    }

    /// Steps over a comma, or stops before the end of the collection.
    fn flow_separator(&mut self, close: u8) -> Option<()> {
        self.at = self.skip_spaces(self.at);
        match self.byte(self.at) {
            b',' => {
                self.at = self.skip_spaces(self.at + 1);
                Some(())
            }
            byte => (byte == close).then_some(()),
        }
    }

    fn flow_value(&mut self, depth: usize) -> Option<Value> {
        match self.byte(self.at) {
            b'[' | b'{' => self.flow(self.at, depth + 1),
            b'"' | b'\'' => self.flow_quoted().map(Value::String),
            _ => {
                let text = self.flow_plain()?;
                scalar::value(scalar::resolve(text), text.into()).ok()
            }
        }
    }

    /// A quoted scalar on this line, short enough to be a key.
    fn flow_quoted(&mut self) -> Option<String> {
        let start = self.at;
        let end = self.line_end(start);
        let text = match self.byte(start) {
            b'"' => self.double_quoted(start, 0)?,
            _ => self.single_quoted(start, 0)?,
        };
        (self.at <= end && self.at - start < super::KEY).then_some(text)
    }

    fn flow_plain(&mut self) -> Option<&'a str> {
        let start = self.at;
        let safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-' | b'+' | b' ');
        let length = self.bytes[start..].iter().take_while(|byte| safe(byte)).count();
        let text = self.text[start..start + length].trim_end_matches(' ');
        let begins = text.as_bytes().first()?;
        let lone = *begins == b'-' && !text.as_bytes().get(1)?.is_ascii_alphanumeric();
        if lone || text.len() >= super::KEY || !matches!(self.byte(start + length), b',' | b']' | b'}' | b':') {
            return None;
        }
        self.at = start + length;
        Some(text)
    }
}
