//! Many images from where they are to where they are to be, byte for byte and with all their platforms.
//!
//! What is at its place is not sent again, so a mirror that was interrupted goes on where it ended. A blob that several
//! images share travels once to a registry and is mounted from there on (`blobs`). The tag of an image comes last: what has a
//! name is complete.

mod blobs;
mod image;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::client::Client;
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::progress::Progress;
use crate::reference::Reference;
use crate::source::Source;
use blobs::Traffic;

/// Where an image is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A registry, under a tag.
    Registry(Reference),
    /// An OCI image layout 1.0, made or added to.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The annotation `org.opencontainers.image.ref.name`.
        name: String,
    },
}

/// One image to copy.
#[derive(Debug, Clone)]
pub struct Task {
    /// Where it is: a registry, or an OCI image layout.
    pub from: Source,
    /// Where it is to be.
    pub to: Place,
    /// What an earlier run, which did not end, put there. If it is there still, the image is not looked up again.
    pub known: Option<Digest>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(to) => to.fmt(f),
            Self::Layout { name, .. } => f.write_str(name),
        }
    }
}

/// How to mirror.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many images are copied at a time.
    pub images: usize,
    /// How many blobs are copied at a time, of all images.
    pub blobs: usize,
    /// The longest time that one image may take.
    pub timeout: Duration,
    /// Whether the signatures, attestations and bills of materials go along that cosign keeps beside an image.
    pub signatures: bool,
    /// Only finds out what there is to copy.
    pub dry_run: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { images: 4, blobs: 5, timeout: Duration::from_mins(10), signatures: true, dry_run: false }
    }
}

/// What became of an image that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Of what the name leads to.
    pub digest: Digest,
    /// Whether it was there before.
    pub was_there: bool,
}

/// What became of all.
#[derive(Debug)]
pub struct Outcome {
    /// In the order of the tasks.
    pub images: Vec<Result<Copied, ImageError>>,
    /// The blobs that were moved, or have to be when nothing was to be done.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The blobs that a registry took from another of its repositories.
    pub mounted: u64,
}

impl Client {
    /// Copies images. One that fails keeps no other from being copied; all results are in the outcome.
    ///
    /// Dropping the future leaves no image half-named: what was moved is found again by the next run.
    pub async fn mirror(&self, tasks: &[Task], settings: &Settings, progress: &dyn Progress) -> Outcome {
        let traffic = Traffic::new(self, settings);
        let images = stream::iter(tasks)
            .map(async |task| {
                let copy = traffic.image(task, progress);
                let copied = match tokio::time::timeout(settings.timeout, copy).await {
                    Ok(copied) => copied,
                    Err(_) => Err(ErrorKind::Protocol(format!(
                        "it took longer than the {} s that one image may take",
                        settings.timeout.as_secs()
                    ))),
                };
                copied.map_err(|kind| ImageError::of(&task.from, kind))
            })
            .buffered(settings.images.max(1))
            .collect()
            .await;
        let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        Outcome { images, blobs: count(&traffic.moved), bytes: count(&traffic.bytes), mounted: count(&traffic.mounted) }
    }
}
