use clap::Args;
use opm_action::Context;
use opm_action::index::rm::{self, Options};
use opm_cli::PullArgs;

use super::target::{CatalogArgs, TargetArgs, ToolArgs, tell};

/// Remove packages from an index
#[derive(Args)]
#[command(after_help = "Example:\n  opm index rm --generate -f quay.io/ns/index:1 -o etcd,prometheus")]
pub(crate) struct Rm {
    /// Index to remove from
    #[arg(short, long, value_name = "INDEX", required_unless_present = "catalog")]
    from_index: Option<String>,

    /// Packages to remove, separated by commas
    #[arg(short, long, value_name = "PACKAGES", required = true)]
    operators: Vec<String>,

    /// Only warn about packages that the index lacks
    #[arg(long)]
    permissive: bool,

    #[command(flatten)]
    catalog: CatalogArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    tools: ToolArgs,
}

impl Rm {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let target = self.target.target(self.from_index, self.catalog, self.tools.tools()?, pull)?;
        let options = Options { target, packages: self.operators, permissive: self.permissive };
        tell(&rm::run(&options, context).await?)
    }
}
