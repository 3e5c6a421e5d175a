//! Scalars of the fast path: plain, quoted, literal and folded.

use std::borrow::Cow;

use serde_json::Value;

use super::{Indent, Scanner};
use crate::yaml::scalar;

impl<'a> Scanner<'a> {
    /// A plain scalar, perhaps over several lines.
    pub(super) fn plain(&mut self, start: usize, parent: Indent) -> Option<Value> {
        let mut line = self.plain_line(start)?;
        let mut text = Cow::Borrowed(line.text);
        while !line.comment {
            let (next, breaks) = self.skip_breaks(self.at);
            if next.start >= self.bytes.len() || next.indent <= parent {
                break;
            }
            if self.bytes[next.start] == b'#' {
                return None;
            }
            line = self.plain_line(next.start)?;
            fold(text.to_mut(), breaks);
            text.to_mut().push_str(line.text);
        }
        let scalar = scalar::resolve(&text);
        scalar::value(scalar, text).ok()
    }

    /// The part of a plain scalar on this line; goes to the next one.
    #[inline]
    fn plain_line(&mut self, start: usize) -> Option<PlainLine<'a>> {
        let mut at = start;
        let mut comment = false;
        let end = loop {
            let Some(length) = memchr::memchr3(b'\n', b':', b'#', &self.bytes[at..]) else { break self.bytes.len() };
            at += length;
            match self.bytes[at] {
                b'\n' => break at,
                b'#' if at > start && self.bytes[at - 1] == b' ' => {
                    comment = true;
                    break at;
                }
                b':' if self.is_blank_or_end(at + 1) => return None,
                _ => at += 1,
            }
        };
        let text = self.text[start..end].trim_end_matches(' ');
        if self.tabs && text.contains('\t') {
            return None;
        }
        if comment {
            self.next_line(end);
        } else {
            self.at = (end + 1).min(self.bytes.len());
        }
        Some(PlainLine { text, comment })
    }

    /// Skips blank lines from the beginning of one; returns the next line, which may be the end, and their number.
    fn skip_breaks(&self, mut at: usize) -> (super::Line, usize) {
        let mut breaks = 0;
        loop {
            let start = self.skip_spaces(at);
            if self.bytes.get(start) != Some(&b'\n') {
                return (super::Line { start, indent: start - at }, breaks);
            }
            breaks += 1;
            at = start + 1;
        }
    }

    /// Folds the line break at `end` of a quoted scalar; returns where its text goes on.
    fn quoted_break(&self, end: usize, text: &mut String, parent: Indent) -> Option<usize> {
        let (next, breaks) = self.skip_breaks(end + 1);
        if next.start >= self.bytes.len() || next.indent <= parent || self.bytes[next.start] == b'\t' {
            return None;
        }
        fold(text, breaks);
        Some(next.start)
    }

    pub(super) fn single_quoted(&mut self, start: usize, parent: Indent) -> Option<String> {
        let mut text = String::new();
        let mut from = start + 1;
        loop {
            let at = from + memchr::memchr2(b'\'', b'\n', &self.bytes[from..])?;
            let piece = &self.text[from..at];
            if self.bytes[at] == b'\n' {
                text.push_str(trim_line(piece)?);
                from = self.quoted_break(at, &mut text, parent)?;
            } else if self.byte(at + 1) == b'\'' {
                text.push_str(&self.text[from..=at]);
                from = at + 2;
            } else {
                self.at = at + 1;
                return Some(if text.is_empty() { piece.to_owned() } else { text + piece });
            }
        }
    }

    pub(super) fn double_quoted(&mut self, start: usize, parent: Indent) -> Option<String> {
        let mut text = String::new();
        let mut from = start + 1;
        loop {
            let at = from + memchr::memchr3(b'"', b'\\', b'\n', &self.bytes[from..])?;
            let piece = &self.text[from..at];
            match self.bytes[at] {
                b'"' => {
                    self.at = at + 1;
                    return Some(if text.is_empty() { piece.to_owned() } else { text + piece });
                }
                b'\n' => {
                    text.push_str(trim_line(piece)?);
                    from = self.quoted_break(at, &mut text, parent)?;
                }
                _ => {
                    text.push_str(piece);
                    from = self.escape(at, &mut text, parent)?;
                }
            }
        }
    }

    /// Appends what the escape at `backslash` stands for; returns where the text goes on.
    fn escape(&self, backslash: usize, text: &mut String, parent: Indent) -> Option<usize> {
        let letter = *self.bytes.get(backslash + 1)?;
        let character = match letter {
            b'0' => '\0',
            b't' => '\t',
            b'n' => '\n',
            b'r' => '\r',
            b'e' => '\u{1b}',
            b' ' | b'"' | b'\\' => char::from(letter),
            b'x' | b'u' | b'U' => {
                let from = backslash + 2;
                let digits = match letter {
                    b'x' => 2,
                    b'u' => 4,
                    _ => 8,
                };
                let hex = self.text.get(from..from + digits)?;
                if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return None;
                }
                text.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
                return Some(from + digits);
            }
            b'\n' => {
                let (next, breaks) = self.skip_breaks(backslash + 2);
                let text_follows = next.start < self.bytes.len() && self.bytes[next.start] != b'\t';
                return (breaks == 0 && text_follows && next.indent > parent).then_some(next.start);
            }
            _ => return None,
        };
        text.push(character);
        Some(backslash + 2)
    }

    /// A literal or folded scalar whose `|` or `>` is given.
    pub(super) fn block_scalar(&mut self, start: usize, parent: Indent) -> Option<Value> {
        let header = self.block_header(start)?;
        let (first, mut trailing) = self.skip_breaks(header.end);
        let widest_blank = self.text[header.end..first.start - first.indent].split('\n').map(str::len).max();
        let indent = header.increment.map_or(first.indent.max(parent + 1), |increment| parent + increment);
        let unclear = header.increment.is_none() && self.byte(first.start) == b'\t';
        if unclear || widest_blank.is_some_and(|width| width > indent) {
            return None;
        }
        let mut text = String::new();
        let mut leading = false;
        let mut leading_blank = false;
        let mut line = first.start - first.indent;
        loop {
            let content = line + self.bytes[line..].iter().take(indent).take_while(|byte| **byte == b' ').count();
            if content - line < indent || content >= self.bytes.len() {
                // A tab where indentation is expected is a mistake.
                if self.byte(content) == b'\t' {
                    return None;
                }
                break;
            }
            let blank = matches!(self.bytes[content], b' ' | b'\t');
            if header.folded && leading && !leading_blank && !blank {
                if trailing == 0 {
                    text.push(' ');
                }
            } else if leading {
                text.push('\n');
            }
            text.extend(std::iter::repeat_n('\n', trailing));
            leading_blank = blank;
            let end = self.line_end(content);
            text.push_str(&self.text[content..end]);
            leading = end < self.bytes.len();
            line = (end + 1).min(self.bytes.len());
            trailing = 0;
            // Lines of at most the indentation are blank.
            loop {
                let start = line + self.bytes[line..].iter().take(indent).take_while(|byte| **byte == b' ').count();
                if self.bytes.get(start) != Some(&b'\n') {
                    break;
                }
                trailing += 1;
                line = start + 1;
            }
        }
        if header.chomping != Some(b'-') && leading {
            text.push('\n');
        }
        if header.chomping == Some(b'+') {
            text.extend(std::iter::repeat_n('\n', trailing));
        }
        self.at = line;
        Some(Value::String(text))
    }

    fn block_header(&self, start: usize) -> Option<Header> {
        let mut header = Header { folded: self.bytes[start] == b'>', chomping: None, increment: None, end: 0 };
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                byte @ (b'-' | b'+') if header.chomping.is_none() => header.chomping = Some(byte),
                byte @ b'1'..=b'9' if header.increment.is_none() => header.increment = Some(usize::from(byte - b'0')),
                b' ' | b'\n' => break,
                _ => return None,
            }
            at += 1;
        }
        let end = self.skip_spaces(at);
        if self.bytes.get(end) != Some(&b'\n') {
            return None;
        }
        header.end = end + 1;
        Some(header)
    }
}

/// What a plain scalar has on one line.
struct PlainLine<'a> {
    text: &'a str,
    /// Whether a comment follows, which ends the scalar.
    comment: bool,
}

/// What follows the `|` or `>` of a block scalar.
struct Header {
    folded: bool,
    chomping: Option<u8>,
    increment: Option<usize>,
    /// The offset of the next line.
    end: usize,
}

/// One line break is a space; of more, the first goes.
fn fold(text: &mut String, breaks: usize) {
    if breaks == 0 {
        text.push(' ');
    } else {
        text.extend(std::iter::repeat_n('\n', breaks));
    }
}

/// A line of a quoted scalar that others follow, without the blanks at its end.
fn trim_line(piece: &str) -> Option<&str> {
    let trimmed = piece.trim_end_matches(' ');
    (!trimmed.ends_with('\t')).then_some(trimmed)
}
