//! Blobs, each of which travels once.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oci_distribution::manifest::ImageIndexEntry;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::Settings;
use crate::client::Client;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::image::Store;
use crate::layout::{Part, Stock, hashed};
use crate::progress::{Event, Progress};
use crate::reference::Reference;
use crate::resolve::Places;
use crate::transport::{Mount, Transport};
use crate::unpack::check_content;

/// What is known of a blob: the places that have it.
type Known = Arc<tokio::sync::Mutex<Vec<At>>>;

/// Where a blob is.
enum At {
    Registry(Reference),
    Stock(Stock),
}

/// The images of a layout by their names.
type Names = Arc<BTreeMap<String, ImageIndexEntry>>;

/// Everything that is under way.
pub(super) struct Traffic<'a> {
    pub(super) client: &'a Client,
    pub(super) settings: &'a Settings,
    /// Who has the lock of a blob moves it; others wait, and then find it.
    known: Mutex<BTreeMap<Digest, Known>>,
    /// Of each layout, as it was when it was first asked.
    names: Mutex<BTreeMap<PathBuf, Names>>,
    lanes: Semaphore,
    pub(super) moved: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) mounted: AtomicU64,
}

/// Where a blob is to be.
pub(super) enum Target<'a> {
    Registry(&'a Reference, Arc<Transport>),
    Stock(Stock),
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
            names: Mutex::default(),
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

    /// The images of a layout by their names.
    pub(super) fn names(&self, dir: &Path) -> Result<Names, ErrorKind> {
        let mut all = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = all.get(dir) {
            return Ok(Arc::clone(names));
        }
        let names = Arc::new(Stock::names(dir)?);
        all.insert(dir.to_owned(), Arc::clone(&names));
        Ok(names)
    }

    /// Sees to it that a blob is at its place, by the shortest way there is.
    pub(super) async fn blob(
        &self,
        blob: (&Digest, u64),
        from: &Store,
        to: &Target<'_>,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let known = self.known(blob.0);
        // The lock first: those who wait for a blob keep no lane from others.
        let mut known = known.lock().await;
        let _lane = self.lanes.acquire().await.map_err(|_| ErrorKind::Stopped)?;
        match to {
            Target::Stock(stock) => {
                if known.iter().any(|other| matches!(other, At::Stock(other) if other == stock)) {
                    return Ok(());
                }
                if !stock.has(blob.0, blob.1) && !self.settings.left_out.contains(blob.0) {
                    self.store(blob, from, stock, &known, progress).await?;
                }
                known.push(At::Stock(stock.clone()));
            }
            Target::Registry(to, transport) => {
                let same = |other: &At| matches!(other, At::Registry(other) if same_repository(other, to));
                if known.iter().any(same) {
                    return Ok(());
                }
                if !transport.has_blob(to, blob.0, progress).await? {
                    self.send(blob, from, (to, transport), &known, progress).await?;
                } else if known.is_empty() && !self.settings.dry_run {
                    progress.event(Event::Placed { digest: blob.0, at: to });
                }
                known.push(At::Registry((*to).clone()));
            }
        }
        Ok(())
    }

    /// Brings a blob into a layout or a tree that lacks it.
    async fn store(
        &self,
        (digest, size): (&Digest, u64),
        from: &Store,
        stock: &Stock,
        known: &[At],
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        // A tree has a blob for each of its repositories.
        let beside = known.iter().find_map(|at| if let At::Stock(stock) = at { Some(stock) } else { None });
        if let Some(beside) = beside {
            self.mounted.fetch_add(1, Ordering::Relaxed);
            if self.settings.dry_run {
                return Ok(());
            }
            let (stock, beside, digest) = (stock.clone(), beside.clone(), digest.clone());
            return on_a_thread(move || stock.take_beside(&digest, &beside)).await;
        }
        if !self.settings.dry_run {
            match from {
                Store::Registry(places) => self.fill_part((digest, size), places, stock, progress).await?,
                Store::Disk(_) => {
                    let file = self.local((digest, size), from, progress).await?;
                    let (stock, digest) = (stock.clone(), digest.clone());
                    on_a_thread(move || stock.take(&digest, file.path())).await?;
                }
            }
        }
        self.count(size);
        Ok(())
    }

    /// Fetches what a layout or a tree lacks of a blob.
    async fn fill_part(
        &self,
        (digest, size): (&Digest, u64),
        places: &Places,
        stock: &Stock,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let (here, wanted) = (stock.clone(), digest.clone());
        let Some(mut part) = on_a_thread(move || here.part(&wanted, size)).await? else {
            // Another process fetches it, and may fail.
            let file = self.fetched((digest, size), places, progress).await?;
            let (stock, digest) = (stock.clone(), digest.clone());
            return on_a_thread(move || stock.take(&digest, file.path())).await;
        };
        loop {
            let old = part.length;
            part = self.continued(part, (digest, size), places, progress).await?;
            match check_content("the blob", digest, size, part.digest(), part.length) {
                Ok(()) => break,
                // What was there before may have been damaged since.
                Err(_) if old > 0 => part.clear(digest)?,
                Err(error) => {
                    part.discard();
                    return Err(error);
                }
            }
        }
        let (stock, digest) = (stock.clone(), digest.clone());
        on_a_thread(move || stock.whole(&part, &digest)).await
    }

    async fn continued(
        &self,
        mut part: Part,
        (digest, size): (&Digest, u64),
        places: &Places,
        progress: &dyn Progress,
    ) -> Result<Part, ErrorKind> {
        if part.length == size {
            return Ok(part);
        }
        let place = places.chosen(self.client, progress).await?;
        let mut download = place.transport.rest_of_blob(&place.reference, digest, size, part.length);
        while let Some(chunk) = download.chunk(progress).await? {
            progress.event(Event::Bytes(chunk.len() as u64));
            part = on_a_thread(move || part.add(&chunk).map(|()| part)).await?;
        }
        Ok(part)
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
        known: &[At],
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let source = match from {
            Store::Registry(places) => Some(&places.chosen(self.client, progress).await?.reference),
            Store::Disk(_) => None,
        };
        let known = known.iter().filter_map(|at| if let At::Registry(of) = at { Some(of) } else { None });
        let earlier = self.settings.beside.get(digest).into_iter().flatten();
        let mut beside: Vec<_> =
            known.chain(source).filter(|other| other.api_host() == to.api_host()).take(1).collect();
        // What an earlier run brought is where it was brought, unless somebody removed it.
        beside.extend(earlier.filter(|other| other.api_host() == to.api_host() && !same_repository(other, to)));
        if self.settings.dry_run {
            let counted = if beside.is_empty() { &self.moved } else { &self.mounted };
            counted.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(if beside.is_empty() { size } else { 0 }, Ordering::Relaxed);
            return Ok(());
        }
        let mut session = None;
        for beside in beside {
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
        progress.event(Event::Placed { digest, at: to });
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
                let hash = move || {
                    let found = File::open(&asked).and_then(|mut file| hashed(&mut file, &expected));
                    found.map_err(ErrorKind::io(&asked))
                };
                let (found, length) = on_a_thread(hash).await?;
                check_content("the blob", digest, size, found.finish(), length)?;
                Ok(Local::There(path))
            }
            Store::Registry(places) => self.fetched((digest, size), places, progress).await.map(Local::Fetched),
        }
    }

    /// A blob in a file of its own.
    async fn fetched(
        &self,
        (digest, size): (&Digest, u64),
        places: &Places,
        progress: &dyn Progress,
    ) -> Result<NamedTempFile, ErrorKind> {
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
        Ok(file)
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
