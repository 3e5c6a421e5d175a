//! The one error of the crate.

use std::error::Error;

/// What went wrong with an app-registry, its answers or its archives.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppRegistryError {
    /// No organisation is named.
    #[error("app-registry org (namespace) must be specified")]
    NoOrganisation,
    /// The organisation cannot be one.
    #[error("{text:?} is no organisation of an app-registry: {why}")]
    Organisation {
        /// As given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The endpoint cannot be one.
    #[error("app-registry must be a valid app-registry endpoint: {text:?}: {why}")]
    Endpoint {
        /// As given, but for a password.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A package that is asked for cannot be one.
    #[error("Failed to parse package {text}: {why}")]
    Wanted {
        /// As given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The token cannot be sent.
    #[error("the token of the app-registry {0}")]
    Token(&'static str),
    /// The app-registry does not say this to everybody, or not to the owner of this token.
    #[error(
        "{what}: {}",
        if *with_token {
            "the app-registry refuses the token"
        } else {
            "the app-registry wants to know who asks; give a token with --auth-token-file"
        }
    )]
    Unauthorized {
        /// What was asked for.
        what: String,
        /// Whether a token was sent.
        with_token: bool,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The app-registry has no such thing.
    #[error("{what}: the app-registry does not have it")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The answer is larger than it may be.
    #[error("{what}: the answer is larger than the {limit} bytes that it may have")]
    Large {
        /// What was asked for.
        what: String,
        /// In bytes.
        limit: u64,
    },
    /// There is no answer.
    #[error("{what}")]
    Fetch {
        /// What was asked for.
        what: String,
        /// Why there is none.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer is not what the protocol says.
    #[error("{what}: the answer is not one of an app-registry: {why}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no telling which release is meant.
    #[error("the repository {repository} has no default release{}: name one", offered(releases))]
    NoRelease {
        /// The name of the repository.
        repository: String,
        /// Those that it has.
        releases: Vec<String>,
    },
    /// A repository that is asked for is not there.
    #[error("there is no repository {name} in {organisation}")]
    NoRepository {
        /// Its name.
        name: String,
        /// With its host.
        organisation: String,
    },
    /// An archive is not what its name says.
    #[error("{what}: wrong digest: expected {expected}, found {found}; the content was damaged or replaced")]
    Digest {
        /// What was asked for.
        what: String,
        /// 64 hexadecimal digits.
        expected: String,
        /// The same of what came.
        found: String,
    },
    /// An archive is longer or shorter than it is said to be.
    #[error("{what}: wrong size: expected {expected} bytes, found {found}")]
    Size {
        /// What was asked for.
        what: String,
        /// In bytes.
        expected: u64,
        /// In bytes.
        found: u64,
    },
    /// An archive cannot be read.
    #[error("the archive is no gzip-compressed tar file, or is damaged: {0}")]
    Archive(String),
    /// An entry of an archive would lie elsewhere.
    #[error("the archive has an entry {path:?}, which {why}")]
    Path {
        /// As in the archive.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A bound of [`Limits`](crate::Limits) was reached.
    #[error("{what} of the archive is more than the {limit} that it may be; it is broken or hostile")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// There are no files in an archive.
    #[error("the archive has no files")]
    Empty,
    /// An archive has the form of one file, but that is not as it should be.
    #[error("{path}: {why}")]
    Flattened {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

fn offered(releases: &[String]) -> String {
    if releases.is_empty() { String::new() } else { format!(" (there are {})", releases.join(", ")) }
}
