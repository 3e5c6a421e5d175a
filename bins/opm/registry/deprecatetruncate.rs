use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::registry::deprecatetruncate::{self, Bundles, Options};

/// Deprecate bundles in a database, and remove what is below them in their channels
///
/// The bundles stay, marked as deprecated, so that clusters which have older versions can upgrade to them.
#[derive(Args)]
#[command(after_help = "Example:\n  opm registry deprecatetruncate -d index.db -b quay.io/ns/etcd-bundle:0.9.0")]
pub(crate) struct DeprecateTruncate {
    /// Database to edit; it is created where it is missing
    #[arg(short, long, value_name = "FILE", default_value = "index.db")]
    database: PathBuf,

    #[command(flatten)]
    bundles: BundlesArgs,
}

/// Which bundles to deprecate, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct BundlesArgs {
    /// Images of the bundles to deprecate, separated by commas
    #[arg(short, long, value_name = "IMAGES", required = true)]
    bundle_images: Vec<String>,

    /// Deprecate what can be deprecated, and only warn about the rest
    #[arg(long)]
    permissive: bool,

    /// Remove packages when the heads of all their channels are deprecated
    #[arg(long)]
    allow_package_removal: bool,
}

impl BundlesArgs {
    pub(crate) fn bundles(self) -> Bundles {
        Bundles {
            images: self.bundle_images,
            permissive: self.permissive,
            allow_package_removal: self.allow_package_removal,
        }
    }
}

impl DeprecateTruncate {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options { database: self.database, bundles: self.bundles.bundles() };
        opm_cli::warn(&tokio::task::block_in_place(|| deprecatetruncate::run(&options, context))?);
        Ok(())
    }
}
