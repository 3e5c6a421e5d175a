use clap::Args;
use opm_action::Context;
use opm_action::index::deprecatetruncate::{self, Options};
use opm_action::registry::deprecatetruncate::Bundles;
use opm_cli::PullArgs;

use super::target::{CatalogArgs, TargetArgs, ToolArgs, tell};

/// Deprecate bundles in an index, and remove what is below them in their channels
#[derive(Args)]
#[command(after_help = "Example:
  opm index deprecatetruncate --generate -f quay.io/ns/index:1 \\
      -b quay.io/ns/etcd-bundle:0.9.0")]
pub(crate) struct DeprecateTruncate {
    /// Index to edit
    #[arg(short, long, value_name = "INDEX")]
    from_index: Option<String>,

    /// Images of the bundles to deprecate, separated by commas
    #[arg(short, long, value_name = "IMAGES", required = true)]
    bundles: Vec<String>,

    /// Deprecate what can be deprecated, and only warn about the rest
    #[arg(long)]
    permissive: bool,

    /// Remove packages when the heads of all their channels are deprecated
    #[arg(long)]
    allow_package_removal: bool,

    #[command(flatten)]
    catalog: CatalogArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    tools: ToolArgs,
}

impl DeprecateTruncate {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let target = self.target.target(self.from_index, self.catalog, self.tools.tools()?, pull)?;
        let bundles = Bundles {
            images: self.bundles,
            permissive: self.permissive,
            allow_package_removal: self.allow_package_removal,
        };
        tell(&deprecatetruncate::run(&Options { target, bundles }, context).await?)
    }
}
