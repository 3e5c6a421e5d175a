//! Removing all packages but some from an index.

use opm_catalog::edit::{Edit, EditError};
use opm_sqlite::StoreError;

use crate::Context;
use crate::index::file_catalog::Concerned;
use crate::index::{Outcome, Target};
use crate::registry::{names, prune::prune, warnings};

/// What to keep, and in which index.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
    /// The packages to keep; elements may be lists, separated by commas.
    pub packages: Vec<String>,
    /// Whether names to keep that the index lacks are returned as findings, instead of failing: a slip of the pen must not
    /// empty an index.
    pub permissive: bool,
}

/// Removes all packages but those to keep; returns what a permissive run went on with.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    let index = options.target.begin(context).await?;
    if index.is_catalog() {
        let work = |edit: &mut Edit| {
            let unknown = edit.prune(&names(&options.packages));
            if options.permissive { Ok(unknown) } else { EditError::all(unknown).map(|()| Vec::new()) }
        };
        return index.finish_catalog(Concerned::All, context, work).await;
    }
    index
        .finish(context, |edit| {
            let unknown = prune(edit, &options.packages)?;
            if options.permissive {
                return Ok(warnings(unknown));
            }
            StoreError::all(unknown).map(|()| Vec::new())
        })
        .await
}
