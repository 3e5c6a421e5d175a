use clap::Args;
use opm_action::Context;
use opm_action::index::prune::{self, Options};
use opm_cli::{PullArgs, PullToolArg};

use super::target::TargetArgs;

/// Remove all packages but some from an index
#[derive(Args)]
#[command(after_help = "Example:\n  opm index prune --generate -f quay.io/ns/index:1 -p etcd,prometheus")]
pub(crate) struct Prune {
    /// Index to prune
    #[arg(short, long, value_name = "IMAGE")]
    from_index: String,

    /// Packages to keep, separated by commas
    #[arg(short, long, value_name = "PACKAGES", required = true)]
    packages: Vec<String>,

    /// Only warn about packages to keep that the index lacks
    #[arg(long)]
    permissive: bool,

    /// Tool to build and pull images with
    #[arg(short, long, value_enum, value_name = "TOOL", default_value_t)]
    container_tool: PullToolArg,

    #[command(flatten)]
    target: TargetArgs,
}

impl Prune {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let target = self.target.target(Some(self.from_index), self.container_tool.into(), pull)?;
        let options = Options { target, packages: self.packages, permissive: self.permissive };
        opm_cli::warn(&prune::run(&options, context).await?);
        Ok(())
    }
}
