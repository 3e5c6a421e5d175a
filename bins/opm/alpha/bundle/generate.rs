use std::path::PathBuf;

use clap::Args;
use opm_action::alpha::bundle::generate::{self, Options};

/// Generate the annotations and the Dockerfile of a bundle
///
/// Writes metadata/annotations.yaml beside the manifests and bundle.Dockerfile into the working directory. Where package or
/// channels are not named, they are taken from the package manifest (*.package.yaml) in the directory above the manifests.
#[derive(Args)]
#[command(after_help = "Examples:
  opm bundle generate -d ./manifests -p etcd -c stable,alpha -e stable
  opm bundle generate -d ./etcd/0.9.4 -u ./bundle")]
pub(crate) struct Generate {
    #[command(flatten)]
    made_of: GenerateArgs,
}

/// What a bundle is made of.
#[derive(Args)]
pub(super) struct GenerateArgs {
    /// Directory with the manifests of one version
    #[arg(short, long, value_name = "DIR")]
    directory: PathBuf,

    /// Package that the bundle belongs to
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    package: String,

    /// Channels that the bundle is in, separated by commas
    #[arg(short, long, value_name = "CHANNELS", default_value = "", hide_default_value = true)]
    channels: String,

    /// Default channel of the package
    #[arg(short = 'e', long = "default", value_name = "CHANNEL", default_value = "", hide_default_value = true)]
    default_channel: String,

    /// Directory for a copy of the manifests, and for the metadata
    #[arg(short = 'u', long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// Image that the bundle is built on
    #[arg(long, value_name = "IMAGE", default_value = "scratch")]
    base_image: String,
}

impl GenerateArgs {
    pub(super) fn options(self) -> Options {
        let Self { directory, package, channels, default_channel, output_dir, base_image } = self;
        Options { directory, package, channels, default_channel, output: output_dir, base_image }
    }
}

impl Generate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        tokio::task::block_in_place(|| generate::run(&self.made_of.options()))
    }
}
