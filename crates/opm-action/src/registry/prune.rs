//! Removing all packages but some from a database.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_model::edit::Refusal;
use opm_sqlite::{Afterwards, Edit, StoreError};

use crate::Context;
use crate::registry::{names, warnings};

/// What to keep, and in which database.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// The packages to keep; elements may be lists, separated by commas.
    pub packages: Vec<String>,
}

/// Removes all packages but those to keep; returns a finding for each name to keep that the catalog lacks.
pub(crate) fn prune(edit: &Edit<'_>, keep: &[String]) -> Result<Vec<StoreError>, StoreError> {
    let keep = names(keep);
    let mut doomed = edit.packages()?;
    let unknown = keep
        .iter()
        .filter(|name| !doomed.contains(name))
        .cloned()
        .map(|name| Refusal::NoPackage(name).into())
        .collect();
    doomed.retain(|name| !keep.contains(name));
    edit.discard_packages(&doomed)?;
    Ok(unknown)
}

/// Removes all packages but those to keep, with their bundles. Names that the database lacks are returned as findings.
pub fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let work = |edit: &Edit<'_>| prune(edit, &options.packages);
    let unknown = opm_sqlite::edit(&options.database, Afterwards::Vacuum, context.stop(), work)
        .context("error pruning packages from database")?;
    Ok(warnings(unknown))
}
