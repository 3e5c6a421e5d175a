//! Documents of a file, one after the other, with no more of the file in memory than the document at hand.

mod window;

use std::io::{self, Read};

use serde_json::Value;

use crate::json::{self, Normal};
use crate::{SyntaxError, yaml};
use window::Window;

/// How far into a file the decision between YAML and JSON looks.
const LOOK_AHEAD: usize = 4096;
/// The longest document, in bytes. Real ones stay below a fiftieth of this.
pub const LONGEST: usize = 128 << 20;
/// From this size on, and again at each doubling, what there is of a document that has no end yet is looked at.
const DOUBTFUL: usize = 4 << 20;

/// What a document is read as.
pub trait Form: Sized {
    /// Reads one JSON value.
    fn of_json(text: &[u8]) -> Result<Self, SyntaxError>;
    /// Reads one YAML document.
    fn of_yaml(text: &[u8]) -> Result<Self, SyntaxError>;
}

impl Form for Value {
    fn of_json(text: &[u8]) -> Result<Self, SyntaxError> {
        json::parse(text)
    }

    fn of_yaml(text: &[u8]) -> Result<Self, SyntaxError> {
        yaml::parse(text)
    }
}

impl Form for Normal {
    fn of_json(text: &[u8]) -> Result<Self, SyntaxError> {
        Self::of_json(text)
    }

    fn of_yaml(text: &[u8]) -> Result<Self, SyntaxError> {
        Self::of_yaml(text)
    }
}

/// Why a stream has no further document.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// What was read is neither YAML nor JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
}

/// The text of one document of a stream.
#[derive(Debug, Clone)]
pub struct Part<T> {
    /// The text: a JSON value, or a YAML document with the line feed that ends it.
    pub text: Vec<u8>,
    /// The line, counted from 1, at which it begins.
    pub line: u64,
    /// The column, counted from 1 in characters, at which it begins.
    column: u64,
    is_json: bool,
    /// What it says, if that had to be found out to know where it ends.
    known: Option<T>,
}

impl<T: Form> Part<T> {
    /// Reads the document. This is the expensive step, which other threads can take.
    pub fn read(&mut self) -> Result<T, SyntaxError> {
        match self.known.take() {
            Some(known) => Ok(known),
            None if self.is_json => T::of_json(&self.text).map_err(|error| error.below(self.line, self.column)),
            None => T::of_yaml(&self.text).map_err(|error| error.below(self.line, 1)),
        }
    }
}

/// The documents of a stream, in order; an error ends it.
///
/// A stream that begins with `{` is one of JSON values. If the first or second of them is broken, the rest is tried as YAML;
/// if that fails too, the JSON error counts. Otherwise lines that begin with `---` separate YAML documents, wherever they
/// stand.
#[derive(Debug)]
pub struct Parts<R, T> {
    window: Window<R>,
    mode: Mode,
    longest: usize,
    form: std::marker::PhantomData<fn() -> T>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Undecided,
    /// JSON, and how many values were read.
    Json(usize),
    Yaml,
    End,
}

impl<R: Read, T: Form> Parts<R, T> {
    /// The documents in what `reader` reads.
    pub fn new(reader: R) -> Self {
        Self { window: Window::new(reader), mode: Mode::Undecided, longest: LONGEST, form: std::marker::PhantomData }
    }

    /// The same with another limit on the length of a document, in bytes.
    #[must_use]
    pub fn with_longest(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    /// The same, but read in pieces of so many bytes.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn in_pieces(mut self, piece: usize) -> Self {
        self.window.piece = piece;
        self
    }

    /// Ends the stream, since what was read of it is broken.
    pub(crate) fn end(&mut self) {
        self.mode = Mode::End;
    }

    fn advance(&mut self) -> Result<Option<Part<T>>, StreamError> {
        if self.mode == Mode::Undecided {
            self.window.fill(LOOK_AHEAD)?;
            let text = self.window.text();
            let is_json = trim_start(&text[..text.len().min(LOOK_AHEAD)]).first() == Some(&b'{');
            self.mode = if is_json { Mode::Json(0) } else { Mode::Yaml };
        }
        match self.mode {
            Mode::Json(count) => self.next_json(count),
            Mode::Yaml => self.next_yaml(),
            _ => Ok(None),
        }
    }

    /// The error for the document that begins at this offset of the window.
    fn too_long(&self, start: usize) -> StreamError {
        let (line, column) = self.window.place(start);
        let message = format!("the document that begins here is longer than {} MiB", self.longest >> 20);
        SyntaxError { line: Some(line), column: Some(column), message }.into()
    }

    fn next_json(&mut self, count: usize) -> Result<Option<Part<T>>, StreamError> {
        // Before a value that turns out to be YAML, white space counts.
        let mut start = 0;
        loop {
            let text = self.window.text();
            let space = text[start..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
            start += space;
            if start < text.len() {
                break;
            }
            if count > 1 {
                self.window.take(start);
                start = 0;
            }
            if start > self.longest {
                return Err(self.too_long(0));
            }
            if !self.window.more()? {
                return Ok(None);
            }
        }
        let (line, column) = self.window.place(start);
        let end = self.json_end(start)?;
        let text = &self.window.text()[start..end];
        if count > 1 {
            let part = Part { text: text.to_vec(), line, column, is_json: true, known: None };
            self.window.take(end);
            self.mode = Mode::Json(count + 1);
            return Ok(Some(part));
        }
        match T::of_json(text) {
            Ok(value) => {
                let part = Part { text: text.to_vec(), line, column, is_json: true, known: Some(value) };
                self.window.take(end);
                self.mode = Mode::Json(count + 1);
                Ok(Some(part))
            }
            Err(error) => {
                let error = error.below(line, column);
                self.mode = Mode::Yaml;
                self.window.take(after_line(self.window.text()));
                match self.next_yaml() {
                    Ok(Some(mut part)) => match part.read() {
                        Ok(value) => Ok(Some(Part { known: Some(value), ..part })),
                        Err(_) => Err(error.into()),
                    },
                    Ok(None) => Ok(None),
                    Err(StreamError::Syntax(_)) => Err(error.into()),
                    Err(other) => Err(other),
                }
            }
        }
    }

    /// Where the value ends that begins at `start`; where it is broken, somewhere after the fault.
    fn json_end(&mut self, start: usize) -> Result<usize, StreamError> {
        let mut scan = json::End::new(&self.window.text()[start..]);
        let mut doubtful = DOUBTFUL;
        loop {
            if let Some(length) = scan.find(&self.window.text()[start..]) {
                return Ok(start + length);
            }
            let length = self.window.text().len() - start;
            if length > doubtful {
                doubtful = length * 2;
                if !json::may_go_on(&self.window.text()[start..]) {
                    return Ok(start + length);
                }
            }
            if length > self.longest {
                return Err(self.too_long(start));
            }
            if !self.window.more()? {
                // The end is within the value, or the value ends with the text.
                return Ok(self.window.text().len());
            }
        }
    }

    fn next_yaml(&mut self) -> Result<Option<Part<T>>, StreamError> {
        let Some((length, next)) = self.split()? else { return Ok(None) };
        let mut text = Vec::with_capacity(length + 1);
        text.extend_from_slice(&self.window.text()[..length]);
        if text.last() != Some(&b'\n') {
            // The decoder ends every line that it passes on.
            text.push(b'\n');
        }
        let (line, column) = (self.window.line, self.window.column);
        self.window.take(next);
        Ok(Some(Part { text, line, column, is_json: false, known: None }))
    }

    /// The length of the text up to the next separator, and the offset after that.
    fn split(&mut self) -> Result<Option<(usize, usize)>, StreamError> {
        let mut at = 0;
        let mut doubtful = DOUBTFUL;
        loop {
            let text = self.window.text();
            let is_separator = is_separator(text, at);
            if is_separator {
                if let Some(end) = memchr::memchr(b'\n', &text[at..]).map(|length| at + length + 1) {
                    if let Some(split) = self.separator(at, end)? {
                        return Ok(Some(split));
                    }
                    at = end;
                    continue;
                }
            } else if let Some(length) = memchr::memmem::find(&text[at..], b"\n---") {
                at += length + 1;
                continue;
            }
            let length = text.len();
            if length > doubtful {
                doubtful = length * 2;
                if yaml::is_hopeless(text) {
                    return Ok(Some((length, length)));
                }
            }
            if length > self.longest {
                return Err(self.too_long(0));
            }
            if !is_separator {
                // The beginning of a separator may be there already.
                let tail = text.len().saturating_sub(3).max(at);
                at = match memchr::memchr(b'\n', &text[tail..]) {
                    Some(length) => tail + length,
                    None if tail == at => at,
                    None => text.len(),
                };
            }
            if !self.window.more()? {
                let split = if is_separator { self.separator(at, length)? } else { None };
                return Ok(split.or((length > 0).then_some((length, length))));
            }
        }
    }

    /// The separator in the line from `at` to `end`: where it ends a document, the length of that and the offset after it.
    fn separator(&self, at: usize, end: usize) -> Result<Option<(usize, usize)>, StreamError> {
        let text = self.window.text();
        let rest = &text[at + 3..end];
        if !matches!(trim_start(rest).first(), None | Some(b'#')) {
            let (line, column) = self.window.place(at);
            let rest: String = String::from_utf8_lossy(rest).trim().chars().take(200).collect();
            let message = format!("invalid Yaml document separator: {rest}");
            return Err(SyntaxError { line: Some(line), column: Some(column), message }.into());
        }
        // A separator with nothing before it belongs to the document that follows, even if that is nothing.
        Ok((at > 0).then_some((at, end)))
    }
}

impl<R: Read, T: Form> Iterator for Parts<R, T> {
    type Item = Result<Part<T>, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.advance();
        if !matches!(result, Ok(Some(_))) {
            self.mode = Mode::End;
        }
        result.transpose()
    }
}

/// Whether a separator begins at the offset.
fn is_separator(text: &[u8], at: usize) -> bool {
    text[at..].starts_with(b"---") && (at == 0 || text[at - 1] == b'\n')
}

/// The offset after white space up to and including the first line feed.
fn after_line(text: &[u8]) -> usize {
    let space = text.len() - trim_start(text).len();
    memchr::memchr(b'\n', &text[..space]).map_or(space, |length| length + 1)
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
