//! Putting things in.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{Cache, Directory, create_dir};
use crate::digest::{Digest, Hasher};

/// So much is gathered before it is written, in bytes.
const BATCH: usize = 1 << 20;

/// A blob on its way into the cache. Dropped before [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub(crate) struct Keeping {
    directory: Arc<Directory>,
    digest: Digest,
    part: Option<Part>,
    batch: Vec<Bytes>,
    batched: usize,
}

#[derive(Debug)]
struct Part {
    /// There once something was written.
    file: Option<NamedTempFile>,
    hasher: Hasher,
    length: u64,
}

impl Cache {
    /// Keeps a small blob whose digest was checked.
    pub(crate) async fn put(&self, digest: &Digest, bytes: &Bytes) {
        let mut keeping = self.keep(digest);
        keeping.add(bytes).await;
        keeping.finish().await;
    }

    /// Begins to keep a blob.
    pub(crate) fn keep(&self, digest: &Digest) -> Keeping {
        let directory = Arc::clone(&self.0);
        let part = Part { file: None, hasher: digest.hasher(), length: 0 };
        let part = (!directory.read_only.load(Ordering::Relaxed)).then_some(part);
        Keeping { directory, digest: digest.clone(), part, batch: Vec::new(), batched: 0 }
    }
}

impl Keeping {
    /// Adds the next bytes.
    pub(crate) async fn add(&mut self, bytes: &Bytes) {
        if self.part.is_none() {
            return;
        }
        self.batched += bytes.len();
        self.batch.push(bytes.clone());
        if self.batched >= BATCH {
            self.part = self.write(|part, _, _| Some(part)).await;
        }
    }

    /// Moves the blob to its place if it has proved right.
    pub(crate) async fn finish(mut self) {
        self.write(|part, directory, digest| {
            if let Err(error) = part.store(directory, digest) {
                tracing::debug!(%digest, %error, "not kept in the cache");
            }
            None
        })
        .await;
    }

    /// Writes what was gathered on a thread where waiting for a disk is allowed, and does something with it then.
    async fn write(
        &mut self,
        then: impl FnOnce(Part, &Directory, &Digest) -> Option<Part> + Send + 'static,
    ) -> Option<Part> {
        let mut part = self.part.take()?;
        let (directory, digest) = (Arc::clone(&self.directory), self.digest.clone());
        let batch = std::mem::take(&mut self.batch);
        self.batched = 0;
        let written = tokio::task::spawn_blocking(move || match part.add(&batch, &directory) {
            Ok(()) => then(part, &directory, &digest),
            Err(error) => {
                directory.give_up(&error);
                None
            }
        });
        written.await.ok().flatten()
    }
}

impl Part {
    fn add(&mut self, batch: &[Bytes], directory: &Directory) -> io::Result<()> {
        if self.file.is_none() {
            let temporary = directory.temporary();
            create_dir(&temporary)?;
            self.file = Some(NamedTempFile::new_in(&temporary)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        for bytes in batch {
            self.hasher.update(bytes);
            self.length += bytes.len() as u64;
            file.write_all(bytes)?;
        }
        Ok(())
    }

    /// What proves wrong is dropped; it is for others to complain of. So is what would fill the cache alone.
    fn store(self, directory: &Directory, digest: &Digest) -> io::Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        if self.hasher.finish() != *digest || self.length > directory.limit {
            return Ok(());
        }
        let path = directory.path(digest);
        if let Some(dir) = path.parent() {
            create_dir(dir)?;
        }
        // A rename, so that nobody ever sees a half.
        file.into_temp_path().persist(&path).map_err(|error| error.error)?;
        directory.added.fetch_add(self.length.max(1), Ordering::Relaxed);
        Ok(())
    }
}
