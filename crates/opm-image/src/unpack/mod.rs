//! From layers to files.

mod apply;
mod decompress;
mod feed;
mod keep;
mod meter;
mod path;
mod tree;
mod worker;
mod write;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(crate) use apply::{Kind, Spool, Work, spooled, unreadable};
pub(crate) use decompress::decompress;
pub(crate) use feed::{BlobReader, Feed, channel};
pub use keep::Keep;
pub(crate) use tree::{Content, Node, Tree};
pub(crate) use worker::{Stop, Worker};

use crate::digest::{Digest, Hasher};
use crate::error::ErrorKind;
use crate::image::Check;

/// An unpacked image: a directory that is safe to walk with ordinary means.
///
/// Every link in it leads to a file or directory inside it, by a relative path without further links. Files have mode 0644
/// or, when they can be run, 0755; directories 0755. There are no devices, pipes, extended attributes or foreign owners.
/// A link to a directory above itself is possible, so whoever follows links should guard against cycles.
#[derive(Debug)]
pub struct Unpacked {
    root: PathBuf,
    tree: Tree,
}

impl Unpacked {
    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of the image is on disk, with all links followed inside the image: absolute ones start at its root.
    /// `None` when the image has no such path or it was not kept.
    pub fn path(&self, path: &str) -> Option<PathBuf> {
        let (id, canonical) = self.tree.find(path.as_bytes()).ok()?;
        let at = self.root.join(path::host(&canonical)?);
        match self.tree.node(id) {
            Node::File { content: None, .. } => None,
            _ => at.exists().then_some(at),
        }
    }

    /// Opens a file of the image for reading; see [`path`](Self::path).
    pub fn open(&self, path: &str) -> io::Result<File> {
        File::open(self.path(path).ok_or(io::ErrorKind::NotFound)?)
    }
}

/// Makes sure that `into` is an empty directory, and a place for temporary files in it.
pub(crate) fn prepare(into: &Path) -> Result<Spool, ErrorKind> {
    let made = match fs::read_dir(into) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(ErrorKind::NotEmpty { path: into.to_owned() });
            }
            None
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(into).map_err(ErrorKind::io(into))?;
            Some(into.to_owned())
        }
        Err(error) => return Err(ErrorKind::io(into)(error)),
    };
    Spool::new(into, made)
}

/// Applies one layer as it arrives. The layer's digest is checked even when its content makes no sense, because a wrong digest
/// is the better explanation.
pub(crate) fn apply_layer(work: &mut Work, mut blob: BlobReader, check: &Check, keep: &Keep) -> Result<(), ErrorKind> {
    let (result, unpacked) = match decompress(&mut blob) {
        Err(error) => (Err(unreadable(&error)), None),
        Ok(stream) => {
            let hasher = check.unpacked.as_ref().map(Digest::hasher);
            let mut stream = Hashed { stream, hasher };
            let mut result = work.apply(&mut stream, Kind::Layer, keep);
            if result.is_ok() && check.unpacked.is_some() {
                result = work.drain(&mut stream);
            }
            (result, stream.hasher.map(Hasher::finish))
        }
    };
    if let Err(ErrorKind::Limit { .. } | ErrorKind::Stopped) = &result {
        return result;
    }
    let (found, length) = blob.finish().map_err(|_| ErrorKind::Stopped)?;
    if let Some((expected, size)) = &check.stored {
        check_content("the layer", expected, *size, found, length)?;
    }
    result?;
    match (&check.unpacked, unpacked) {
        (Some(expected), Some(found)) if *expected != found => {
            Err(ErrorKind::Digest { what: "the layer", expected: expected.clone(), found })
        }
        _ => Ok(()),
    }
}

/// Compares what was read with what was announced.
pub(crate) fn check_content(
    what: &'static str,
    expected: &Digest,
    size: u64,
    found: Digest,
    length: u64,
) -> Result<(), ErrorKind> {
    if length != size {
        return Err(ErrorKind::Size { what, expected: size, found: length });
    }
    if *expected != found {
        return Err(ErrorKind::Digest { what, expected: expected.clone(), found });
    }
    Ok(())
}

/// Writes a finished tree and turns it into its answer.
pub(crate) fn finish(mut work: Work, into: PathBuf, keep: &Keep) -> Result<Unpacked, ErrorKind> {
    work.write(&into, keep)?;
    Ok(Unpacked { root: into, tree: work.tree })
}

/// A stream that is digested as it is read, if wanted.
struct Hashed<R> {
    stream: R,
    hasher: Option<Hasher>,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let amount = self.stream.read(buf)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buf[..amount]);
        }
        Ok(amount)
    }
}
