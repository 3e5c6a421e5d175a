//! Catalogs that are ready to be served.
//!
//! A *pack* is one file that holds every answer already encoded, and what is needed to find it. [`build`] makes one of a catalog,
//! [`Pack`] asks it, [`digest`] tells whether it is still that catalog's. `docs/pack.md` describes the format.
//!
//! A directory may also hold a cache that the reference wrote: [`Cache::of`] tells, [`open_foreign`] asks it.

mod answer;
mod blocks;
mod build;
mod cache;
mod csv;
mod digest;
mod draft;
mod error;
mod foreign;
mod format;
mod graph;
mod names;
mod open;
mod packer;
mod prepare;
mod query;
mod recipe;

#[cfg(test)]
mod tests;

use opm_document::Value;
use opm_model::Bundle;

pub use build::build;
pub use cache::{Cache, FILE_NAME, Foreign};
pub use digest::{Digest, digest};
pub use error::Error;
pub use foreign::{ForeignCache, open_foreign};
pub use open::Pack;

/// How answers are encoded: each as the message that a service sends, complete with whatever it puts before it.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// Encodes a bundle.
    pub bundle: fn(Bundle) -> Vec<u8>,
    /// Encodes a blob of a schema that is none of the known four.
    pub document: fn(&Value) -> Vec<u8>,
}

/// How much there is in a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of packages.
    pub packages: u64,
    /// The number of channels.
    pub channels: u64,
    /// The number of bundles.
    pub bundles: u64,
    /// The number of places: a bundle counts once for each of its channels.
    pub places: u64,
}

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The digest of the catalog.
    pub digest: Digest,
    /// How much there is in it.
    pub counts: Counts,
    /// The length of the pack in bytes.
    pub length: u64,
}
