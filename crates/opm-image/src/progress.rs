//! What the crate says while it works. Nothing here prints.

use std::time::Duration;

use crate::digest::Digest;
use crate::reference::Reference;

/// Told about every step; implemented by whoever owns the terminal or the log.
///
/// Called from the task that polls the client, so it must not block.
pub trait Progress: Send + Sync {
    /// One thing happened.
    fn event(&self, event: Event<'_>);
}

/// One step of a pull or a build.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The manifest of this image is being looked up.
    Resolving {
        /// The image as the user would write it.
        image: &'a str,
    },
    /// A layer begins to be read.
    Layer {
        /// Which.
        digest: &'a Digest,
        /// As stored, in bytes.
        size: u64,
    },
    /// So many more bytes of the current layer have arrived.
    Bytes(u64),
    /// Something failed that may succeed if tried again.
    Retrying {
        /// What failed.
        why: &'a str,
        /// How long until the next attempt.
        wait: Duration,
    },
    /// The image is unpacked, or what is built upon it is written.
    Done,
    /// A part of the base does not become a part of what is built.
    Skipped {
        /// Which part, and why.
        what: &'a str,
    },
    /// A built image begins to be written or pushed.
    Writing {
        /// Where to, as the user would write it.
        output: &'a str,
    },
    /// A blob begins to be pushed.
    Pushing {
        /// Which.
        digest: &'a Digest,
        /// In bytes.
        size: u64,
    },
    /// A blob is in a repository of a registry, from which others of that registry may take it.
    Placed {
        /// Which.
        digest: &'a Digest,
        /// An image of that repository.
        at: &'a Reference,
    },
    /// A built image is where it is to be.
    Written {
        /// As in [`Writing`](Self::Writing).
        output: &'a str,
        /// Of what a name leads to there.
        digest: &'a Digest,
    },
    /// A step of the work that the client is a part of, in words for people. Said by its users, never by the client.
    Step {
        /// One line.
        line: &'a str,
    },
}

/// Hears everything and says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}
