//! Documents in their normal form, straight from their text.

use serde_json::Value;

use super::cursor::Cursor;
use super::read::{Parsed, Reader};
use super::write::{self, Escapes, Numbers};
use crate::{SyntaxError, number, yaml};

/// A document in its normal form, the *blob* (see [`super::write_blob`]), and where in it its members are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal {
    text: String,
    /// Where the members end, each after its value; `None` if the document is no object.
    ends: Option<Vec<usize>>,
}

impl Normal {
    /// The normal form of JSON text: what [`super::blob`] says of [`super::parse`], without building a tree.
    pub fn of_json(text: &[u8]) -> Result<Self, SyntaxError> {
        let mut reader = Reader::new(text, 0);
        reader.skip_space();
        let mut writer = Writer { out: Vec::with_capacity(text.len()), members: Vec::new(), ends: Vec::new() };
        writer.value(&mut reader, 0).map_err(|error| *error)?;
        reader.skip_space();
        if reader.at < text.len() {
            return reader.unexpected("after the value").map_err(|error| *error);
        }
        let is_object = writer.out.first() == Some(&b'{');
        Ok(Self { text: super::into_string(writer.out), ends: is_object.then_some(writer.ends) })
    }

    /// The normal form of a YAML document.
    pub fn of_yaml(document: &[u8]) -> Result<Self, SyntaxError> {
        let value = yaml::parse(document)?;
        let mut out = Vec::with_capacity(document.len());
        let Value::Object(members) = &value else {
            super::write_blob(&value, &mut out);
            return Ok(Self { text: super::into_string(out), ends: None });
        };
        let mut ends = Vec::with_capacity(members.len());
        out.push(b'{');
        for (key, value) in members {
            if !ends.is_empty() {
                out.push(b',');
            }
            write::string(key, Escapes::Plain, &mut out);
            out.push(b':');
            write::compact(value, Escapes::Plain, Numbers::Doubles, &mut out);
            ends.push(out.len());
        }
        out.push(b'}');
        Ok(Self { text: super::into_string(out), ends: Some(ends) })
    }

    /// The text: compact JSON, keys sorted bytewise, every number a double.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same text, owned.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The members in the order of their keys, keys and values as they are in the text; `None` if the document is no object.
    pub fn members(&self) -> Option<impl Iterator<Item = (&str, &str)>> {
        let mut at = 1;
        let member = move |end: &usize| {
            let member = &self.text[at..*end];
            at = end + 1;
            let key = Cursor::new(member).raw();
            (key, &member[key.len() + 1..])
        };
        self.ends.as_ref().map(|ends| ends.iter().map(member))
    }
}

/// Whether JSON text, as far as it goes, is right, so that it may become a value if more follows.
pub(crate) fn may_go_on(text: &[u8]) -> bool {
    let mut reader = Reader::new(text, 0);
    reader.skip_space();
    let mut writer = Writer { out: Vec::new(), members: Vec::new(), ends: Vec::new() };
    writer.value(&mut reader, 0).is_ok() || reader.at >= text.len()
}

/// Where a member of an object that is being written is: its key begins, its key ends, its value ends.
#[derive(Clone, Copy)]
struct Member {
    key: usize,
    colon: usize,
    end: usize,
}

struct Writer {
    out: Vec<u8>,
    /// The members so far of all objects that are open.
    members: Vec<Member>,
    /// Where the members of the outermost object end.
    ends: Vec<usize>,
}

impl Writer {
    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Parsed<()> {
        let start = reader.at;
        match reader.peek() {
            Some(b'{') => return self.object(reader, depth + 1),
            Some(b'[') => return self.array(reader, depth + 1),
            Some(b'"') => return self.string(reader),
            Some(b'-' | b'0'..=b'9') => {
                let number = reader.number()?;
                number::write_json_double(&number, &mut self.out);
                return Ok(());
            }
            Some(b't') => reader.word("true")?,
            Some(b'f') => reader.word("false")?,
            Some(b'n') => reader.word("null")?,
            _ => return reader.unexpected("where a value is expected"),
        }
        self.out.extend_from_slice(&reader.bytes[start..reader.at]);
        Ok(())
    }

    fn array(&mut self, reader: &mut Reader<'_>, depth: usize) -> Parsed<()> {
        let mut done = reader.enter(depth, b']')?;
        self.out.push(b'[');
        while !done {
            self.value(reader, depth)?;
            done = reader.leave(b']', "after an array element")?;
            if !done {
                self.out.push(b',');
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, reader: &mut Reader<'_>, depth: usize) -> Parsed<()> {
        let mut done = reader.enter(depth, b'}')?;
        self.out.push(b'{');
        let start = self.out.len();
        let base = self.members.len();
        let mut is_sorted = true;
        while !done {
            if reader.peek() != Some(b'"') {
                return reader.unexpected("where an object key in quotes is expected");
            }
            let key = self.out.len();
            self.string(reader)?;
            let colon = self.out.len();
            if let Some(before) = self.members[base..].last() {
                is_sorted &= is_before(&self.out[before.key..before.colon], &self.out[key..colon]);
            }
            reader.skip_space();
            if reader.peek() != Some(b':') {
                return reader.unexpected("after an object key");
            }
            reader.at += 1;
            reader.skip_space();
            self.out.push(b':');
            self.value(reader, depth)?;
            self.members.push(Member { key, colon, end: self.out.len() });
            done = reader.leave(b'}', "after an object member")?;
            if !done {
                self.out.push(b',');
            }
        }
        if !is_sorted {
            self.sort(start, base);
        }
        if depth == 1 {
            self.ends = self.members.iter().map(|member| member.end).collect();
        }
        self.members.truncate(base);
        self.out.push(b'}');
        Ok(())
    }

    /// Sorts the members of the object that begins at `start`; of those with the same key the last stays.
    fn sort(&mut self, start: usize, base: usize) {
        let text = self.out.split_off(start);
        let piece = |from: usize, to: usize| &text[from - start..to - start];
        let mut members: Vec<(Vec<u8>, Member)> =
            self.members[base..].iter().map(|member| (decoded(piece(member.key, member.colon)), *member)).collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        self.members.truncate(base);
        for (index, (name, member)) in members.iter().enumerate() {
            if members.get(index + 1).is_some_and(|(next, _)| next == name) {
                continue;
            }
            if self.members.len() > base {
                self.out.push(b',');
            }
            let key = self.out.len();
            self.out.extend_from_slice(piece(member.key, member.end));
            self.members.push(Member { key, colon: key + (member.colon - member.key), end: self.out.len() });
        }
    }

    /// Copies a string. What is spelled as the normal form spells it, which is nearly everything, is copied as it is.
    fn string(&mut self, reader: &mut Reader<'_>) -> Parsed<()> {
        let bytes = reader.bytes;
        let start = reader.at;
        let mut at = start + 1;
        while let Some(length) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
            let end = at + length;
            if !is_plain(&bytes[at..end]) {
                break;
            }
            if bytes[end] == b'"' {
                reader.at = end + 1;
                self.out.extend_from_slice(&bytes[start..reader.at]);
                return Ok(());
            }
            if !matches!(bytes.get(end + 1), Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')) {
                break;
            }
            at = end + 2;
        }
        let text = reader.string()?;
        write::string(&text, Escapes::Plain, &mut self.out);
        Ok(())
    }
}

/// Whether there is nothing but ASCII without control characters.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| chunk.iter().fold(true, |plain, byte| plain & (b' '..0x80).contains(byte)))
}

/// Whether one key in quotes comes before another.
fn is_before(one: &[u8], other: &[u8]) -> bool {
    if memchr::memchr(b'\\', one).is_some() || memchr::memchr(b'\\', other).is_some() {
        return decoded(one) < decoded(other);
    }
    one[1..one.len() - 1] < other[1..other.len() - 1]
}

/// What a key in quotes says.
fn decoded(quoted: &[u8]) -> Vec<u8> {
    Reader::new(quoted, 0).string().unwrap_or_default().into_bytes()
}
