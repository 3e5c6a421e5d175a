//! The one way to images.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::environment::Environment;
use crate::error::{ErrorKind, ImageError};
use crate::image::{Image, Layer, Store};
use crate::options::Options;
use crate::progress::{Event, Progress};
use crate::resolve;
use crate::source::Source;
use crate::transport::Transport;
use crate::unpack::{self, Feed, Keep, StopOnDrop, Unpacked, Work};

/// How much of a file on disk is read at once.
const CHUNK: usize = 256 << 10;

/// A client for images in registries and on disk. Clones share connections, tokens and credentials, so one client serves a
/// whole command, however many images it handles at once.
///
/// Dropping a future of any of its methods stops the work and removes its temporary files.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

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
        Ok(Self(Arc::new(Inner { options, transport, temp_dir })))
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
        let spool = Arc::new(unpack::prepare(into).map_err(of_image)?);
        let mut keep = keep.clone();
        let mut again = true;
        loop {
            let mut work = Work::new(Arc::clone(&spool), &self.0.options.limits);
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
            let guard = StopOnDrop::default();
            let (stop, into, keep) = (Arc::clone(&guard.0), into.to_owned(), keep.clone());
            let finish = tokio::task::spawn_blocking(move || unpack::finish(work, into, &keep, &stop));
            let unpacked = finish.await.unwrap_or(Err(ErrorKind::Stopped)).map_err(of_image)?;
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
        let worker = tokio::task::spawn_blocking(move || {
            let result = unpack::apply_layer(&mut work, blob, &check, &keep);
            result.map(|()| work)
        });
        let fed = self.feed(image, layer, sender, progress).await;
        let applied = worker.await.unwrap_or(Err(ErrorKind::Stopped));
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
                let mut download = self.0.transport.blob(reference, layer.digest(), layer.size());
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
        &self.0.options
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(crate) fn temp_dir(&self) -> &Path {
        &self.0.temp_dir
    }
}
