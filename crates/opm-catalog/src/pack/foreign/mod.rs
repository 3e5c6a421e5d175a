//! Caches that the reference wrote. They are read as they are and never changed; there is no lock to be had and none is needed, for
//! their writer replaces whole directories.

mod fnv;
mod json;
mod packages;
mod pogreb;
mod protobuf;
mod tar;

use std::fs;
use std::path::Path;

use opm_model::{Query, Stop};

use super::Counts;
use super::cache::Foreign;
use super::error::{Error, read_fault};
use super::query::Served;

/// How much of a listing goes into a page before it ends, in bytes. Bundles are not divided.
const PAGE: usize = 64 << 10;

/// An open cache that the reference wrote.
pub trait ForeignCache: Query {
    /// How much there is in the catalog.
    fn counts(&self) -> Counts;

    /// The digest that was written with it.
    fn recorded_digest(&self) -> Result<String, Error>;

    /// The digest that it should have if it is whole and was made of the catalog at `root`. This reads both.
    fn computed_digest(&self, root: &Path, stop: &Stop) -> Result<String, Error>;
}

/// Opens the cache of this form in a cache directory. Everything in it is read once.
pub fn open_foreign(directory: impl AsRef<Path>, form: Foreign) -> Result<Box<dyn ForeignCache>, Error> {
    let directory = directory.as_ref();
    match form {
        Foreign::Pogreb => pogreb::open(directory).map(|cache| Box::new(cache) as Box<dyn ForeignCache>),
        Foreign::Json => json::open(directory).map(|cache| Box::new(cache) as Box<dyn ForeignCache>),
    }
}

/// What is special about the forms.
trait Digested {
    /// The file that holds the digest.
    fn digest_file(&self) -> &Path;

    fn compute(&self, root: &Path, stop: &Stop) -> Result<String, Error>;
}

impl<S: Digested> ForeignCache for Served<S>
where
    Self: Query,
{
    fn counts(&self) -> Counts {
        Self::counts(self)
    }

    fn recorded_digest(&self) -> Result<String, Error> {
        let path = self.store.digest_file();
        let digest = fs::read(path).map_err(read_fault(path))?;
        Ok(String::from_utf8_lossy(digest.trim_ascii()).into_owned())
    }

    fn computed_digest(&self, root: &Path, stop: &Stop) -> Result<String, Error> {
        self.store.compute(root, stop)
    }
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged { path: path.to_owned(), what: what.into() }
}
