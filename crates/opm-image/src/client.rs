//! The one way to images.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::environment::Environment;
use crate::error::{ErrorKind, ImageError};
use crate::image::{Image, Layer, Store};
use crate::options::{Limits, Options};
use crate::progress::{Event, Progress};
use crate::resolve;
use crate::source::Source;
use crate::transport::Transport;
use crate::unpack::{self, Feed, Keep, Stop, Unpacked, Work, Worker};

/// How much of a file on disk is read at once.
const CHUNK: usize = 256 << 10;

/// A client for images in registries and on disk. Clones share connections, tokens and credentials, so one client serves a
/// whole command, however many images it handles at once.
///
/// Dropping a future of any of its methods stops the work, waits for the thread that does it (some milliseconds) and removes
/// its temporary files.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
    limits: Limits,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    transport: Transport,
    temp_dir: PathBuf,
}

impl Client {
    /// Sets a client up. Reads certificates and, if it is named, the file of credentials; neither searches for credentials
    /// nor touches the network yet.
    pub fn new(options: Options, environment: Environment) -> Result<Self, ImageError> {
        let temp_dir = environment.temp_dir();
        let transport = Transport::new(&options, environment)?;
        let limits = options.limits.clone();
        Ok(Self { inner: Arc::new(Inner { options, transport, temp_dir }), limits })
    }

    /// The same client with other limits than those of its options, for images of which less is to be expected.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { inner: Arc::clone(&self.inner), limits }
    }

    /// When it stops to believe an image.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Looks an image up: reads its manifest, chosen by platform, and its configuration, and checks sizes and digests.
    ///
    /// An `oci-archive:` or `docker-archive:` is spooled to a temporary directory, which lives as long as the [`Image`].
    pub async fn resolve(&self, source: &Source, progress: &dyn Progress) -> Result<Image, ImageError> {
        progress.event(Event::Resolving { image: &source.to_string() });
        resolve::resolve(self, source, progress).await.map_err(|kind| ImageError::of(source, kind))
    }

    /// Downloads the layers of an image, applies them in order and writes what `keep` wants into `into`, which must be an
    /// empty directory or not exist yet. Nothing is left there on failure.
    ///
    /// Layers are read once, unless a link in what is kept leads to something that was not: then a second time.
    pub async fn unpack(
        &self,
        image: &Image,
        into: &Path,
        keep: &Keep,
        progress: &dyn Progress,
    ) -> Result<Unpacked, ImageError> {
        let of_image = |kind| ImageError::of(image.source(), kind);
        let mut spool = unpack::prepare(into).map_err(of_image)?;
        let stop = Stop::default();
        let mut keep = keep.clone();
        let mut again = true;
        loop {
            let mut work = Work::new(&spool, &self.limits, stop.clone());
            for layer in image.layers() {
                progress.event(Event::Layer { digest: layer.digest(), size: layer.size() });
                work = self
                    .layer(image, layer, work, &keep, progress)
                    .await
                    .map_err(|kind| ImageError::in_layer(image.source(), layer.digest(), kind))?;
            }
            let (complete, lacking) = work.complete(&keep);
            keep = complete;
            if lacking && again {
                again = false;
                work.discard().map_err(of_image)?;
                continue;
            }
            let (into, keep) = (into.to_owned(), keep.clone());
            let finish = Worker::start(&stop, move || unpack::finish(work, into, &keep));
            let unpacked = finish.end().await.map_err(of_image)?;
            spool.set_filled();
            progress.event(Event::Done);
            return Ok(unpacked);
        }
    }

    /// Applies one layer: bytes go from here through a bounded channel to a thread that unpacks them.
    async fn layer(
        &self,
        image: &Image,
        layer: &Layer,
        mut work: Work,
        keep: &Keep,
        progress: &dyn Progress,
    ) -> Result<Work, ErrorKind> {
        let (sender, blob) = unpack::channel(layer.digest().hasher());
        let (check, keep) = (layer.check.clone(), keep.clone());
        // Should this future be dropped, then the one below with `sender` goes first, so that a thread that waits for bytes
        // hears of it.
        let worker = Worker::start(&work.stop.clone(), move || {
            let result = unpack::apply_layer(&mut work, blob, &check, &keep);
            result.map(|()| work)
        });
        let fed = self.feed(image, layer, sender, progress).await;
        let applied = worker.end().await;
        // The thread only complains about the end of what could not be fetched.
        fed.and(applied)
    }

    /// Sends the bytes of a layer until its end, or until nobody listens.
    async fn feed(
        &self,
        image: &Image,
        layer: &Layer,
        sender: mpsc::Sender<Feed>,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        match &image.0.store {
            Store::Registry(reference) => {
                let mut download = self.inner.transport.blob(reference, layer.digest(), layer.size());
                loop {
                    let chunk = match (download.chunk(progress).await, &layer.foreign) {
                        (Err(ErrorKind::NotFound(_)), Some(url)) => {
                            return Err(ErrorKind::ForeignLayer { url: url.clone() });
                        }
                        (chunk, _) => chunk?,
                    };
                    let Some(chunk) = chunk else { break };
                    progress.event(Event::Bytes(chunk.len() as u64));
                    if sender.send(Feed::Chunk(chunk)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Store::Disk(layout) => {
                let path = layout.blob(layer.digest())?;
                let mut file = tokio::fs::File::open(&path).await.map_err(ErrorKind::io(&path))?;
                loop {
                    let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
                    let amount = file.read_buf(&mut chunk).await.map_err(ErrorKind::io(&path))?;
                    if amount == 0 {
                        break;
                    }
                    progress.event(Event::Bytes(amount as u64));
                    if sender.send(Feed::Chunk(chunk.freeze())).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        let _ = sender.send(Feed::End).await;
        Ok(())
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(crate) fn temp_dir(&self) -> &Path {
        &self.inner.temp_dir
    }
}
