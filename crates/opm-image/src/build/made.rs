//! What was built, before it is anywhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::client::Client;
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::image::{Image, Layer, Store};
use crate::progress::{Event, Progress};
use crate::unpack::{self, Spool, Stop, Worker, check_content};

/// How many blobs are fetched or pushed at the same time.
pub(crate) const AT_ONCE: usize = 4;

/// A manifest or an index.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
}

/// A layer or a configuration.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) origin: Origin,
}

/// Where a blob is.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// Made here.
    File(PathBuf),
    Base(Image, Layer),
    /// Nowhere but at an address; its makers do not want it copied.
    Elsewhere(String),
}

/// What of an image its manifest names.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) config: Digest,
    /// The layers, lowest first, and what they decompress to.
    pub(crate) layers: Vec<(Digest, Digest)>,
}

/// Everything that was built.
#[derive(Debug)]
pub(crate) struct Made {
    /// What a name leads to: a manifest, or an index.
    pub(crate) top: Document,
    /// The manifests of the index.
    pub(crate) children: Vec<Document>,
    pub(crate) images: Vec<Parts>,
    /// All layers and configurations.
    pub(crate) blobs: BTreeMap<Digest, Blob>,
}

impl Made {
    /// All manifests, the index last.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Document> {
        self.children.iter().chain([&self.top])
    }
}

/// The files of a build. They go with this value.
#[derive(Debug)]
pub(crate) struct Blobs<'a> {
    pub(crate) client: &'a Client,
    spool: Spool,
}

impl<'a> Blobs<'a> {
    pub(crate) fn new(client: &'a Client) -> Result<Self, ErrorKind> {
        Ok(Self { client, spool: Spool::new(client.temp_dir(), None)? })
    }

    /// A place for a file of this name.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.spool.path().join(name)
    }

    /// Puts bytes into a file named by their digest.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Blob, ErrorKind> {
        let digest = Digest::of(bytes);
        let file = self.place(digest.hex());
        std::fs::write(&file, bytes).map_err(ErrorKind::io(&file))?;
        Ok(Blob { digest, size: bytes.len() as u64, origin: Origin::File(file) })
    }

    /// The files with the contents of several blobs, in their order. Some are fetched at the same time.
    pub(crate) async fn all_local(
        &self,
        blobs: impl Iterator<Item = &Blob>,
        progress: &dyn Progress,
    ) -> Result<Vec<(Digest, PathBuf)>, ImageError> {
        let fetches: Vec<_> =
            blobs.map(async |blob| self.local(blob, progress).await.map(|file| (blob.digest.clone(), file))).collect();
        stream::iter(fetches).buffered(AT_ONCE).try_collect().await
    }

    /// The file with a blob's content, which is fetched once if it is not here. Its digest was checked.
    pub(crate) async fn local(&self, blob: &Blob, progress: &dyn Progress) -> Result<PathBuf, ImageError> {
        match &blob.origin {
            Origin::File(file) => Ok(file.clone()),
            Origin::Elsewhere(url) => Err(ErrorKind::ForeignLayer { url: url.clone() }.into()),
            Origin::Base(image, layer) => {
                let of_layer = |kind| ImageError::in_layer(image.source(), layer.digest(), kind);
                match &*image.0.store {
                    Store::Registry(_) => {
                        let file = self.place(layer.digest().hex());
                        if !file.exists() {
                            self.fetch(image, layer, Some(&file), progress).await.map_err(of_layer)?;
                        }
                        Ok(file)
                    }
                    Store::Disk(layout) => {
                        self.fetch(image, layer, None, progress).await.map_err(of_layer)?;
                        layout.blob(layer.digest()).map_err(of_layer)
                    }
                }
            }
        }
    }

    /// Reads a layer to check it, and writes it to a file if one is named, which is there only when all is well.
    async fn fetch(
        &self,
        image: &Image,
        layer: &Layer,
        into: Option<&Path>,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        progress.event(Event::Layer { digest: layer.digest(), size: layer.size() });
        let (sender, mut blob) = unpack::channel(layer.digest().hasher());
        let (expected, size) = (layer.digest().clone(), layer.size());
        let into = into.map(|file| (file.with_extension("part"), file.to_owned()));
        // Should this future be dropped, the one with `sender` goes first, and the thread hears of it.
        let worker = Worker::start(&Stop::default(), move || {
            if let Some((part, _)) = &into {
                let mut file = File::create(part).map_err(ErrorKind::io(part))?;
                io::copy(&mut blob, &mut file).map_err(ErrorKind::io(part))?;
            }
            let (found, length) = blob.finish().map_err(|_| ErrorKind::Stopped)?;
            check_content("the layer", &expected, size, found, length)?;
            if let Some((part, file)) = &into {
                std::fs::rename(part, file).map_err(ErrorKind::io(file))?;
            }
            Ok(())
        });
        let fed = self.client.feed(image, layer, sender, progress).await;
        let kept = worker.end().await;
        // The thread only complains about the end of what could not be fetched.
        fed.and(kept)
    }
}
