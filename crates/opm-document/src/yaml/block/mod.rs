//! The fast path: a scanner for the block style that nearly all documents are written in.
//!
//! It builds the value in one pass and gives up (`None`) on everything it is not sure of: anchors, tags, directives,
//! complex keys, flow collections over several lines, line breaks other than line feeds, and anything that looks like a
//! mistake. The general parser then takes the whole document. Whatever is accepted here means the same there.

mod flow;
mod scalars;

use serde_json::{Map, Value};

use super::scalar::{self, Scalar};

/// Deeper documents go to the general parser.
const DEPTH: usize = 100;

/// Keys must be shorter than the 1024 characters of the general parser.
const KEY: usize = 1000;

pub(super) fn parse(document: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(document).ok()?;
    let tabs = simple(document)?;
    let at = if text.starts_with("---\n") { 4 } else { 0 };
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at, tabs };
    let Some(line) = scanner.peek() else { return Some(Value::Null) };
    if line.indent != 0 || !(scanner.is_entry(line.start) || scanner.key(line.start).is_some()) {
        return None;
    }
    let value = scanner.node(line.start, 0, 0, 0)?;
    scanner.peek().is_none().then_some(value)
}

/// Refuses what must not be in a document and line breaks other than line feeds; says whether there are tabs.
fn simple(bytes: &[u8]) -> Option<bool> {
    let mut tabs = false;
    let mut foreign = false;
    for chunk in bytes.chunks(4096) {
        let mut control = false;
        for byte in chunk {
            control |= (*byte < 0x20 && *byte != b'\n' && *byte != b'\t') || *byte == 0x7F;
            tabs |= *byte == b'\t';
            foreign |= *byte >= 0x80;
        }
        if control {
            return None;
        }
    }
    // C1 controls with NEL, the separators U+2028 and U+2029, the byte order mark, U+FFFE and U+FFFF.
    let refused = foreign
        && memchr::memchr3_iter(0xC2, 0xE2, 0xEF, bytes).any(|at| {
            matches!(
                bytes[at..],
                [0xC2, ..0xA0, ..]
                    | [0xE2, 0x80, 0xA8 | 0xA9, ..]
                    | [0xEF, 0xBB, 0xBF, ..]
                    | [0xEF, 0xBF, 0xBE | 0xBF, ..]
            )
        });
    (!refused).then_some(tabs)
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Between tokens always the beginning of a line.
    at: usize,
    /// Whether there are any in the text.
    tabs: bool,
}

/// A line with content.
#[derive(Clone, Copy)]
struct Line {
    /// The offset of the content.
    start: usize,
    /// The spaces before it.
    indent: usize,
}

/// The column of a collection, which what belongs to it must exceed.
type Indent = usize;

impl<'a> Scanner<'a> {
    /// The byte at an offset; the end of the text counts as the end of a line.
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    #[inline]
    fn is_blank_or_end(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\n')
    }

    /// The offset of the next line feed, or of the end.
    #[inline]
    fn line_end(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |length| from + length)
    }

    /// The offset of the next byte that is not a space. Half of a deeply nested document is indentation.
    #[inline]
    fn skip_spaces(&self, mut at: usize) -> usize {
        while let Some(word) = self.bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            let others = u64::from_le_bytes(*word) ^ u64::from_le_bytes([b' '; 8]);
            if others != 0 {
                return at + others.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        while self.bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        at
    }

    /// Makes the line after the one that `at` is on the next one.
    #[inline]
    fn next_line(&mut self, at: usize) {
        self.at = (self.line_end(at) + 1).min(self.bytes.len());
    }

    /// The next line that is neither blank nor a comment.
    #[inline]
    fn peek(&mut self) -> Option<Line> {
        loop {
            let start = self.skip_spaces(self.at);
            match self.bytes.get(start)? {
                b'\n' => self.at = start + 1,
                b'#' => self.next_line(start),
                _ => return Some(Line { start, indent: start - self.at }),
            }
        }
    }

    /// Whether a sequence entry begins at the offset.
    #[inline]
    fn is_entry(&self, at: usize) -> bool {
        self.bytes.get(at) == Some(&b'-') && self.is_blank_or_end(at + 1)
    }

    /// The node at `start`, below a collection in column `parent`. If it is a collection itself, its column is `indent`.
    #[inline]
    fn node(&mut self, start: usize, indent: Indent, parent: Indent, depth: usize) -> Option<Value> {
        if self.is_entry(start) {
            return self.sequence(start, indent, depth);
        }
        match self.key(start) {
            Some(key) => self.mapping(key, indent, depth),
            None => self.value(start, parent, depth),
        }
    }

    fn sequence(&mut self, first: usize, indent: Indent, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        let mut items = Vec::new();
        let mut dash = first;
        loop {
            items.push(self.entry(dash, indent, depth)?);
            let Some(line) = self.peek() else { break };
            if line.indent > indent {
                return None;
            }
            if line.indent < indent || !self.is_entry(line.start) {
                break;
            }
            dash = line.start;
        }
        Some(Value::Array(items))
    }

    /// The entry of a sequence whose dash is given.
    fn entry(&mut self, dash: usize, indent: Indent, depth: usize) -> Option<Value> {
        let start = self.skip_spaces(dash + 1);
        if self.byte(start) == b'\n' || self.byte(start) == b'#' {
            self.next_line(start);
            return match self.peek() {
                Some(line) if line.indent > indent => self.node(line.start, line.indent, indent, depth + 1),
                _ => Some(Value::Null),
            };
        }
        self.node(start, indent + (start - dash), indent, depth + 1)
    }

    fn mapping(&mut self, first: Key<'a>, indent: Indent, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        let mut members = Map::new();
        let mut key = first;
        loop {
            let meaning = if key.plain { scalar::resolve(key.text) } else { Scalar::Text };
            let name = scalar::key(meaning, key.text.into()).ok()?;
            let after = self.skip_spaces(key.end);
            let value = match self.byte(after) {
                b'\n' => self.member_below(after, indent, depth)?,
                b'#' if after > key.end => self.member_below(after, indent, depth)?,
                _ => self.value(after, indent, depth)?,
            };
            members.insert(name, value);
            let Some(line) = self.peek() else { break };
            if line.indent > indent {
                return None;
            }
            if line.indent < indent || self.is_entry(line.start) {
                break;
            }
            key = self.key(line.start)?;
        }
        Some(Value::Object(members))
    }

    /// The value of a key on whose line, at `after`, there is none.
    fn member_below(&mut self, after: usize, indent: Indent, depth: usize) -> Option<Value> {
        self.next_line(after);
        match self.peek() {
            Some(line) if line.indent > indent => self.node(line.start, line.indent, indent, depth + 1),
            // A sequence may stand in the column of its key.
            Some(line) if line.indent == indent && self.is_entry(line.start) => {
                self.sequence(line.start, indent, depth + 1)
            }
            _ => Some(Value::Null),
        }
    }

    /// The key that begins at the offset, if one does. Some keys are not recognised; what is recognised is one.
    #[inline]
    fn key(&self, start: usize) -> Option<Key<'a>> {
        let first = *self.bytes.get(start)?;
        if matches!(first, b'"' | b'\'') {
            return self.quoted_key(start, first);
        }
        let begins = first.is_ascii_alphanumeric()
            || matches!(first, b'_' | b'/' | b'.' | b'$' | b'(' | 0x80..)
            || first == b'-' && self.byte(start + 1).is_ascii_alphanumeric();
        if !begins || self.bytes[start..].starts_with(b"...") {
            return None;
        }
        let window = &self.bytes[start..self.bytes.len().min(start + KEY)];
        let colon = memchr::memchr2_iter(b':', b'\n', window)
            .find(|length| window[*length] == b'\n' || self.is_blank_or_end(start + length + 1))?;
        let text = &self.text[start..start + colon];
        let doubtful = text.ends_with(' ') || text.bytes().any(|byte| matches!(byte, b'#' | b'\t'));
        (window[colon] == b':' && !doubtful).then_some(Key { text, plain: true, end: start + colon + 1 })
    }

    fn quoted_key(&self, start: usize, quote: u8) -> Option<Key<'a>> {
        let window = &self.bytes[start + 1..self.bytes.len().min(start + KEY)];
        let length = window.iter().position(|byte| *byte == quote || matches!(byte, b'\n' | b'\\'))?;
        let close = start + 1 + length;
        let closed = self.bytes[close] == quote && self.bytes.get(close + 1) == Some(&b':');
        (closed && self.is_blank_or_end(close + 2)).then(|| Key {
            text: &self.text[start + 1..close],
            plain: false,
            end: close + 2,
        })
    }

    /// The scalar or flow collection that begins at the offset, below a collection in column `parent`.
    fn value(&mut self, start: usize, parent: Indent, depth: usize) -> Option<Value> {
        match self.byte(start) {
            b'|' | b'>' => self.block_scalar(start, parent),
            b'"' => {
                let text = self.double_quoted(start, parent)?;
                self.end_of_value()?;
                Some(Value::String(text))
            }
            b'\'' => {
                let text = self.single_quoted(start, parent)?;
                self.end_of_value()?;
                Some(Value::String(text))
            }
            b'[' | b'{' => {
                let value = self.flow(start, depth)?;
                self.end_of_value()?;
                Some(value)
            }
            b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'?' | b'#' | b',' | b'}' | b']' | b'\t' => None,
            b'-' | b':' if self.is_blank_or_end(start + 1) => None,
            _ => self.plain(start, parent),
        }
    }

    /// Steps over the rest of a line on which nothing but a comment may follow.
    fn end_of_value(&mut self) -> Option<()> {
        let end = self.skip_spaces(self.at);
        if self.byte(end) != b'\n' && !(self.byte(end) == b'#' && end > self.at) {
            return None;
        }
        self.next_line(end);
        Some(())
    }
}

/// A key on one line.
struct Key<'a> {
    text: &'a str,
    /// Whether it may be something else than a string.
    plain: bool,
    /// The offset after the colon.
    end: usize,
}
