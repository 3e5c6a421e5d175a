//! A layer: a tar file of a fixed shape, compressed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::pax::{extension, put, record};
use crate::digest::{Digest, Hasher};
use crate::error::ErrorKind;

/// The files of a new layer, by their path in the image: relative, with `/`, without `.` or `..`.
#[derive(Debug, Clone, Default)]
pub struct Contents(BTreeMap<String, Entry>);

#[derive(Debug, Clone)]
enum Entry {
    Directory {
        mode: u32,
    },
    File {
        from: PathBuf,
        executable: bool,
    },
    Link(String),
    /// An empty file whose name says what of the layers below is hidden.
    Whiteout,
}

/// Begins the name of a whiteout (OCI image specification 1.1, "Whiteouts").
const WHITEOUT: &str = ".wh.";

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
    /// [`ErrorKind::BadPath`] when `path` is not one of an image, is taken, or is that of a whiteout.
    pub fn file(&mut self, path: &str, from: impl Into<PathBuf>, executable: bool) -> Result<(), ErrorKind> {
        self.add(path, Entry::File { from: from.into(), executable })
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), ErrorKind> {
        if target.is_empty() || target.contains('\0') {
            return Err(ErrorKind::BadPath { path: path.to_owned(), why: "it is a link to nothing" });
        }
        self.add(path, Entry::Link(target.to_owned()))
    }

    /// Adds an empty directory with mode 0755, or 1777 when everybody may write to it, as to `tmp`. Directories above what is
    /// added need not be.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn directory(&mut self, path: &str, everybodys: bool) -> Result<(), ErrorKind> {
        if matches!(self.0.get(path), Some(Entry::Directory { .. })) {
            self.0.remove(path);
        }
        self.add(path, Entry::Directory { mode: if everybodys { 0o1777 } else { 0o755 } })
    }

    /// Hides a file or directory of the layers below.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn remove(&mut self, path: &str) -> Result<(), ErrorKind> {
        let (above, name) =
            path.rsplit_once('/').map_or((String::new(), path), |(above, name)| (format!("{above}/"), name));
        check(path)?;
        self.insert(&format!("{above}{WHITEOUT}{name}"), Entry::Whiteout)
    }

    /// Hides everything that the layers below have in a directory, which itself stays.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn clear(&mut self, path: &str) -> Result<(), ErrorKind> {
        check(path)?;
        self.insert(&format!("{path}/{WHITEOUT}{WHITEOUT}.opq"), Entry::Whiteout)
    }

    fn add(&mut self, path: &str, entry: Entry) -> Result<(), ErrorKind> {
        check(path)?;
        self.insert(path, entry)
    }

    fn insert(&mut self, path: &str, entry: Entry) -> Result<(), ErrorKind> {
        let bad = |why| Err(ErrorKind::BadPath { path: path.to_owned(), why });
        for (at, _) in path.match_indices('/') {
            let parent = self.0.entry(path[..at].to_owned()).or_insert(Entry::Directory { mode: 0o755 });
            if !matches!(parent, Entry::Directory { .. }) {
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
    /// [`ErrorKind::Io`] when a file cannot be read or written, or changes its size meanwhile.
    pub fn write(&self, out: impl Write, named: &Path, mtime: u64) -> Result<Built, ErrorKind> {
        let stored = Meter::new(out);
        let gzip = GzBuilder::new().mtime(0).operating_system(255).write(stored, Compression::new(6));
        let mut tar = Meter::new(gzip);
        self.archive(&mut tar, named, mtime)?;
        let diff_id = tar.hasher.finish();
        let mut stored = tar.inner.finish().map_err(ErrorKind::io(named))?;
        stored.inner.flush().map_err(ErrorKind::io(named))?;
        let (digest, size) = stored.finish();
        Ok(Built { digest, diff_id, size })
    }
}

impl Contents {
    /// The same without compression.
    pub(crate) fn archive(&self, tar: &mut impl Write, named: &Path, mtime: u64) -> Result<(), ErrorKind> {
        for (path, entry) in &self.0 {
            entry.write(path, tar, named, mtime)?;
        }
        tar.write_all(&[0; 1024]).map_err(ErrorKind::io(named))
    }
}

impl Entry {
    fn write(&self, path: &str, tar: &mut impl Write, named: &Path, mtime: u64) -> Result<(), ErrorKind> {
        let mut header = Header::new_ustar();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(mtime);
        header.set_size(0);
        let (kind, mode) = match self {
            Self::Directory { mode } => (EntryType::Directory, *mode),
            Self::Link(_) => (EntryType::Symlink, 0o777),
            Self::Whiteout | Self::File { executable: false, .. } => (EntryType::Regular, 0o644),
            Self::File { executable: true, .. } => (EntryType::Regular, 0o755),
        };
        header.set_entry_type(kind);
        header.set_mode(mode);
        let written = ErrorKind::io(named);
        let mut begin = |mut header: Header| {
            let mut records = Vec::new();
            let slash = if kind == EntryType::Directory { "/" } else { "" };
            if header.set_path(format!("{path}{slash}")).is_err() {
                record(&mut records, "path", &format!("{path}{slash}"));
                put(&mut header.as_old_mut().name, path);
            }
            if let Self::Link(target) = self
                && header.set_link_name_literal(target).is_err()
            {
                record(&mut records, "linkpath", target);
                put(&mut header.as_old_mut().linkname, target);
            }
            if !records.is_empty() {
                extension(&records, mtime, tar)?;
            }
            header.set_cksum();
            tar.write_all(header.as_bytes())
        };
        let Self::File { from, .. } = self else { return begin(header).map_err(written) };
        let file = File::open(from).map_err(ErrorKind::io(from))?;
        let meta = file.metadata().map_err(ErrorKind::io(from))?;
        if !meta.is_file() {
            return Err(ErrorKind::io(from)(io::Error::other("it is not a file")));
        }
        header.set_size(meta.len());
        begin(header).map_err(written)?;
        copy(file, from, meta.len(), tar, named)
    }
}

/// Whether a path may be named by who fills a layer.
fn check(path: &str) -> Result<(), ErrorKind> {
    let bad = |why| Err(ErrorKind::BadPath { path: path.to_owned(), why });
    if path.contains('\0') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return bad("it must be relative, without empty parts, `.` and `..`");
    }
    if path.split('/').any(|part| part.starts_with(WHITEOUT)) {
        return bad("names that begin with `.wh.` mean something else in layers");
    }
    Ok(())
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
pub(super) struct Meter<W> {
    inner: W,
    hasher: Hasher,
    count: u64,
}

impl<W: Write> Meter<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::sha256(), count: 0 }
    }

    /// Digest and number of the bytes.
    pub(super) fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.count)
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
