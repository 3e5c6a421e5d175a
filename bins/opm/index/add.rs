use clap::Args;
use opm_action::Context;
use opm_action::index::add::{self, Options};
use opm_cli::PullArgs;

use super::target::{CatalogArgs, TargetArgs, ToolArgs, tell};
use crate::registry::HowArgs;

/// Add bundles to an index
///
/// Pulls the bundle images, several at a time, and adds them to the database or the file-based catalog of the index in one step:
/// all of them, or none. Of a catalog, what changes in its upgrade graphs is told. A
/// bundle may also be a directory with manifests/ and metadata/, an image layout (oci:DIR[:TAG]), an image archive, or an image that
/// podman (containers-storage:NAME) or docker (docker-daemon:NAME) has.
///
/// Exit status: 2 where a bundle image is in the index already, 3 where another image with the same CSV is, 1 for all other
/// errors.
#[derive(Args)]
#[command(after_help = "Examples:
  opm index add --generate -b quay.io/ns/etcd-bundle:0.9.4
  opm index add --generate -f quay.io/ns/index:1 -b quay.io/ns/etcd-bundle:0.9.4
  opm index add --push -t quay.io/ns/index:2 -f quay.io/ns/index:1 \\
      -b quay.io/ns/etcd-bundle:0.9.4
  opm index add --catalog ./catalog --dry-run -b quay.io/ns/etcd-bundle:0.9.4
  opm index add --output oci:./index:2 -f quay.io/ns/index:1 \\
      -b quay.io/ns/etcd-bundle:0.9.4")]
pub(crate) struct Add {
    /// Bundles to add, separated by commas
    #[arg(short, long, value_name = "BUNDLES", value_delimiter = ',', required = true)]
    bundles: Vec<String>,

    /// Index to add to; a new one where none is named
    #[arg(short, long, value_name = "INDEX")]
    from_index: Option<String>,

    #[command(flatten)]
    how: HowArgs,

    #[command(flatten)]
    catalog: CatalogArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    tools: ToolArgs,
}

impl Add {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let tools = self.tools.tools()?;
        let bundles = self.how.bundles(&self.bundles, tools.pull, pull)?;
        let target = self.target.target(self.from_index, self.catalog, tools, pull)?;
        tell(&add::run(&Options { target, bundles }, context).await?)
    }
}
