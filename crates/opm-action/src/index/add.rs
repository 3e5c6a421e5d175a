//! Adding bundles to an index.

use crate::Context;
use crate::index::file_catalog::Concerned;
use crate::index::{Outcome, Target};
use crate::local::LocalImage;
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
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    // Before the index is pulled.
    LocalImage::check(&options.bundles.references)?;
    let index = options.target.begin(context).await?;
    if index.is_catalog() {
        let mut pulled = options.bundles.pull_blobs(context).await?;
        let mut findings = std::mem::take(&mut pulled.findings);
        let concerned = Concerned::Packages(pulled.packages());
        let mut outcome = index.finish_catalog(concerned, context, |edit| pulled.add(edit)).await?;
        findings.append(&mut outcome.findings);
        return Ok(Outcome { findings, ..outcome });
    }
    let pulled = options.bundles.pull(context).await?;
    index.finish(context, |edit| pulled.add(edit)).await
}
