//! Bounds on what a compressed stream may make of itself.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use super::worker::Stop;
use crate::error::ErrorKind;
use crate::options::Limits;

/// The most that headers between two entries may hold. Long names and extended headers are read into memory whole, so a
/// stream that claims gigabytes of them must be stopped while they are read.
const HEADERS: u64 = 1 << 20;
/// The most that all paths and targets of links may hold, in bytes: they stay in memory. Images of a whole system have some
/// thirty megabytes of them.
const PATHS: u64 = 256 << 20;

/// What may still be read.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    stop: Stop,
    stream: Cell<u64>,
    files: Cell<u64>,
    entries: Cell<u64>,
    kept: Cell<u64>,
    paths: Cell<u64>,
    headers: Cell<Option<u64>>,
    hit: RefCell<Option<ErrorKind>>,
}

impl Meter {
    pub(crate) fn new(limits: &Limits, stop: Stop) -> Self {
        Self {
            limits: limits.clone(),
            stop,
            stream: Cell::new(limits.unpacked),
            files: Cell::new(limits.unpacked),
            entries: Cell::new(limits.entries),
            kept: Cell::new(limits.kept),
            paths: Cell::new(PATHS),
            headers: Cell::new(None),
            hit: RefCell::new(None),
        }
    }

    /// The bound that was reached, if any: it explains every other error.
    pub(crate) fn take_hit(&self) -> Option<ErrorKind> {
        self.hit.borrow_mut().take()
    }

    /// The next bytes are headers, until [`entry`](Self::entry).
    pub(crate) fn expect_headers(&self) {
        self.headers.set(Some(HEADERS));
    }

    /// An entry of so many bytes was found. Counts files as well as the stream, because sparse files are larger than their
    /// share of it.
    pub(crate) fn entry(&self, path: usize, size: u64) -> io::Result<()> {
        self.headers.set(None);
        let Some(entries) = self.entries.get().checked_sub(1) else {
            return Err(self.refuse("the number of entries", self.limits.entries));
        };
        self.entries.set(entries);
        self.link(path)?;
        let Some(files) = self.files.get().checked_sub(size) else {
            return Err(self.refuse("the unpacked size in bytes", self.limits.unpacked));
        };
        self.files.set(files);
        Ok(())
    }

    /// A path of so many bytes was found.
    pub(crate) fn link(&self, length: usize) -> io::Result<()> {
        if length > self.limits.path {
            return Err(self.refuse("the length of a path", self.limits.path as u64));
        }
        let Some(paths) = self.paths.get().checked_sub(length as u64) else {
            return Err(self.refuse("the length of all paths", PATHS));
        };
        self.paths.set(paths);
        Ok(())
    }

    /// The entry is wanted.
    pub(crate) fn keep(&self) -> io::Result<()> {
        let Some(kept) = self.kept.get().checked_sub(1) else {
            return Err(self.refuse("the number of wanted entries", self.limits.kept));
        };
        self.kept.set(kept);
        Ok(())
    }

    /// There are so many files, directories and links now, with the directories that no entry names but other paths lead
    /// through.
    pub(crate) fn nodes(&self, amount: usize) -> io::Result<()> {
        if amount as u64 > self.limits.entries.saturating_add(1) {
            return Err(self.refuse("the number of entries with their directories", self.limits.entries));
        }
        Ok(())
    }

    fn count(&self, amount: usize) -> io::Result<()> {
        if let Err(stopped) = self.stop.check() {
            *self.hit.borrow_mut() = Some(stopped);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let amount = amount as u64;
        let Some(stream) = self.stream.get().checked_sub(amount) else {
            return Err(self.refuse("the unpacked size in bytes", self.limits.unpacked));
        };
        self.stream.set(stream);
        if let Some(headers) = self.headers.get() {
            let Some(headers) = headers.checked_sub(amount) else {
                return Err(self.refuse("the size of an entry's headers in bytes", HEADERS));
            };
            self.headers.set(Some(headers));
        }
        Ok(())
    }

    fn refuse(&self, what: &'static str, limit: u64) -> io::Error {
        *self.hit.borrow_mut() = Some(ErrorKind::Limit { what, limit });
        io::Error::other(what)
    }
}

/// A stream that a [`Meter`] watches.
#[derive(Debug)]
pub(crate) struct Metered<'a, R> {
    pub(crate) inner: R,
    pub(crate) meter: &'a Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let amount = self.inner.read(buf)?;
        self.meter.count(amount)?;
        Ok(amount)
    }
}
