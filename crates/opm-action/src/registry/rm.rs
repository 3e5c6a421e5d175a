//! Removing packages from a database.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_model::edit::Refusal;
use opm_sqlite::{Afterwards, Edit, StoreError};

use crate::Context;
use crate::registry::{names, warnings};

/// What to remove, and from which database.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// The packages; elements may be lists, separated by commas.
    pub packages: Vec<String>,
    /// Whether packages that the database lacks are passed over, and returned as findings, instead of failing.
    pub permissive: bool,
}

/// Removes packages; returns what a permissive run went on with.
pub(crate) fn remove(edit: &Edit<'_>, packages: &[String], permissive: bool) -> Result<Vec<anyhow::Error>, StoreError> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in names(packages) {
        if permissive && !edit.has_package(&name)? {
            unknown.push(Refusal::NoPackage(name).into());
        } else {
            known.push(name);
        }
    }
    edit.remove_packages(&known)?;
    Ok(warnings(unknown))
}

/// Removes the packages with all their bundles. Where one is not in the database, nothing is removed, unless the run is
/// permissive.
pub fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let work = |edit: &Edit<'_>| remove(edit, &options.packages, options.permissive);
    opm_sqlite::edit(&options.database, Afterwards::Vacuum, context.stop(), work)
        .context("error deleting packages from database")
}
