use std::path::PathBuf;

use clap::Args;
use opm_action::registry::images::{self, Options};
use opm_action::{Context, Platform};
use opm_cli::PullArgs;

/// List the images of a catalog
///
/// Writes a line for each image, or with --to a line SOURCE=DESTINATION, as `oc image mirror` reads them.
#[derive(Args)]
#[command(after_help = "Example:
  opm registry images --from quay.io/ns/index:v1 \\
      --to registry.example.com/mirror | xargs oc image mirror")]
pub(crate) struct Images {
    /// Index image
    #[arg(long, value_name = "IMAGE")]
    from: String,

    /// Registry, and a path in it, that the images are to be copied to
    #[arg(long, value_name = "REGISTRY/PATH")]
    to: Option<String>,

    /// Directory to write the manifests to that tell a cluster of the copies
    #[arg(long, value_name = "DIR", requires = "to")]
    manifests: Option<PathBuf>,
}

impl Images {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let mut images = pull.options()?;
        images.platform = Some("linux/amd64".parse::<Platform>()?);
        let options = Options { from: self.from, to: self.to, manifests: self.manifests, images };
        opm_cli::print(&images::run(&options, context).await?)
    }
}
