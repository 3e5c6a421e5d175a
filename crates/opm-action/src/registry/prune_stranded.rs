//! Removing bundles that no channel lists from a database.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_sqlite::Afterwards;

use crate::Context;

/// Which database to clean.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
}

/// Removes what is stranded.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough in its lifetimes")]
pub fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    opm_sqlite::edit(&options.database, Afterwards::Vacuum, context.stop(), |edit| edit.remove_stranded())
        .context("error removing stranded bundles from database")
}
