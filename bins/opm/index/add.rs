use clap::Args;
use opm_action::Context;
use opm_action::index::add::{self, Options};
use opm_cli::PullArgs;

use super::target::{TargetArgs, ToolArgs};
use crate::registry::HowArgs;

/// Add bundles to an index
///
/// Pulls the bundle images, several at a time, and adds them to the database of the index in one step: all of them, or none. A
/// bundle may also be a directory with manifests/ and metadata/, an image layout (oci:DIR[:TAG]) or an image archive.
///
/// Exit status: 2 where a bundle image is in the index already, 3 where another image with the same CSV is, 1 for all other
/// errors.
#[derive(Args)]
#[command(after_help = "Examples:
  opm index add --generate -b quay.io/ns/etcd-bundle:0.9.4
  opm index add --generate -f quay.io/ns/index:1 -b quay.io/ns/etcd-bundle:0.9.4")]
pub(crate) struct Add {
    /// Bundles to add, separated by commas
    #[arg(short, long, value_name = "BUNDLES", value_delimiter = ',', required = true)]
    bundles: Vec<String>,

    /// Index to add to; a new one where none is named
    #[arg(short, long, value_name = "IMAGE")]
    from_index: Option<String>,

    #[command(flatten)]
    how: HowArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    tools: ToolArgs,
}

impl Add {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let tool = self.tools.pull_tool()?;
        let bundles = self.how.bundles(&self.bundles, tool, pull)?;
        let target = self.target.target(self.from_index, tool, pull)?;
        opm_cli::warn(&add::run(&Options { target, bundles }, context).await?);
        Ok(())
    }
}
