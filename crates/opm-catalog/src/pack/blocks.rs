//! The data of a pack: bytes in blocks, each with a checksum that is verified whenever it is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::format::{BLOCK, HEADER};
use super::{Error, error};

/// How much is written at a time, in bytes: a number of whole blocks.
const PIECE: usize = 256 << 10;

/// Writes the data of a pack, and sums them up.
pub(super) struct Writer<'a> {
    file: &'a File,
    /// How much of the data is in the file.
    written: u64,
    /// What comes after that.
    pending: Vec<u8>,
    sums: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Writes into a file that is going to be a pack.
    pub(super) fn new(file: &'a File) -> Self {
        Self { file, written: 0, pending: Vec::with_capacity(PIECE), sums: Vec::new() }
    }

    /// Where the next byte goes.
    pub(super) fn offset(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == PIECE {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        for block in self.pending.chunks(BLOCK as usize) {
            self.sums.extend(crc32fast::hash(block).to_le_bytes());
        }
        self.file.write_all_at(&self.pending, HEADER as u64 + self.written)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Ends the data, and returns the checksums of its blocks.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.flush()?;
        Ok(self.sums)
    }
}

/// The data of an open pack.
#[derive(Debug)]
pub(super) struct Blocks {
    file: File,
    path: PathBuf,
    /// The length of the data.
    length: u64,
    /// The checksum of each block.
    sums: Vec<u32>,
    /// The buffers of windows that are closed. New ones would have to be cleared.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// How many buffers are kept, and how long they may be, in bytes.
const SPARE: usize = 16;
const SPARE_LENGTH: usize = 256 << 10;

impl Blocks {
    /// The data of a pack, given their length and their checksums.
    pub(super) fn new(file: File, path: &Path, length: u64, sums: Vec<u32>) -> Self {
        Self { file, path: path.to_owned(), length, sums, spare: Mutex::default() }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the blocks from `start`, where one begins, up to the one that holds the byte before `end`, into a buffer, of which they
    /// are the beginning then. Returns how much that is.
    fn read(&self, start: u64, end: u64, buffer: &mut Vec<u8>) -> Result<usize, Error> {
        let block = u64::from(BLOCK);
        let end = end.next_multiple_of(block).min(self.length);
        let length = usize::try_from(end - start).unwrap_or(usize::MAX);
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let out = &mut buffer[..length];
        let read = self.file.read_exact_at(out, HEADER as u64 + start);
        read.map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged(start),
            _ => error::read_fault(&self.path)(source),
        })?;
        let first = usize::try_from(start / block).unwrap_or(usize::MAX);
        for (at, bytes) in (first..).zip(out.chunks(BLOCK as usize)) {
            if self.sums.get(at) != Some(&crc32fast::hash(bytes)) {
                return Err(self.damaged(at as u64 * block));
            }
        }
        Ok(length)
    }

    /// The error for damage at an offset of the data.
    pub(super) fn damaged(&self, offset: u64) -> Error {
        damaged(&self.path, offset)
    }
}

fn damaged(path: &Path, offset: u64) -> Error {
    Error::Damaged { path: path.to_owned(), what: format!("the block at offset {}", HEADER as u64 + offset) }
}

/// The part of the data that was read last, and is verified.
pub(super) struct Window<'a> {
    pub(super) blocks: &'a Blocks,
    start: u64,
    /// How much of the buffer is that part.
    length: usize,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(blocks: &'a Blocks) -> Self {
        let buffer = blocks.spare().pop().unwrap_or_default();
        Self { blocks, start: 0, length: 0, buffer }
    }

    /// The data at `offset`. If they have to be read, then up to `ahead` bytes, as there are.
    pub(super) fn get(&mut self, offset: u64, length: usize, ahead: usize) -> Result<&[u8], Error> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.blocks.length);
        let end = end.ok_or_else(|| self.blocks.damaged(offset))?;
        if offset < self.start || end > self.start + self.length as u64 {
            let far = offset.saturating_add(ahead as u64).clamp(end, self.blocks.length);
            self.length = 0;
            self.start = offset - offset % u64::from(BLOCK);
            self.length = self.blocks.read(self.start, far, &mut self.buffer)?;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.buffer.get(from..from + length).unwrap_or_default())
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut spare = self.blocks.spare();
        if spare.len() < SPARE && buffer.len() <= SPARE_LENGTH {
            spare.push(buffer);
        }
    }
}
