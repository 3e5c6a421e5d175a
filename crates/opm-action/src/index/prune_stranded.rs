//! Removing bundles that no channel lists from an index.

use anyhow::ensure;

use crate::Context;
use crate::index::{Outcome, Target};

/// Which index to clean.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
}

/// Removes what is stranded.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    let index = options.target.begin(context).await?;
    ensure!(
        !index.is_catalog(),
        "the index is a file-based catalog: there, every bundle is in a channel, so that nothing is stranded"
    );
    index.finish(context, |edit| edit.remove_stranded().map(|()| Vec::new())).await
}
