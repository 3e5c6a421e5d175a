use std::path::PathBuf;

use clap::Args;
use opm_action::image::{self, Options};
use opm_action::{Context, Platform};
use opm_cli::PullArgs;

use crate::index::target::{OutputArgs, tell_built};

/// Build the image of opm itself
///
/// It holds a statically linked opm, and links to it that make it initializer, registry-server, configmap-server and
/// grpc_health_probe; it runs as user 1001. Catalog images may be built on it, and pods run it.
#[derive(Args)]
#[command(after_help = "Examples:
  opm image --push -t quay.io/ns/opm:1
  opm image --output oci-archive:opm.tar:latest \\
      --label org.opencontainers.image.vendor=me
  opm image --opm ./arm64/opm --platform linux/arm64 --output oci:./image:arm64")]
pub(crate) struct Image {
    /// The statically linked opm that the image holds [default: this one]
    #[arg(long, value_name = "FILE")]
    opm: Option<PathBuf>,

    /// What that opm was built for, such as linux/arm64 [default: what this one was built for]
    #[arg(long, value_name = "PLATFORM", requires = "opm")]
    platform: Option<Platform>,

    /// Name of the image
    #[arg(short, long, value_name = "IMAGE")]
    tag: Option<String>,

    #[command(flatten)]
    outputs: OutputArgs,

    /// A further label, or another value of one; may be repeated
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| "it is written KEY=VALUE".to_owned())
}

impl Image {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let mut images = pull.options()?;
        images.platform = self.platform;
        let options = Options {
            opm: self.opm,
            labels: self.label.into_iter().collect(),
            build: self.outputs.options(self.tag, None),
            images,
        };
        tell_built(Some(&image::run(&options, context).await?))
    }
}
