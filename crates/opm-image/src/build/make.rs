//! From a plan to blobs and manifests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use oci_distribution::manifest::ImageIndexEntry;
use serde_json::json;

use super::base::{Base, BaseImage};
use super::layer::Built;
use super::made::{Blob, Blobs, Document, Made, Origin, Parts};
use super::{Change, Plan, extend_config, extend_manifest};
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::progress::Progress;
use crate::unpack::{Stop, Worker};

/// Builds, but writes nothing except temporary files.
pub(super) async fn make(
    blobs: &Blobs<'_>,
    plan: &Plan,
    epoch: u64,
    progress: &dyn Progress,
) -> Result<Made, ImageError> {
    let platform = blobs.client.options().platform.as_ref();
    let base = match &plan.base {
        None => Base::scratch(platform),
        Some(source) => {
            Base::find(blobs, source, platform, progress).await.map_err(|kind| ImageError::of(source, kind))?
        }
    };
    let layer = layer(blobs, plan, epoch).await?;
    assemble(blobs, base, &layer, &plan.change, epoch).map_err(|kind| match &plan.base {
        Some(source) => ImageError::of(source, kind),
        None => kind.into(),
    })
}

/// A layer that was made, and its file.
struct NewLayer {
    built: Built,
    blob: Blob,
}

/// Makes the new layer, on a thread.
async fn layer(blobs: &Blobs<'_>, plan: &Plan, epoch: u64) -> Result<NewLayer, ErrorKind> {
    let (contents, file, stop) = (plan.contents.clone(), blobs.place("layer"), Stop::default());
    let asked = stop.clone();
    let work = move || {
        let out = BufWriter::with_capacity(128 << 10, File::create(&file).map_err(ErrorKind::io(&file))?);
        let written = contents.write(Stoppable { inner: out, stop: &asked }, &file, epoch);
        asked.check()?;
        let built = written?;
        let blob = Blob { digest: built.digest.clone(), size: built.size, origin: Origin::File(file) };
        Ok(NewLayer { built, blob })
    };
    Worker::start(&stop, work).end().await
}

/// Ends early when it is asked to.
pub(crate) struct Stoppable<'a, W> {
    pub(crate) inner: W,
    pub(crate) stop: &'a Stop,
}

impl<W: Write> Write for Stoppable<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_asked() { Err(io::Error::other("stopped")) } else { self.inner.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn assemble(blobs: &Blobs<'_>, base: Base, layer: &NewLayer, change: &Change, epoch: u64) -> Result<Made, ErrorKind> {
    let mut all: BTreeMap<Digest, Blob> = BTreeMap::new();
    let (mut images, mut manifests, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for image in base.images {
        let BaseImage { entry, family, manifest, config, layers, diff_ids } = image;
        let config = extend_config(&config, &layer.built, change, epoch)?;
        let manifest = extend_manifest(manifest.as_deref(), family, &config, &layer.built)?;
        let manifest = Document {
            digest: Digest::of(&manifest),
            bytes: manifest.into(),
            media_type: family.manifest().to_owned(),
        };
        let config = blobs.put(&config)?;
        if let Some(entry) = entry {
            entries.push(ImageIndexEntry {
                media_type: manifest.media_type.clone(),
                digest: manifest.digest.to_string(),
                size: i64::try_from(manifest.bytes.len()).unwrap_or(i64::MAX),
                ..entry
            });
        }
        let mut named: Vec<(Digest, Digest)> = layers.iter().map(|layer| layer.digest.clone()).zip(diff_ids).collect();
        named.push((layer.built.digest.clone(), layer.built.diff_id.clone()));
        images.push(Parts { config: config.digest.clone(), layers: named });
        manifests.push(manifest);
        for blob in layers.into_iter().chain([layer.blob.clone(), config]) {
            all.entry(blob.digest.clone()).or_insert(blob);
        }
    }
    let top = match base.list {
        None => manifests.pop().ok_or_else(|| ErrorKind::Manifest("the base has no image".to_owned()))?,
        Some((media_type, annotations)) => {
            let mut root = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
            if let Some(annotations) = annotations.filter(|all| !all.is_empty()) {
                root["annotations"] = json!(annotations);
            }
            let bytes: Bytes = super::manifest::bytes(root).into();
            Document { digest: Digest::of(&bytes), bytes, media_type: media_type.to_owned() }
        }
    };
    Ok(Made { top, children: manifests, images, blobs: all })
}
