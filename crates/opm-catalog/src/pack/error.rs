use std::io;
use std::path::{Path, PathBuf};

use super::format::VERSION;

/// Why a pack or a cache cannot be made, opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] crate::Error),
    /// A package of the catalog breaks rules of the format.
    #[error("build package index: process package {package:?}")]
    Package {
        /// The package; empty for what belongs to none.
        package: String,
        /// What is wrong with it.
        source: crate::Error,
    },
    /// A bundle of the catalog has no answer that could be sent.
    #[error("build package index: process package {package:?}: bundle {bundle:?}: {message}")]
    Bundle {
        /// The bundle's package.
        package: String,
        /// The bundle.
        bundle: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file of the catalog or of a cache cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The pack cannot be written. What was there before is still there.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The pack.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a pack; remove it, or name another directory", .0.display())]
    NotAPack(PathBuf),
    /// The pack has a version that this program does not know.
    #[error(
        "{} was written by a newer version: its format is {version}, and the newest known here is {VERSION}; {}",
        path.display(), rebuild(path)
    )]
    Newer {
        /// The pack.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
    /// The pack is shorter than it says.
    #[error("{} is truncated: it has {has} of {wanted} bytes; {}", path.display(), rebuild(path))]
    Truncated {
        /// The pack.
        path: PathBuf,
        /// Its length in bytes.
        has: u64,
        /// The length that it should have, in bytes.
        wanted: u64,
    },
    /// The pack or the cache is not what was written.
    #[error("{}: {what} is damaged; {}", path.display(), rebuild(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: String,
    },
    /// The cache directory holds neither a pack nor a cache that the reference wrote.
    #[error("cache directory has unexpected contents: {}", names.join(","))]
    Unexpected {
        /// The directory.
        directory: PathBuf,
        /// The names of what is in it, sorted.
        names: Vec<String>,
    },
    /// Somebody asked to stop.
    #[error("the work was stopped before it was done")]
    Stopped,
}

/// What to do about a file that cannot be used.
fn rebuild(path: &Path) -> String {
    let directory = path.parent().unwrap_or(path);
    format!("rebuild it with `opm serve DIR --cache-dir {} --cache-only`", directory.display())
}

/// A fault in reading this file.
pub(super) fn read_fault(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |source| Error::Read { path: path.to_owned(), source }
}

/// A fault in writing this file.
pub(super) fn write_fault(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |source| Error::Write { path: path.to_owned(), source }
}
