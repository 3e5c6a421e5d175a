//! Removing bundles that no channel lists from an index.

use crate::Context;
use crate::index::Target;

/// Which index to clean.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
}

/// Removes what is stranded.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough in its lifetimes")]
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    options.target.begin(context).await?.finish(context, |edit| edit.remove_stranded())
}
