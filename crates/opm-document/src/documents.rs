//! Files that hold any number of documents, as the Kubernetes "YAML or JSON" decoder sees them.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::newlines;
use crate::json::Reader;
use crate::{SyntaxError, yaml};

/// How far into a file the decision between YAML and JSON looks.
const LOOK_AHEAD: usize = 4096;

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<'a> {
    /// What it says. A part of the file with nothing but comments is a null document.
    pub value: Value,
    /// The line, counted from 1, at which it begins.
    pub line: u64,
    /// Its text, from which [`Document::locate`] finds places.
    pub text: Cow<'a, [u8]>,
}

impl Document<'_> {
    /// Line and column, both from 1, at which a value of the document stands in the file. See [`yaml::locate`]; the
    /// column is exact unless another JSON value precedes this one on the same line.
    pub fn locate(&self, path: &[yaml::PathSegment<'_>]) -> Option<(u64, u64)> {
        yaml::locate(&self.text, path).map(|(line, column)| (self.line + line - 1, column))
    }
}

/// All documents of a file, in order, parsed as they are asked for. After an error there are no more.
///
/// A file that begins with `{` is a stream of JSON values. If the first or second of them is broken, the rest of the
/// file is tried as YAML; if that fails too, the JSON error counts. Otherwise lines that begin with `---` separate YAML
/// documents, wherever they stand.
#[derive(Debug, Clone)]
pub struct Documents<'a> {
    input: &'a [u8],
    /// The offset of what has not been read yet.
    at: usize,
    /// The line of that offset.
    line: u64,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    /// JSON, and how many values were read.
    Json(usize),
    Yaml,
    End,
}

impl<'a> Documents<'a> {
    /// The documents of a file with this content.
    pub fn new(input: &'a [u8]) -> Self {
        let head = &input[..input.len().min(LOOK_AHEAD)];
        let json = trim_start(head).first() == Some(&b'{');
        Self { input, at: 0, line: 1, mode: if json { Mode::Json(0) } else { Mode::Yaml } }
    }

    fn advance(&mut self, to: usize) {
        self.line += newlines(&self.input[self.at..to]);
        self.at = to;
    }

    fn next_json(&mut self, count: usize) -> Result<Option<Document<'a>>, SyntaxError> {
        let mut reader = Reader::new(self.input, self.at);
        reader.skip_space();
        if reader.at == self.input.len() {
            return Ok(None);
        }
        let start = reader.at;
        match reader.next_value() {
            Ok(value) => {
                self.advance(start);
                let line = self.line;
                self.advance(reader.at);
                self.mode = Mode::Json(count + 1);
                Ok(Some(Document { value, line, text: Cow::Borrowed(&self.input[start..reader.at]) }))
            }
            Err(error) if count > 1 => Err(error),
            Err(error) => {
                self.mode = Mode::Yaml;
                self.advance(after_line(self.input, self.at));
                match self.next_yaml() {
                    Ok(document) => Ok(document),
                    Err(_) => Err(error),
                }
            }
        }
    }

    fn next_yaml(&mut self) -> Result<Option<Document<'a>>, SyntaxError> {
        let Some((text, next)) = self.split()? else { return Ok(None) };
        let line = self.line;
        self.advance(next);
        let text = match text.last() {
            // The decoder ends every line that it passes on.
            Some(b'\n') => Cow::Borrowed(text),
            _ => Cow::Owned([text, b"\n"].concat()),
        };
        let value = yaml::parse(&text).map_err(|error| error.below(line))?;
        Ok(Some(Document { value, line, text }))
    }

    /// The text up to the next separator, and the offset after that.
    fn split(&self) -> Result<Option<(&'a [u8], usize)>, SyntaxError> {
        let mut at = self.at;
        loop {
            if let Some(rest) = self.input[at..].strip_prefix(b"---") {
                let rest = &rest[..memchr::memchr(b'\n', rest).map_or(rest.len(), |length| length + 1)];
                if !matches!(trim_start(rest).first(), None | Some(b'#')) {
                    let rest = String::from_utf8_lossy(rest);
                    let message = format!("invalid Yaml document separator: {}", rest.trim());
                    return Err(SyntaxError::at(self.input, at, message));
                }
                let end = at + 3 + rest.len();
                if at > self.at {
                    return Ok(Some((&self.input[self.at..at], end)));
                }
                // A separator with nothing before it belongs to the document that follows, even if that is nothing.
                at = end;
            } else if let Some(length) = memchr::memmem::find(&self.input[at..], b"\n---") {
                at += length + 1;
            } else {
                let text = &self.input[self.at..];
                return Ok((!text.is_empty()).then_some((text, self.input.len())));
            }
        }
    }
}

impl<'a> Iterator for Documents<'a> {
    type Item = Result<Document<'a>, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = match self.mode {
            Mode::End => Ok(None),
            Mode::Json(count) => self.next_json(count),
            Mode::Yaml => self.next_yaml(),
        };
        if !matches!(result, Ok(Some(_))) {
            self.mode = Mode::End;
        }
        result.transpose()
    }
}

/// The first document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct First {
    /// What it says; `None` if the file is empty.
    pub value: Option<Value>,
    /// Whether anything but blanks, comments and separators follows.
    pub more: bool,
}

/// The first document of a file that may be YAML or JSON; `None` if the file is empty. A file that begins with a
/// comment and a separator has a first document that is null.
pub fn first(input: &[u8]) -> Result<Option<Value>, SyntaxError> {
    Documents::new(input).next().transpose().map(|document| document.map(|document| document.value))
}

/// [`first`], and whether there is more in the file.
pub fn first_of(input: &[u8]) -> Result<First, SyntaxError> {
    let mut documents = Documents::new(input);
    let value = documents.next().transpose()?.map(|document| document.value);
    let more = input[documents.at..].split(|byte| *byte == b'\n').any(|line| {
        let line = trim_start(line);
        !(line.is_empty() || line.starts_with(b"#") || line.starts_with(b"---"))
    });
    Ok(First { value, more })
}

/// The offset after white space up to and including the first line feed.
fn after_line(input: &[u8], from: usize) -> usize {
    let space = input.len() - trim_start(&input[from..]).len();
    memchr::memchr(b'\n', &input[from..space]).map_or(space, |length| from + length + 1)
}

/// The bytes without the white space, as Unicode has it, that they begin with.
fn trim_start(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = bytes.trim_ascii_start();
        let space: usize = match bytes {
            [0x0B, ..] => 1,
            [0xC2, 0x85 | 0xA0, ..] => 2,
            [0xE1, 0x9A, 0x80, ..]
            | [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..]
            | [0xE2, 0x81, 0x9F, ..]
            | [0xE3, 0x80, 0x80, ..] => 3,
            _ => return bytes,
        };
        bytes = &bytes[space..];
    }
}

#[cfg(test)]
mod tests;
