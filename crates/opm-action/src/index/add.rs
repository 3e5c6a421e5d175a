//! Adding bundles to an index.

use crate::Context;
use crate::index::Target;
use crate::registry::add::Bundles;

/// What to add, and to which index.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
    /// Which bundles, and how.
    pub bundles: Bundles,
}

/// Adds the bundles; returns what a permissive run went on with.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let index = options.target.begin(context).await?;
    let pulled = options.bundles.pull(context).await?;
    index.finish(context, |edit| pulled.add(edit))
}
