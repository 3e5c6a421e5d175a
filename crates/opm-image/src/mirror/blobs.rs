//! Blobs, each of which travels once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::Settings;
use crate::client::Client;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::image::Store;
use crate::layout::Stock;
use crate::progress::{Event, Progress};
use crate::reference::Reference;
use crate::transport::{Mount, Transport};
use crate::unpack::check_content;

/// What is known of a blob: the repositories that have it, of all registries.
type Known = Arc<tokio::sync::Mutex<Vec<Reference>>>;

/// Everything that is under way.
pub(super) struct Traffic<'a> {
    pub(super) client: &'a Client,
    pub(super) settings: &'a Settings,
    /// Who has the lock of a blob moves it; others wait, and then find it.
    known: Mutex<BTreeMap<Digest, Known>>,
    lanes: Semaphore,
    pub(super) moved: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) mounted: AtomicU64,
}

/// Where a blob is to be.
pub(super) enum Target<'a> {
    Registry(&'a Reference, Arc<Transport>),
    Layout(Stock),
}

/// A blob in a file: one of a layout, or one that was fetched and goes with the value.
enum Local {
    There(PathBuf),
    Fetched(NamedTempFile),
}

impl Local {
    fn path(&self) -> &Path {
        match self {
            Self::There(path) => path,
            Self::Fetched(file) => file.path(),
        }
    }
}

impl<'a> Traffic<'a> {
    pub(super) fn new(client: &'a Client, settings: &'a Settings) -> Self {
        Self {
            client,
            settings,
            known: Mutex::default(),
            lanes: Semaphore::new(settings.blobs.max(1)),
            moved: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            mounted: AtomicU64::new(0),
        }
    }

    fn known(&self, digest: &Digest) -> Known {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(digest.clone()).or_default())
    }

    /// Sees to it that a blob is at its place, by the shortest way there is.
    pub(super) async fn blob(
        &self,
        (digest, size): (&Digest, u64),
        from: &Store,
        to: &Target<'_>,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let known = self.known(digest);
        // The lock first: those who wait for a blob keep no lane from others.
        let mut known = known.lock().await;
        let _lane = self.lanes.acquire().await.map_err(|_| ErrorKind::Stopped)?;
        match to {
            Target::Layout(stock) => {
                if stock.has(digest, size) || (self.settings.dry_run && !known.is_empty()) {
                    return Ok(());
                }
                self.count(size);
                if self.settings.dry_run {
                    return Ok(());
                }
                let file = self.local((digest, size), from, progress).await?;
                let (stock, digest) = (stock.clone(), digest.clone());
                on_a_thread(move || stock.take(&digest, file.path())).await
            }
            Target::Registry(to, transport) => {
                if known.iter().any(|other| same_repository(other, to)) {
                    return Ok(());
                }
                if !transport.has_blob(to, digest, progress).await? {
                    self.send((digest, size), from, (to, transport), &known, progress).await?;
                }
                known.push((*to).clone());
                Ok(())
            }
        }
    }

    fn count(&self, size: u64) {
        self.moved.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
    }

    /// Brings a blob into a repository that lacks it.
    async fn send(
        &self,
        (digest, size): (&Digest, u64),
        from: &Store,
        (to, transport): (&Reference, &Transport),
        known: &[Reference],
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let source = match from {
            Store::Registry(places) => Some(&places.chosen(self.client, progress).await?.reference),
            Store::Disk(_) => None,
        };
        let beside = known.iter().chain(source).find(|other| other.api_host() == to.api_host());
        if self.settings.dry_run {
            let counted = if beside.is_some() { &self.mounted } else { &self.moved };
            counted.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(if beside.is_some() { 0 } else { size }, Ordering::Relaxed);
            return Ok(());
        }
        let mut session = None;
        if let Some(beside) = beside {
            match transport.mount(to, beside, digest, progress).await {
                Mount::Taken => {
                    self.mounted.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Mount::Upload(begun) => session = Some(begun),
                Mount::Refused => {}
            }
        }
        // Who may not write is told before anything is fetched.
        if session.is_none() {
            session = transport.session_ahead(to).await?;
        }
        let file = self.local((digest, size), from, progress).await?;
        transport.upload(to, (digest, size), file.path(), session, progress).await?;
        self.count(size);
        Ok(())
    }

    /// A blob in a file, with the content that its digest says.
    async fn local(
        &self,
        (digest, size): (&Digest, u64),
        from: &Store,
        progress: &dyn Progress,
    ) -> Result<Local, ErrorKind> {
        match from {
            Store::Disk(layout) => {
                let path = layout.blob(digest)?;
                let (asked, expected) = (path.clone(), digest.clone());
                let found = on_a_thread(move || digest_of(&asked, &expected).map_err(ErrorKind::io(&asked)));
                let (found, length) = found.await?;
                check_content("the blob", digest, size, found, length)?;
                Ok(Local::There(path))
            }
            Store::Registry(places) => {
                let place = places.chosen(self.client, progress).await?;
                let temp = self.client.temp_dir();
                let file = tempfile::Builder::new().prefix("opm-").tempfile_in(temp).map_err(ErrorKind::io(temp))?;
                let path = file.path().to_owned();
                let mut to = tokio::fs::File::from_std(file.reopen().map_err(ErrorKind::io(&path))?);
                let mut hasher = digest.hasher();
                let mut download = place.transport.blob(&place.reference, digest, size);
                let mut length = 0;
                while let Some(chunk) = download.chunk(progress).await? {
                    progress.event(Event::Bytes(chunk.len() as u64));
                    hasher.update(&chunk);
                    length += chunk.len() as u64;
                    to.write_all(&chunk).await.map_err(ErrorKind::io(&path))?;
                }
                to.flush().await.map_err(ErrorKind::io(&path))?;
                check_content("the blob", digest, size, hasher.finish(), length)?;
                Ok(Local::Fetched(file))
            }
        }
    }
}

/// Work with files, away from the threads that others wait for.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ErrorKind> + Send + 'static,
) -> Result<T, ErrorKind> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ErrorKind::Stopped)?
}

fn same_repository(one: &Reference, other: &Reference) -> bool {
    one.registry() == other.registry() && one.repository() == other.repository()
}

/// The digest of a file, of the kind of another one, and its length.
fn digest_of(path: &Path, kind: &Digest) -> std::io::Result<(Digest, u64)> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let (mut hasher, mut buffer, mut length) = (kind.hasher(), vec![0; 256 << 10], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher.finish(), length));
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
}
