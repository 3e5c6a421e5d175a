//! Deprecating bundles in an index, and truncating the channels below them.

use crate::Context;
use crate::index::Target;
use crate::registry::deprecatetruncate::Bundles;

/// What to deprecate, and in which index.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
    /// Which bundles, and how.
    pub bundles: Bundles,
}

/// Deprecates the bundles; returns what a permissive run went on with.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let index = options.target.begin(context).await?;
    index.finish(context, |edit| options.bundles.deprecate(edit))
}
