//! The one error of the crate.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::digest::Digest;
use crate::reference::BadReference;

/// What went wrong, with which image and in which of its layers.
#[derive(Debug)]
pub struct ImageError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    image: Option<String>,
    layer: Option<Digest>,
    kind: ErrorKind,
}

impl ImageError {
    /// The image as the user named it; absent when the client itself could not be set up.
    pub fn image(&self) -> Option<&str> {
        self.0.image.as_deref()
    }

    /// The layer that was being read.
    pub fn layer(&self) -> Option<&Digest> {
        self.0.layer.as_ref()
    }

    /// What happened.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    pub(crate) fn of(image: impl fmt::Display, kind: ErrorKind) -> Self {
        Self(Box::new(Inner { image: Some(image.to_string()), layer: None, kind }))
    }

    pub(crate) fn in_layer(image: impl fmt::Display, layer: &Digest, kind: ErrorKind) -> Self {
        Self(Box::new(Inner { image: Some(image.to_string()), layer: Some(layer.clone()), kind }))
    }
}

impl ImageError {
    /// The same, of `image` when it is of none yet.
    pub(crate) fn or_of(mut self, image: impl fmt::Display) -> Self {
        self.0.image.get_or_insert_with(|| image.to_string());
        self
    }
}

impl From<ErrorKind> for ImageError {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { image: None, layer: None, kind }))
    }
}

impl From<BadReference> for ImageError {
    fn from(bad: BadReference) -> Self {
        ErrorKind::Reference(bad).into()
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(image) = &self.0.image {
            write!(f, "{image}: ")?;
        }
        if let Some(layer) = &self.0.layer {
            write!(f, "layer {layer}: ")?;
        }
        self.0.kind.fmt(f)
    }
}

impl Error for ImageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.kind.source()
    }
}

/// What happened, and where it helps, what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name of the image is wrong.
    #[error(transparent)]
    Reference(BadReference),
    /// The file of `--ca-file` cannot be used.
    #[error("certificates in {}: {why}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file of `--authfile` cannot be used.
    #[error("credentials in {}: {why}", path.display())]
    AuthFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A `registries.conf`, or one of its drop-ins, cannot be used.
    #[error("{}{}: {why}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    Registries {
        /// The file.
        path: PathBuf,
        /// The first is 1; absent when it is about the whole file.
        line: Option<usize>,
        /// What is wrong with it.
        why: String,
    },
    /// A `registries.conf` forbids what the image is or would be in.
    #[error("the registry `{prefix}` is blocked in {}", path.display())]
    Blocked {
        /// The prefix that is blocked.
        prefix: String,
        /// The file that says so.
        path: PathBuf,
    },
    /// A `policy.json` cannot be used.
    #[error("{}: {why}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A `policy.json` forbids to use the image, or demands of it what cannot be checked here.
    #[error("Source image rejected: {why}")]
    Rejected {
        /// The file that says so.
        path: PathBuf,
        /// What it says and, where something can be done, what.
        why: String,
    },
    /// The image could be read from none of the places that a `registries.conf` names for it.
    #[error("{}", places_text(.0))]
    Everywhere(Vec<(String, ErrorKind)>),
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Setup(String),
    /// The registry has no such thing.
    #[error("not found: {0}")]
    NotFound(String),
    /// 401: credentials are missing or refused.
    #[error("unauthorized: {0}")]
    Unauthorized(String),
    /// 403: the registry knows who asks and says no.
    #[error("access denied: {0}")]
    Denied(String),
    /// 429: too many requests, after all retries.
    #[error("too many requests: {message}{}", wait_text(*wait))]
    Throttled {
        /// What the registry said.
        message: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// 408 or 5xx, after all retries.
    #[error("the registry failed: {message}")]
    Server {
        /// Status and what the registry said.
        message: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// The registry does not take what is pushed to it.
    #[error("{0}")]
    Unsupported(String),
    /// Another status that is no success.
    #[error("the registry answered {0}")]
    Http(String),
    /// The answer breaks the protocol.
    #[error("{0}")]
    Protocol(String),
    /// No connection.
    #[error("cannot connect to {host}: {why}")]
    Connect {
        /// Host and port.
        host: String,
        /// Refused, name not found, …
        why: String,
    },
    /// No secure connection.
    #[error("no secure connection to {host}: {why}")]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong, and which option helps.
        why: String,
    },
    /// Silence for too long.
    #[error("{host} did not answer in time")]
    Timeout {
        /// Host and port.
        host: String,
    },
    /// The connection broke within an answer.
    #[error("the connection to {host} broke: {why}")]
    Cut {
        /// Host and port.
        host: String,
        /// In which way.
        why: String,
    },
    /// Content is not what its name says.
    #[error("wrong digest of {what}: expected {expected}, found {found}; the content was damaged or replaced")]
    Digest {
        /// `the manifest`, `the configuration`, `the layer`.
        what: &'static str,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Content is longer or shorter than its manifest says.
    #[error("wrong size of {what}: expected {expected} bytes, found {found}")]
    Size {
        /// `the manifest`, `the configuration`, `the layer`.
        what: &'static str,
        /// In bytes.
        expected: u64,
        /// In bytes; at least so many when it is longer.
        found: u64,
    },
    /// A bound of [`Limits`](crate::Limits) was reached.
    #[error("{what} exceeds the limit of {limit}; the image is broken or hostile")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A manifest, index or configuration is malformed.
    #[error("{0}")]
    Manifest(String),
    /// The old format without a configuration.
    #[error("the image has a Docker schema 1 manifest, which is not supported; push it again with a current tool")]
    SchemaOne,
    /// Nothing in a multi-platform image fits.
    #[error("no image for {wanted}; on offer: {offered}")]
    NoPlatform {
        /// What was looked for, best first.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// A layer is kept elsewhere than in the registry.
    #[error("the layer is not in the registry but at {url}; such addresses are not followed")]
    ForeignLayer {
        /// The first address that the manifest gives.
        url: String,
    },
    /// A layer or archive cannot be unpacked.
    #[error("cannot unpack: {0}")]
    Archive(String),
    /// An image layout or archive on disk is malformed, or does not hold the image.
    #[error("{}: {why}", path.display())]
    Layout {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The directory to unpack into holds something already.
    #[error("cannot unpack into {}: it is not an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file or directory of this machine cannot be used.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path is not one that a layer can hold.
    #[error("`{path}` cannot be in an image: {why}")]
    BadPath {
        /// As given.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `$SOURCE_DATE_EPOCH` is no moment.
    #[error("SOURCE_DATE_EPOCH is `{0}`; expected seconds since 1970, before the year 10000")]
    Epoch(String),
    /// Work was stopped from outside.
    #[error("stopped before the end")]
    Stopped,
}

impl ErrorKind {
    /// Whether trying the same again later may succeed.
    pub fn is_transient(&self) -> bool {
        if let Self::Everywhere(failures) = self {
            return failures.iter().any(|(_, kind)| kind.is_transient());
        }
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Server { .. }
                | Self::Connect { .. }
                | Self::Timeout { .. }
                | Self::Cut { .. }
        )
    }

    /// How long the registry asks to wait.
    pub(crate) fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait, .. } | Self::Server { wait, .. } => *wait,
            _ => None,
        }
    }

    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn layout(path: impl AsRef<Path>, why: impl Into<String>) -> Self {
        Self::Layout { path: path.as_ref().to_owned(), why: why.into() }
    }
}

fn places_text(failures: &[(String, ErrorKind)]) -> String {
    let texts: Vec<String> = failures.iter().map(|(place, kind)| format!("{place}: {kind}")).collect();
    match texts.len() {
        1 => texts.concat(),
        count => format!("cannot be read from any of {count} places: {}", texts.join("; ")),
    }
}

fn wait_text(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| format!("; the registry asks to wait {} s", wait.as_secs()))
}
