use clap::Args;
use opm_action::Context;
use opm_action::alpha::bundle::build::{self, Options};
use opm_cli::PullArgs;

use super::generate::GenerateArgs;
use crate::index::target::{BuildToolArg, OutputArgs, tell_built};

/// Generate a bundle's files and build its image
///
/// A container tool does so from a Dockerfile in the working directory; --push and --output build without any. Files that are
/// there already are used as they are, unless --overwrite is given: annotations must then say what would be generated.
#[derive(Args)]
#[command(after_help = "Examples:
  opm bundle build -d ./manifests -p etcd -c stable --push \\
      -t quay.io/ns/etcd-bundle:0.9.4
  opm bundle build -d ./manifests -p etcd -c stable -b buildah --overwrite \\
      -t quay.io/ns/etcd-bundle:0.9.4")]
pub(crate) struct Build {
    #[command(flatten)]
    made_of: GenerateArgs,

    /// Name of the image
    #[arg(short, long, value_name = "IMAGE")]
    tag: String,

    #[command(flatten)]
    outputs: OutputArgs,

    /// Tool to build the image with [default: none with --push and --output; else podman where it is installed, else docker]
    #[arg(short = 'b', long, value_enum, value_name = "TOOL")]
    image_builder: Option<BuildToolArg>,

    /// Replace annotations and a Dockerfile that are there
    #[arg(short, long)]
    overwrite: bool,
}

impl Build {
    pub(super) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            generate: self.made_of.options(),
            build: self.outputs.options(Some(self.tag), self.image_builder.map(Into::into)),
            overwrite: self.overwrite,
            images: pull.options()?,
        };
        tell_built(Some(&build::run(&options, context).await?))
    }
}
