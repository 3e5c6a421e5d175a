use clap::Args;
use opm_action::Context;
use opm_action::index::rm::{self, Options};
use opm_cli::PullArgs;

use super::target::{TargetArgs, ToolArgs};

/// Remove packages from an index
#[derive(Args)]
#[command(after_help = "Example:\n  opm index rm --generate -f quay.io/ns/index:1 -o etcd,prometheus")]
pub(crate) struct Rm {
    /// Index to remove from
    #[arg(short, long, value_name = "IMAGE")]
    from_index: String,

    /// Packages to remove, separated by commas
    #[arg(short, long, value_name = "PACKAGES", required = true)]
    operators: Vec<String>,

    /// Only warn about packages that the index lacks
    #[arg(long)]
    permissive: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    tools: ToolArgs,
}

impl Rm {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let target = self.target.target(Some(self.from_index), self.tools.pull_tool()?, pull)?;
        let options = Options { target, packages: self.operators, permissive: self.permissive };
        opm_cli::warn(&rm::run(&options, context).await?);
        Ok(())
    }
}
