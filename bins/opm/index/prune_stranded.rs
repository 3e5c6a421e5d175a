use clap::Args;
use opm_action::Context;
use opm_action::index::prune_stranded::{self, Options};
use opm_cli::{PullArgs, PullToolArg};

use super::target::{CatalogArgs, TargetArgs, Tools, tell};

/// Remove bundles that no channel lists from an index
#[derive(Args)]
#[command(after_help = "Example:\n  opm index prune-stranded --generate -f quay.io/ns/index:1")]
pub(crate) struct PruneStranded {
    /// Index to clean
    #[arg(short, long, value_name = "IMAGE")]
    from_index: String,

    /// Tool to build and pull images with
    #[arg(short, long, value_enum, value_name = "TOOL")]
    container_tool: Option<PullToolArg>,

    #[command(flatten)]
    target: TargetArgs,
}

impl PruneStranded {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let target = self.target.target(
            Some(self.from_index),
            CatalogArgs::default(),
            Tools::both(self.container_tool),
            pull,
        )?;
        tell(&prune_stranded::run(&Options { target }, context).await?)
    }
}
