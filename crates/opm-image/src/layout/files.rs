//! Files of a layout, never outside it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::ErrorKind;
use crate::options::Limits;
use crate::unpack::{Content, Keep, Kind, Node, Spool, Stop, Tree, Work, Worker, decompress, spooled, unreadable};

/// The file in the spool that stands for all files of the archive that are empty.
const EMPTY: &str = "empty";

/// A directory or the content of an archive.
#[derive(Debug)]
pub(crate) enum Files {
    /// The directory, canonical.
    Dir { named: PathBuf, canonical: PathBuf },
    /// An archive that was spooled for random access.
    Archive { named: PathBuf, tree: Tree, spool: Spool },
}

impl Files {
    /// The files of a directory.
    pub(crate) fn dir(dir: &Path) -> Result<Self, ErrorKind> {
        let canonical = dir.canonicalize().map_err(ErrorKind::io(dir))?;
        Ok(Self::Dir { named: dir.to_owned(), canonical })
    }

    /// The files in a tar file, compressed or not, spooled below `temp`.
    pub(crate) async fn archive(file: &Path, temp: &Path, limits: &Limits) -> Result<Self, ErrorKind> {
        // A pipe would be waited for, and nothing ends that.
        if !std::fs::metadata(file).map_err(ErrorKind::io(file))?.is_file() {
            return Err(ErrorKind::layout(file, "it is not a file"));
        }
        let opened = File::open(file).map_err(ErrorKind::io(file))?;
        let spool = Spool::new(temp, None)?;
        let empty = spool.path().join(EMPTY);
        File::create_new(&empty).map_err(ErrorKind::io(&empty))?;
        let stop = Stop::default();
        let mut work = Work::new(&spool, limits, stop.clone());
        let worker = Worker::start(&stop, move || {
            let reader = BufReader::with_capacity(128 << 10, opened);
            let mut stream = decompress(reader).map_err(|error| unreadable(&error))?;
            work.apply(&mut stream, Kind::Archive, &Keep::everything())?;
            Ok(work.tree)
        });
        let tree = worker.end().await?;
        Ok(Self::Archive { named: file.to_owned(), tree, spool })
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
                Ok(Node::File { content: Some(Content::Spooled(number)), .. }) => Ok(spooled(spool.path(), *number)),
                Ok(Node::File { content: Some(Content::Empty), .. }) => Ok(spool.path().join(EMPTY)),
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
