//! Removing packages from an index.

use crate::Context;
use crate::index::Target;
use crate::registry::rm::remove;

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
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let index = options.target.begin(context).await?;
    index.finish(context, |edit| remove(edit, &options.packages, options.permissive))
}
