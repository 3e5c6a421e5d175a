//! Files of a layout, never outside it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::error::ErrorKind;
use crate::options::Limits;
use crate::unpack::{Keep, Kind, Node, Spool, StopOnDrop, Tree, Work, decompress, unreadable};

/// A directory or the content of an archive.
#[derive(Debug)]
pub(crate) enum Files {
    /// The directory, canonical.
    Dir { named: PathBuf, canonical: PathBuf },
    /// An archive that was spooled for random access.
    Archive { named: PathBuf, tree: Tree, spool: Arc<Spool> },
}

impl Files {
    /// The files of a directory.
    pub(crate) fn dir(dir: &Path) -> Result<Self, ErrorKind> {
        let canonical = dir.canonicalize().map_err(ErrorKind::io(dir))?;
        Ok(Self::Dir { named: dir.to_owned(), canonical })
    }

    /// The files in a tar file, compressed or not, spooled below `temp`.
    pub(crate) async fn archive(file: &Path, temp: &Path, limits: &Limits) -> Result<Self, ErrorKind> {
        let guard = StopOnDrop::default();
        let (stop, file, temp, limits) = (Arc::clone(&guard.0), file.to_owned(), temp.to_owned(), limits.clone());
        let spooled = tokio::task::spawn_blocking(move || spool(file, &temp, &limits, stop)).await;
        spooled.unwrap_or(Err(ErrorKind::Stopped))
    }

    /// The directory or archive itself.
    pub(crate) fn named(&self) -> &Path {
        match self {
            Self::Dir { named, .. } | Self::Archive { named, .. } => named,
        }
    }

    pub(crate) fn bad(&self, why: impl Into<String>) -> ErrorKind {
        ErrorKind::layout(self.named(), why)
    }

    /// Where a file is on disk. Links are followed as long as they stay inside.
    pub(crate) fn locate(&self, path: &str) -> Result<PathBuf, ErrorKind> {
        match self {
            Self::Dir { canonical, .. } => {
                let at = canonical.join(path);
                let at = at.canonicalize().map_err(|error| self.bad(format!("{path}: {error}")))?;
                if !at.starts_with(canonical) {
                    return Err(self.bad(format!("{path} leads out of the directory")));
                }
                Ok(at)
            }
            Self::Archive { tree, spool, .. } => match tree.find(path.as_bytes()).map(|(id, _)| tree.node(id)) {
                Ok(Node::File { content: Some(content), .. }) => Ok(spool.file(*content)),
                Ok(_) => Err(self.bad(format!("{path} is not a file"))),
                Err(why) => Err(self.bad(format!("{path}: {why}"))),
            },
        }
    }

    /// A file's content, if it is not too large.
    pub(crate) fn read(&self, path: &str, limit: u64, what: &'static str) -> Result<Bytes, ErrorKind> {
        let at = self.locate(path)?;
        let mut bytes = Vec::new();
        let read = File::open(&at).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
        read.map_err(|error| self.bad(format!("{path}: {error}")))?;
        if bytes.len() as u64 > limit {
            return Err(ErrorKind::Limit { what, limit });
        }
        Ok(bytes.into())
    }
}

fn spool(file: PathBuf, temp: &Path, limits: &Limits, stop: Arc<AtomicBool>) -> Result<Files, ErrorKind> {
    let opened = File::open(&file).map_err(ErrorKind::io(&file))?;
    let mut work = Work::new(Arc::new(Spool::new(temp, None)?), limits);
    let reader = BufReader::with_capacity(128 << 10, Stoppable { file: opened, stop });
    let mut stream = decompress(reader).map_err(|error| unreadable(&error))?;
    work.apply(&mut stream, Kind::Archive, &Keep::everything())?;
    drop(stream);
    Ok(Files::Archive { named: file, tree: work.tree, spool: work.spool })
}

/// A file that cannot be read any more once nobody waits for it.
struct Stoppable {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for Stoppable {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.file.read(buf)
    }
}
