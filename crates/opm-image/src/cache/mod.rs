//! What was pulled before, by digest, in a directory that processes share.
//!
//! `blobs/ALGORITHM/HEX` holds whole, proven content: it is written below `tmp` and moved there. Content is proven again when
//! it is read, and removed when it is wrong. Nothing here is an error: without a usable cache, everything is fetched.

mod evict;
mod read;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::digest::Digest;
use crate::environment::Environment;
use crate::options;

/// A directory of blobs. Clones share it; the last one to go makes room in it.
#[derive(Debug, Clone)]
pub(crate) struct Cache(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    root: PathBuf,
    /// In bytes.
    limit: u64,
    /// Whether writing has failed, so that it is not tried for every blob.
    read_only: AtomicBool,
    /// How many bytes were added.
    added: AtomicU64,
}

impl Cache {
    /// The cache that is wanted, if one is. Nothing is read or written yet.
    pub(crate) fn new(wanted: &options::Cache, environment: &Environment) -> Option<Self> {
        let options::Cache::On { dir, limit } = wanted else { return None };
        let Some(root) = dir.clone().or_else(|| environment.cache_dir()) else {
            tracing::debug!("no place for a cache is known");
            return None;
        };
        tracing::debug!(dir = %root.display(), "cache");
        let directory = Directory { root, limit: *limit, read_only: AtomicBool::new(false), added: AtomicU64::new(0) };
        Some(Self(Arc::new(directory)))
    }

    /// Where a blob is, if it is there.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.0.path(digest)
    }
}

impl Directory {
    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.algorithm()).join(digest.hex())
    }

    /// Writes no more.
    fn give_up(&self, error: &io::Error) {
        if !self.read_only.swap(true, Ordering::Relaxed) {
            tracing::debug!(dir = %self.root.display(), %error, "the cache cannot be written, going on without");
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if *self.added.get_mut() > 0 {
            evict::make_room(self);
        }
    }
}

/// Makes a directory, and those above it, for its owner only.
fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
