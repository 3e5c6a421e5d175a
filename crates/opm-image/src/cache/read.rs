//! Taking things out.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::time::SystemTime;

use bytes::Bytes;

use super::{Cache, Directory};
use crate::digest::Digest;

/// How much is read at once.
const CHUNK: usize = 256 << 10;

impl Cache {
    /// A small blob of `limit` bytes at most. A larger one is taken for missing.
    pub(crate) async fn read(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        self.apart(digest, move |directory, digest| directory.read(digest, limit)).await
    }

    /// A blob of exactly `size` bytes, proven and ready to be read from its beginning. It stays readable when it is removed.
    pub(crate) async fn open(&self, digest: &Digest, size: u64) -> Option<File> {
        self.apart(digest, move |directory, digest| directory.open(digest, size)).await
    }

    /// Does it on a thread where waiting for a disk is allowed. What fails is not there.
    async fn apart<T: Send + 'static>(
        &self,
        digest: &Digest,
        work: impl FnOnce(&Directory, &Digest) -> io::Result<Option<T>> + Send + 'static,
    ) -> Option<T> {
        let (directory, digest) = (self.0.clone(), digest.clone());
        let found = tokio::task::spawn_blocking(move || match work(&directory, &digest) {
            Ok(found) => found,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::debug!(%digest, %error, "the cache cannot be read");
                }
                None
            }
        });
        found.await.ok().flatten()
    }
}

impl Directory {
    fn read(&self, digest: &Digest, limit: u64) -> io::Result<Option<Bytes>> {
        let mut file = File::open(self.path(digest))?;
        let mut bytes = Vec::new();
        file.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Ok(None);
        }
        if digest.same_kind_of(&bytes) != *digest {
            self.remove_damaged(digest);
            return Ok(None);
        }
        touch(&file);
        Ok(Some(bytes.into()))
    }

    fn open(&self, digest: &Digest, size: u64) -> io::Result<Option<File>> {
        let mut file = File::open(self.path(digest))?;
        // The length is looked at first, because it takes no reading.
        if file.metadata()?.len() != size || digest_of(&mut file, digest)? != *digest {
            self.remove_damaged(digest);
            return Ok(None);
        }
        file.rewind()?;
        touch(&file);
        Ok(Some(file))
    }

    fn remove_damaged(&self, digest: &Digest) {
        tracing::debug!(%digest, "damaged in the cache, fetching it again");
        if let Err(error) = fs::remove_file(self.path(digest)) {
            tracing::debug!(%digest, %error, "cannot remove it");
        }
    }
}

/// The digest, of the same kind as `like`, of a file.
fn digest_of(file: &mut File, like: &Digest) -> io::Result<Digest> {
    let mut hasher = like.hasher();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher.finish()),
            amount => hasher.update(&chunk[..amount]),
        }
    }
}

/// Notes that a file was of use. In a cache of somebody else's this may be forbidden.
fn touch(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}
