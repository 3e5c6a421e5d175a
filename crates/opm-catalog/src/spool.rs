//! Text that is kept out of memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use crate::Error;

/// What stays in memory, in bytes. Most catalogs are smaller; those of tests are not.
const IN_MEMORY: usize = if cfg!(test) { 64 << 10 } else { 8 << 20 };
/// How much is written to the file at a time, in bytes, once there is one.
const PIECE: usize = IN_MEMORY / 8;

/// A heap of texts: in memory while it is small, then in a temporary file that has no name, so that it goes with the process
/// however that ends.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    /// Where the file is made; where temporary files are if nothing else is said.
    directory: Option<PathBuf>,
    content: RwLock<Content>,
}

#[derive(Debug, Default)]
struct Content {
    file: Option<File>,
    /// How much is in the file.
    written: u64,
    /// What comes after that.
    memory: Vec<u8>,
}

/// Where a text is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    offset: u64,
    pub(crate) length: usize,
}

impl Spool {
    /// A spool whose file is made in this directory.
    pub(crate) fn within(directory: &Path) -> Self {
        Self { directory: Some(directory.to_owned()), content: RwLock::default() }
    }

    fn fault(&self, source: io::Error) -> Error {
        Error::Spool { directory: self.directory.clone().unwrap_or_else(std::env::temp_dir), source }
    }

    /// Adds a text.
    pub(crate) fn add(&self, text: &[u8]) -> Result<Slice, Error> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let slice = Slice { offset: content.written + content.memory.len() as u64, length: text.len() };
        content.memory.extend_from_slice(text);
        let limit = if content.file.is_some() { PIECE } else { IN_MEMORY };
        if content.memory.len() >= limit {
            content.write(self.directory.as_deref()).map_err(|source| self.fault(source))?;
        }
        Ok(slice)
    }

    /// Reads a text into a buffer, of which it is the beginning then: a buffer that is large enough needs no clearing.
    pub(crate) fn read<'b>(&self, slice: Slice, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Error> {
        if buffer.len() < slice.length {
            buffer.resize(slice.length, 0);
        }
        let text = &mut buffer[..slice.length];
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        match (&content.file, slice.offset.checked_sub(content.written)) {
            (_, Some(start)) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                let kept = content.memory.get(start..).and_then(|rest| rest.get(..slice.length));
                text.copy_from_slice(kept.unwrap_or_default());
            }
            (Some(file), None) => file.read_exact_at(text, slice.offset).map_err(|source| self.fault(source))?,
            (None, None) => {}
        }
        Ok(text)
    }
}

impl Content {
    fn write(&mut self, directory: Option<&Path>) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(directory.map_or_else(tempfile::tempfile, tempfile::tempfile_in)?),
        };
        file.write_all_at(&self.memory, self.written)?;
        self.written += self.memory.len() as u64;
        self.memory.clear();
        self.memory.shrink_to(2 * PIECE);
        Ok(())
    }
}
