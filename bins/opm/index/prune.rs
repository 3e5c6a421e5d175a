use clap::Args;
use opm_action::Context;
use opm_action::index::prune::{self, Options};
use opm_cli::{PullArgs, PullToolArg};

use super::target::{CatalogArgs, TargetArgs, Tools, tell};

/// Remove all packages but some from an index
#[derive(Args)]
#[command(after_help = "Example:\n  opm index prune --generate -f quay.io/ns/index:1 -p etcd,prometheus")]
pub(crate) struct Prune {
    /// Index to prune
    #[arg(short, long, value_name = "INDEX", required_unless_present = "catalog")]
    from_index: Option<String>,

    /// Packages to keep, separated by commas
    #[arg(short, long, value_name = "PACKAGES", required = true)]
    packages: Vec<String>,

    /// Only warn about packages to keep that the index lacks
    #[arg(long)]
    permissive: bool,

    /// Tool to build and pull images with
    #[arg(short, long, value_enum, value_name = "TOOL")]
    container_tool: Option<PullToolArg>,

    #[command(flatten)]
    catalog: CatalogArgs,

    #[command(flatten)]
    target: TargetArgs,
}

impl Prune {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let target = self.target.target(self.from_index, self.catalog, Tools::both(self.container_tool), pull)?;
        let options = Options { target, packages: self.packages, permissive: self.permissive };
        tell(&prune::run(&options, context).await?)
    }
}
