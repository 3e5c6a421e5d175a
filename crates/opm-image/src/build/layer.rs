//! A layer: a tar file of a fixed shape, compressed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::digest::{Digest, Hasher};
use crate::error::ErrorKind;

/// The files of a new layer, by their path in the image: relative, with `/`, without `.` or `..`.
#[derive(Debug, Clone, Default)]
pub struct Contents(BTreeMap<String, Entry>);

#[derive(Debug, Clone)]
enum Entry {
    Directory,
    File { from: PathBuf, executable: bool },
    Link(String),
}

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The digest of the compressed bytes.
    pub digest: Digest,
    /// The digest of the tar file in them, the configuration's `diff_id`.
    pub diff_id: Digest,
    /// Of the compressed bytes.
    pub size: u64,
}

impl Contents {
    /// Adds a file whose content is that of `from`, with mode 0755 when it is executable and 0644 otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::BadPath`] when `path` is not one of an image, or is taken.
    pub fn file(&mut self, path: &str, from: impl Into<PathBuf>, executable: bool) -> Result<(), ErrorKind> {
        self.add(path, Entry::File { from: from.into(), executable })
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), ErrorKind> {
        self.add(path, Entry::Link(target.to_owned()))
    }

    fn add(&mut self, path: &str, entry: Entry) -> Result<(), ErrorKind> {
        let bad = |why| Err(ErrorKind::BadPath { path: path.to_owned(), why });
        if path.contains('\0') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return bad("it must be relative, without empty parts, `.` and `..`");
        }
        for (at, _) in path.match_indices('/') {
            let parent = self.0.entry(path[..at].to_owned()).or_insert(Entry::Directory);
            if !matches!(parent, Entry::Directory) {
                return bad("a directory above it is a file");
            }
        }
        if self.0.insert(path.to_owned(), entry).is_some() {
            return bad("it was added twice");
        }
        Ok(())
    }

    /// Writes the layer to `out`, a file called `named`, with `mtime` (seconds since 1970) on every entry. Files are streamed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when a file cannot be read or written, or changes its size meanwhile; [`ErrorKind::BadPath`] when a
    /// path is too long for the format.
    pub fn write(&self, out: impl Write, named: &Path, mtime: u64) -> Result<Built, ErrorKind> {
        let stored = Meter::new(out);
        let gzip = GzBuilder::new().mtime(0).operating_system(255).write(stored, Compression::new(6));
        let mut tar = Meter::new(gzip);
        for (path, entry) in &self.0 {
            entry.write(path, &mut tar, named, mtime)?;
        }
        let written = ErrorKind::io(named);
        let mut finish = || tar.write_all(&[0; 1024]);
        if let Err(error) = finish() {
            return Err(written(error));
        }
        let diff_id = tar.hasher.finish();
        let mut stored = tar.inner.finish().map_err(written)?;
        stored.inner.flush().map_err(ErrorKind::io(named))?;
        Ok(Built { digest: stored.hasher.finish(), diff_id, size: stored.count })
    }
}

impl Entry {
    fn write(&self, path: &str, tar: &mut impl Write, named: &Path, mtime: u64) -> Result<(), ErrorKind> {
        let mut header = Header::new_ustar();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(mtime);
        header.set_size(0);
        let too_long = |_| ErrorKind::BadPath { path: path.to_owned(), why: "it is too long" };
        match self {
            Self::Directory => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                header.set_path(format!("{path}/")).map_err(too_long)?;
                end(&mut header, tar).map_err(ErrorKind::io(named))
            }
            Self::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                header.set_path(path).map_err(too_long)?;
                header.set_link_name_literal(target).map_err(too_long)?;
                end(&mut header, tar).map_err(ErrorKind::io(named))
            }
            Self::File { from, executable } => {
                let file = File::open(from).map_err(ErrorKind::io(from))?;
                let meta = file.metadata().map_err(ErrorKind::io(from))?;
                if !meta.is_file() {
                    return Err(ErrorKind::io(from)(io::Error::other("it is not a file")));
                }
                header.set_entry_type(EntryType::Regular);
                header.set_mode(if *executable { 0o755 } else { 0o644 });
                header.set_path(path).map_err(too_long)?;
                header.set_size(meta.len());
                end(&mut header, tar).map_err(ErrorKind::io(named))?;
                copy(file, from, meta.len(), tar, named)
            }
        }
    }
}

fn end(header: &mut Header, tar: &mut impl Write) -> io::Result<()> {
    header.set_cksum();
    tar.write_all(header.as_bytes())
}

/// Copies exactly `size` bytes and pads them: the header has promised them already.
fn copy(file: File, from: &Path, size: u64, tar: &mut impl Write, named: &Path) -> Result<(), ErrorKind> {
    let mut reader = BufReader::new(file);
    let mut buffer = vec![0; 128 << 10];
    let mut count = 0;
    loop {
        let read = reader.read(&mut buffer).map_err(ErrorKind::io(from))?;
        count += read as u64;
        if count > size || (read == 0 && count < size) {
            return Err(ErrorKind::io(from)(io::Error::other("it changed while it was read")));
        }
        if read == 0 {
            break;
        }
        tar.write_all(&buffer[..read]).map_err(ErrorKind::io(named))?;
    }
    let padding = usize::try_from(size.next_multiple_of(512) - size).unwrap_or_default();
    tar.write_all(&[0; 512][..padding]).map_err(ErrorKind::io(named))
}

/// Digests and counts what is written.
struct Meter<W> {
    inner: W,
    hasher: Hasher,
    count: u64,
}

impl<W: Write> Meter<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::sha256(), count: 0 }
    }
}

impl<W: Write> Write for Meter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
