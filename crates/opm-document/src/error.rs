use std::fmt;

/// Where and why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SyntaxError {
    /// The line, counted from 1, in the whole input that was given.
    pub line: Option<u64>,
    /// The column in characters, counted from 1.
    pub column: Option<u64>,
    /// What is wrong there, in one line without a full stop.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: {}", self.message),
            (Some(line), None) => write!(f, "line {line}: {}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

impl SyntaxError {
    /// An error at a byte offset of `input`.
    pub(crate) fn at(input: &[u8], offset: usize, message: impl Into<String>) -> Self {
        let (line, column) = position(input, offset);
        Self { line: Some(line), column: Some(column), message: message.into() }
    }

    /// The same error seen from an input of which the failing document is the part that begins at this place.
    pub(crate) fn below(mut self, line: u64, column: u64) -> Self {
        if self.line == Some(1) {
            self.column = self.column.map(|own| own + column - 1);
        }
        self.line = self.line.map(|own| own + line - 1);
        self
    }
}

/// Line and column (both from 1, the column in characters) of a byte offset.
pub(crate) fn position(input: &[u8], offset: usize) -> (u64, u64) {
    let before = &input[..offset.min(input.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let characters = before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    (newlines(before) + 1, characters as u64 + 1)
}

/// The number of line feeds.
pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
