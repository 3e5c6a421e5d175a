//! Deprecating bundles in a database, and truncating the channels below them.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_sqlite::{Afterwards, DeprecateOptions, Edit, StoreError};

use crate::Context;
use crate::registry::{names, warnings};

/// What to deprecate, and in which database.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// Which bundles, and how.
    pub bundles: Bundles,
}

/// Bundles to deprecate, and how.
#[derive(Clone, Debug, Default)]
pub struct Bundles {
    /// The images of the bundles; elements may be lists, separated by commas.
    pub images: Vec<String>,
    /// Whether to pass over what cannot be deprecated, and to return it as findings, instead of failing.
    pub permissive: bool,
    /// Whether packages go whose channels lose all their heads.
    pub allow_package_removal: bool,
}

impl Bundles {
    /// Deprecates the bundles; returns what a permissive run went on with.
    pub(crate) fn deprecate(&self, edit: &Edit<'_>) -> Result<Vec<anyhow::Error>, StoreError> {
        let options =
            DeprecateOptions { permissive: self.permissive, allow_package_removal: self.allow_package_removal };
        Ok(warnings(edit.deprecate_truncate(&names(&self.images), options)?))
    }
}

/// Deprecates the bundles. Where one cannot be, nothing is changed, unless the run is permissive.
pub fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    opm_sqlite::edit(&options.database, Afterwards::Vacuum, context.stop(), |edit| options.bundles.deprecate(edit))
        .context("error deprecating bundles")
}
