//! The part of an input that is in memory.

use std::io::{self, Read};

use crate::error::newlines;

/// [`Window::piece`] unless a test asks for less.
const PIECE: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The offset in the buffer of what was not taken yet.
    start: usize,
    is_done: bool,
    /// How much is read at a time, in bytes.
    pub(super) piece: usize,
    /// The line, from 1, of what comes next.
    pub(super) line: u64,
    /// The column of it in characters, from 1.
    pub(super) column: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, is_done: false, piece: PIECE, line: 1, column: 1 }
    }

    /// What was read and not taken yet.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Reads until there are that many bytes, or no more.
    pub(super) fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.text().len() < length && self.more()? {}
        Ok(())
    }

    /// Reads more; says whether there was any.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.is_done {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        // Long documents are read in longer pieces.
        let piece = self.piece.max(self.buffer.len() / 2) as u64;
        let read = self.reader.by_ref().take(piece).read_to_end(&mut self.buffer)?;
        self.is_done = read == 0;
        Ok(read > 0)
    }

    /// Line and column of an offset in the text.
    pub(super) fn place(&self, at: usize) -> (u64, u64) {
        let passed = &self.text()[..at];
        let line_start = memchr::memrchr(b'\n', passed).map(|feed| feed + 1);
        let characters = passed[line_start.unwrap_or(0)..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
        let column = if line_start.is_some() { 1 } else { self.column };
        (self.line + newlines(passed), column + characters)
    }

    /// Goes on to an offset in the text.
    pub(super) fn take(&mut self, to: usize) {
        (self.line, self.column) = self.place(to);
        self.start += to;
    }
}
