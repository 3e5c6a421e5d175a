//! Many images from where they are to where they are to be, byte for byte.
//!
//! What is at its place is not sent again, so a mirror that was interrupted goes on where it ended. A blob that several
//! images share travels once to a registry and is mounted from there on (`blobs`). The tag of an image comes last: what has a
//! name is complete.

mod archive;
mod blobs;
mod image;
mod signatures;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::client::Client;
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::platform::Platform;
use crate::progress::Progress;
use crate::reference::Reference;
use crate::source::Source;
pub use archive::{fold, unfold};
use blobs::Traffic;
pub use verify::{Damage, Wanted};

/// Where an image is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A registry, under a tag or a digest.
    Registry(Reference),
    /// An OCI image layout 1.0, made or added to.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The annotation `org.opencontainers.image.ref.name`.
        name: String,
    },
    /// A tree as `oc image mirror` writes it, made or added to.
    Tree {
        /// The directory with `v2`; empty for the working directory.
        root: PathBuf,
        /// Below `v2`.
        repository: String,
        /// A tag or a digest.
        object: String,
    },
}

/// One image to copy.
#[derive(Debug, Clone)]
pub struct Task {
    /// Where it is: a registry, an OCI image layout, or a tree.
    pub from: Source,
    /// Where it is to be.
    pub to: Place,
    /// Its digest, as far as somebody else knows it: an earlier run that put it there, or the store's own list. If that is at
    /// the place, the image is not looked up.
    pub known: Option<Digest>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(to) => to.fmt(f),
            Self::Layout { name, .. } => f.write_str(name),
            Self::Tree { root, repository, object } => {
                let (root, repository, object) = (root.clone(), repository.clone(), object.clone());
                Source::Tree { root, repository, object }.fmt(f)
            }
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
    /// Whether the signatures, attestations and bills of materials go along that cosign keeps beside an image, and what refers
    /// to it.
    pub signatures: bool,
    /// The platforms that are copied of an image that has several; all if none is named. Its index stays as it is.
    pub platforms: Vec<Platform>,
    /// Blobs and images that are at the destination's end already, because an earlier store brought them there. They are not
    /// put into a layout or a tree.
    pub left_out: BTreeSet<Digest>,
    /// Where in the destination's registry blobs may be, besides where this run put them.
    pub beside: BTreeMap<Digest, Vec<Reference>>,
    /// Whether no further image is begun once one has failed.
    pub stop_at_first: bool,
    /// Only finds out what there is to copy.
    pub dry_run: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            images: 4,
            blobs: 5,
            timeout: Duration::from_mins(10),
            signatures: true,
            platforms: Vec::new(),
            left_out: BTreeSet::new(),
            beside: BTreeMap::new(),
            stop_at_first: false,
            dry_run: false,
        }
    }
}

/// How an image came to be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was copied.
    Copied,
    /// It was there before.
    Before,
    /// It is in [`Settings::left_out`].
    LeftOut,
}

/// What became of an image that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Of what the name leads to.
    pub digest: Digest,
    /// How it came there.
    pub arrival: Arrival,
    /// The digests and sizes of what it consists of, manifests among them, where it went into a layout or a tree.
    pub parts: Vec<(Digest, u64)>,
}

/// What became of all.
#[derive(Debug)]
pub struct Outcome {
    /// In the order of the tasks. There are fewer when it [stopped at the first failure](Settings::stop_at_first).
    pub images: Vec<Result<Copied, ImageError>>,
    /// The blobs that were moved, or have to be when nothing was to be done.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The blobs that a registry took from another of its repositories.
    pub mounted: u64,
}

impl Client {
    /// Copies images. One that fails keeps no other from being copied, unless that is wanted; all results are in the outcome.
    ///
    /// Dropping the future leaves no image half-named: what was moved is found again by the next run.
    pub async fn mirror(&self, tasks: &[Task], settings: &Settings, progress: &dyn Progress) -> Outcome {
        let traffic = Traffic::new(self, settings);
        let mut copies = stream::iter(tasks)
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
            .buffered(settings.images.max(1));
        let mut images = Vec::with_capacity(tasks.len());
        while let Some(copied) = copies.next().await {
            let ends = settings.stop_at_first && copied.is_err();
            images.push(copied);
            if ends {
                break;
            }
        }
        drop(copies);
        let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        Outcome { images, blobs: count(&traffic.moved), bytes: count(&traffic.bytes), mounted: count(&traffic.mounted) }
    }
}
