//! What can go wrong with an SQLite catalog.

use std::path::{Path, PathBuf};

use opm_bundle::BundleError;
use opm_model::distinct;
use opm_model::edit::Refusal;
use rusqlite::{ErrorCode, ffi};

/// Why a database could not be opened, read or edited.
///
/// The texts of the semantic variants begin with the words that scripts match on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file does not exist.
    #[error("open {}: no such file or directory", .0.display())]
    Missing(PathBuf),
    /// The path names a directory, a socket or the like.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// The file is not an SQLite database.
    #[error("{}: file is not a database: it does not begin with the SQLite header", .0.display())]
    NotADatabase(PathBuf),
    /// The file is an SQLite database, but no catalog.
    #[error("{}: no tables found in db: it is an SQLite database, but not an operator catalog", .0.display())]
    NotACatalog(PathBuf),
    /// The database is damaged.
    #[error("{}: the database is damaged ({detail}): restore it from a copy", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Another process holds the database.
    #[error("{}: database is locked by another process: wait until that ends, then run this again", .0.display())]
    Locked(PathBuf),
    /// The file or its directory cannot be written.
    #[error("{}: the database cannot be written ({detail}): check the permissions of the file and of its directory", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// The disk is full.
    #[error("{}: no space left on its disk; the database is as it was before", .0.display())]
    Full(PathBuf),
    /// The schema is newer than this program.
    #[error("{}: its schema version {found} is newer than {known}, the newest that this program knows: use a newer program", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The schema is older than what can be served, and no upgrade was allowed.
    #[error("{}: its schema version {found} is older than {known} and must be upgraded first: leave out --skip-migrate, or run any editing command on it", path.display())]
    Older {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The version that is needed.
        known: i64,
    },
    /// A file operation failed.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A statement failed.
    #[error("{}", .0)]
    Sql(#[from] rusqlite::Error),
    /// A statement failed on this database.
    #[error("{}: {detail}", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// An upgrade would break a reference between rows.
    #[error(
        "unable to migrate database: after the upgrade to version {version}, table {table} has a row that points to no row of {parent}"
    )]
    Upgrade {
        /// The version that was being reached.
        version: i64,
        /// The table with the row.
        table: String,
        /// The table that lacks the row it points to.
        parent: String,
    },
    /// The caller wants the work to end.
    #[error("stopped; the database is as it was before")]
    Stopped,
    /// A failure that an edit went on after had undone it.
    #[error("the edit was given up after an earlier failure; the database is as it was before")]
    GivenUp,
    /// Several findings, each an error of its own.
    #[error("{}", distinct(.0).join("\n"))]
    Many(Vec<StoreError>),

    /// The rules of adding, removing and deprecating refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A bundle is not usable.
    #[error("error adding operator bundle {name}/{version}/{image}")]
    Bundle {
        /// The bundle's name.
        name: String,
        /// Its version.
        version: String,
        /// Its image.
        image: String,
        /// What is wrong with it.
        source: Box<StoreError>,
    },
    /// The content of a bundle.
    #[error(transparent)]
    Content(#[from] BundleError),
    /// A channel cannot be created.
    #[error("failed to add channel {channel:?} in package {package:?}: {why}")]
    AddChannel {
        /// The channel's name.
        channel: String,
        /// The package's name.
        package: String,
        /// What is wrong with it.
        why: String,
    },
    /// Bundles that were in a channel would no longer be.
    #[error("adding to package {package} would remove {} from channel {channel}, since nothing from its head {head} on replaces or skips them: add them to spec.replaces or spec.skips, add in the mode in which the catalog was made, or allow it with --permissive", bundles.join(", "))]
    Vanishes {
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The head of the channel.
        head: String,
        /// The bundles that would vanish.
        bundles: Vec<String>,
    },
    /// The bundles of a channel do not form one graph with one head.
    #[error("{what} found for channel {channel} of package {package}: {}", bundles.join(", "))]
    Heads {
        /// Whether there are none or several.
        what: &'static str,
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The candidates.
        bundles: Vec<String>,
    },
    /// Some bundles of a channel cannot be reached from its head.
    #[error("Invalid graph: some (non-bottom) nodes of channel {channel} of package {package} were not reached from its head: {}", bundles.join(", "))]
    InvalidGraph {
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The bundles.
        bundles: Vec<String>,
    },
}

impl StoreError {
    /// One error for all of these: themselves where there is one, [`StoreError::Many`] where there are more.
    pub fn all(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Many(errors.into_iter().flat_map(Self::flatten).collect())),
        }
    }

    /// The same error as a finding, which an edit can go on after; where it cannot (the disk is full, the caller wants an
    /// end), an error.
    pub(crate) fn finding(self) -> Result<Self, Self> {
        if matches!(self, Self::Sql(_) | Self::Stopped | Self::GivenUp) { Err(self) } else { Ok(self) }
    }

    /// The errors that this one holds.
    pub fn flatten(self) -> Vec<Self> {
        match self {
            Self::Many(errors) => errors.into_iter().flat_map(Self::flatten).collect(),
            one => vec![one],
        }
    }

    /// The same error with the database named, and with what SQLite says about the file put into words.
    pub(crate) fn at(self, path: &Path) -> Self {
        let Self::Sql(error) = self else { return self };
        let path = path.to_owned();
        let detail = error.to_string();
        if error.sqlite_error().is_some_and(|e| e.extended_code == ffi::SQLITE_READONLY_ROLLBACK) {
            let detail =
                "a program that edited it did not finish: run any editing command on it, which recovers it".to_owned();
            return Self::Failed { path, detail };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(path),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, detail },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(path),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { path, detail }
            }
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::OperationInterrupted) => Self::Stopped,
            _ => Self::Failed { path, detail },
        }
    }
}
