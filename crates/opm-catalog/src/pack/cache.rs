//! What a cache directory holds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use super::build::is_unfinished;
use super::error::read_fault;

/// The name of the pack in a cache directory.
pub const FILE_NAME: &str = "opm.pack";

/// What a cache directory holds. Both kinds of caches may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    /// Our pack.
    pub pack: Option<PathBuf>,
    /// A cache that the reference wrote.
    pub foreign: Option<Foreign>,
}

/// The forms of caches that the reference writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A key-value store, in the directory `pogreb.v1`.
    Pogreb,
    /// Files of JSON, in the directory `cache`, and the file `digest`.
    Json,
}

impl Cache {
    /// Looks at a directory, which need not exist. Unfinished packs are not seen.
    pub fn of(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(read_fault(directory)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(read_fault(directory))?.file_name().to_string_lossy().into_owned();
            if !is_unfinished(&name) {
                names.push(name);
            }
        }
        names.sort();
        let is_directory = |name: &str| directory.join(name).is_dir();
        let foreign = if is_directory("pogreb.v1") {
            Some(Foreign::Pogreb)
        } else if is_directory("cache") && names.iter().any(|name| name == "digest") {
            Some(Foreign::Json)
        } else {
            None
        };
        let pack = names.iter().any(|name| name == FILE_NAME).then(|| directory.join(FILE_NAME));
        if names.is_empty() || pack.is_some() || foreign.is_some() {
            return Ok(Self { pack, foreign });
        }
        Err(Error::Unexpected { directory: directory.to_owned(), names })
    }
}
