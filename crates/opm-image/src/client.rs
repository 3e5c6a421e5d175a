//! The one way to images.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::environment::Environment;
use crate::error::{ErrorKind, ImageError};
use crate::image::{Image, Layer, Store};
use crate::options::{Limits, Options};
use crate::progress::{Event, Progress};
use crate::resolve::{self, Places};
use crate::settings::Settings;
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
    transport: Arc<Transport>,
    settings: Settings,
    temp_dir: PathBuf,
    source_date_epoch: Option<OsString>,
}

impl Client {
    /// Sets a client up. Reads certificates and, if it is named, the file of credentials; neither searches for credentials
    /// nor touches the network yet.
    pub fn new(options: Options, environment: Environment) -> Result<Self, ImageError> {
        let temp_dir = environment.temp_dir();
        let source_date_epoch = environment.source_date_epoch.clone();
        let settings = Settings::new(&options, &environment);
        let transport = Arc::new(Transport::new(&options, environment)?);
        let limits = options.limits.clone();
        Ok(Self { inner: Arc::new(Inner { options, transport, settings, temp_dir, source_date_epoch }), limits })
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
    pub(crate) async fn feed(
        &self,
        image: &Image,
        layer: &Layer,
        sender: mpsc::Sender<Feed>,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let whole = match &*image.0.store {
            Store::Registry(places) => {
                let kept = match self.cache() {
                    Some(cache) => cache.open(layer.digest(), layer.size()).await.map(|file| (cache, file)),
                    None => None,
                };
                match kept {
                    Some((cache, file)) => {
                        let path = cache.path(layer.digest());
                        feed_file(file.into(), &sender, progress).await.map_err(ErrorKind::io(path))?
                    }
                    None => self.download(places, layer, &sender, progress).await?,
                }
            }
            Store::Disk(layout) => {
                let path = layout.blob(layer.digest())?;
                let file = tokio::fs::File::open(&path).await.map_err(ErrorKind::io(&path))?;
                feed_file(file, &sender, progress).await.map_err(ErrorKind::io(&path))?
            }
        };
        if whole {
            let _ = sender.send(Feed::End).await;
        }
        Ok(())
    }

    /// Sends the bytes of a layer from a registry, and keeps them if there is a cache. Answers whether all were taken.
    async fn download(
        &self,
        places: &Places,
        layer: &Layer,
        sender: &mpsc::Sender<Feed>,
        progress: &dyn Progress,
    ) -> Result<bool, ErrorKind> {
        let place = places.chosen(self, progress).await?;
        let mut download = place.transport.blob(&place.reference, layer.digest(), layer.size());
        let mut keeping = self.cache().map(|cache| cache.keep(layer.digest()));
        loop {
            let chunk = match (download.chunk(progress).await, &layer.foreign) {
                (Err(ErrorKind::NotFound(_)), Some(url)) => {
                    return Err(ErrorKind::ForeignLayer { url: url.clone() });
                }
                (chunk, _) => chunk?,
            };
            let Some(chunk) = chunk else { break };
            progress.event(Event::Bytes(chunk.len() as u64));
            if let Some(keeping) = &mut keeping {
                keeping.add(&chunk).await;
            }
            if sender.send(Feed::Chunk(chunk)).await.is_err() {
                return Ok(false);
            }
        }
        if let Some(keeping) = keeping {
            keeping.finish().await;
        }
        Ok(true)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn shared_transport(&self) -> Arc<Transport> {
        Arc::clone(&self.inner.transport)
    }

    pub(crate) fn source_date_epoch(&self) -> Option<&OsStr> {
        self.inner.source_date_epoch.as_deref()
    }

    pub(crate) fn temp_dir(&self) -> &Path {
        &self.inner.temp_dir
    }
}

/// Sends what is in a file. Answers whether all was taken.
async fn feed_file(
    mut file: tokio::fs::File,
    sender: &mpsc::Sender<Feed>,
    progress: &dyn Progress,
) -> std::io::Result<bool> {
    loop {
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
        let amount = file.read_buf(&mut chunk).await?;
        if amount == 0 {
            return Ok(true);
        }
        progress.event(Event::Bytes(amount as u64));
        if sender.send(Feed::Chunk(chunk.freeze())).await.is_err() {
            return Ok(false);
        }
    }
}
