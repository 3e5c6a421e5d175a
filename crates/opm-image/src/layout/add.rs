//! An image into an OCI image layout: blobs first, then `index.json`, which makes them an image.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

use super::draft::{Traces, draft, lock, settle, write, written};
use super::oci::{Order, VERSION, blob_path, described, index, indexed};
use crate::build::{Blobs, Copy, Made, Origin, Stoppable};
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::progress::Progress;
use crate::unpack::{Stop, Worker};

/// What is to be in the layout.
struct Addition {
    dir: PathBuf,
    files: Vec<(Digest, PathBuf)>,
    documents: Vec<(Digest, Bytes)>,
    entry: Value,
    /// The most that is read of an old `index.json`, in bytes.
    limit: u64,
}

/// Adds an image to the layout in `dir`, which is made if it is not there.
pub(crate) async fn write_dir(
    blobs: &Blobs<'_>,
    made: &Made,
    dir: &Path,
    tag: Option<&str>,
    progress: &dyn Progress,
) -> Result<(), ImageError> {
    let mut lacking = Vec::new();
    for blob in made.blobs.values() {
        let there = match &blob.origin {
            Origin::Elsewhere(_) => true,
            Origin::File(_) => false,
            Origin::Base(..) => {
                let (path, digest, size) = (dir.join(blob_path(&blob.digest)), blob.digest.clone(), blob.size);
                let stop = Stop::default();
                let asked = stop.clone();
                Worker::start(&stop, move || holds(&path, &digest, size, &asked)).end().await?
            }
        };
        if !there {
            lacking.push(blob);
        }
    }
    let addition = Addition {
        dir: dir.to_owned(),
        files: blobs.all_local(lacking.into_iter(), progress).await?,
        documents: made.documents().map(|document| (document.digest.clone(), document.bytes.clone())).collect(),
        entry: described(&made.top, tag),
        limit: blobs.client.limits().manifest,
    };
    let stop = Stop::default();
    let asked = stop.clone();
    Worker::start(&stop, move || addition.write(&asked)).end().await.map_err(ImageError::from)
}

impl Addition {
    fn write(self, stop: &Stop) -> Result<(), ErrorKind> {
        let mut traces = Traces::default();
        traces.directory(&self.dir)?;
        let _lock = lock(&self.dir)?;
        let old = self.old_index()?;
        let index = indexed(old.as_deref(), self.entry.clone(), Order::Last)
            .map_err(|why| ErrorKind::layout(&self.dir, format!("index.json: {why}")))?;
        for (digest, from) in &self.files {
            let file = File::open(from).map_err(ErrorKind::io(from))?;
            let size = file.metadata().map_err(ErrorKind::io(from))?.len();
            self.blob(digest, size, file, &mut traces, stop)?;
        }
        for (digest, bytes) in &self.documents {
            self.blob(digest, bytes.len() as u64, &bytes[..], &mut traces, stop)?;
        }
        let version = self.dir.join("oci-layout");
        if !version.exists() {
            traces.file(written(&version, VERSION.as_bytes())?, version)?;
        }
        stop.check()?;
        write(&self.dir.join("index.json"), &index)?;
        traces.keep();
        Ok(())
    }

    /// `index.json` as it is. A directory with other things in it is not made a layout.
    fn old_index(&self) -> Result<Option<Vec<u8>>, ErrorKind> {
        let bad = |why: &str| Err(ErrorKind::layout(&self.dir, why));
        if let Some(bytes) = index(&self.dir, self.limit.saturating_add(1))? {
            return if bytes.len() as u64 > self.limit { bad("index.json is too large") } else { Ok(Some(bytes)) };
        }
        let mut others =
            fs::read_dir(&self.dir).map_err(ErrorKind::io(&self.dir))?.flatten().map(|one| one.file_name());
        if others.any(|name| name != "blobs" && name != "oci-layout" && !name.to_string_lossy().starts_with(".opm-")) {
            return bad("it holds other things than an image layout");
        }
        Ok(None)
    }

    fn blob(
        &self,
        digest: &Digest,
        size: u64,
        mut from: impl Read,
        traces: &mut Traces,
        stop: &Stop,
    ) -> Result<(), ErrorKind> {
        let path = self.dir.join(blob_path(digest));
        if holds(&path, digest, size, stop)? {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(&self.dir);
        traces.directory(parent)?;
        let mut file = draft(parent)?;
        let copied = io::copy(&mut from, &mut Stoppable { inner: &mut file, stop });
        stop.check()?;
        copied.map_err(ErrorKind::io(&path))?;
        // What is there is damaged, and nobody misses it.
        if path.exists() { settle(file, &path) } else { traces.file(file, path) }
    }
}

/// Whether a file has the content that its name says.
fn holds(path: &Path, digest: &Digest, size: u64, stop: &Stop) -> Result<bool, ErrorKind> {
    let Ok(mut file) = File::open(path) else { return Ok(false) };
    if !file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == size) {
        return Ok(false);
    }
    let copy = Copy { hasher: digest.hasher(), limit: u64::MAX, stop };
    let told = |error| ErrorKind::io(path)(error);
    Ok(copy.run((&mut file, &told), (&mut io::sink(), &told))? == *digest)
}
