//! Deprecating bundles in an index, and truncating the channels below them.

use opm_catalog::edit::DeprecateOptions;

use crate::Context;
use crate::index::file_catalog::Concerned;
use crate::index::{Outcome, Target};
use crate::registry::{deprecatetruncate::Bundles, names};

/// What to deprecate, and in which index.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index.
    pub target: Target,
    /// Which bundles, and how.
    pub bundles: Bundles,
}

/// Deprecates the bundles; returns what a permissive run went on with.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    let index = options.target.begin(context).await?;
    if index.is_catalog() {
        let Bundles { images, permissive, allow_package_removal } = &options.bundles;
        let how = DeprecateOptions { permissive: *permissive, allow_package_removal: *allow_package_removal };
        return index.finish_catalog(Concerned::All, context, |edit| edit.deprecate(&names(images), how)).await;
    }
    index.finish(context, |edit| options.bundles.deprecate(edit)).await
}
