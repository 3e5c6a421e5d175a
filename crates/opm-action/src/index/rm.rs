//! Removing packages from an index.

use crate::Context;
use crate::index::file_catalog::Concerned;
use crate::index::{Outcome, Target};
use crate::registry::{names, rm::remove};

/// What to remove, and from which index.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
    /// The packages; elements may be lists, separated by commas.
    pub packages: Vec<String>,
    /// Whether packages that the index lacks are passed over, and returned as findings, instead of failing.
    pub permissive: bool,
}

/// Removes the packages; returns what a permissive run went on with.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    let index = options.target.begin(context).await?;
    if index.is_catalog() {
        let packages = names(&options.packages);
        let concerned = Concerned::Packages(packages.clone());
        return index.finish_catalog(concerned, context, |edit| edit.remove(&packages, options.permissive)).await;
    }
    index.finish(context, |edit| remove(edit, &options.packages, options.permissive)).await
}
