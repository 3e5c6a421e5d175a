use clap::{Args, ValueEnum};
use opm_action::Context;
use opm_action::alpha::bundle::build::{self, Builder, Options};

use super::generate::GenerateArgs;

/// Generate a bundle's files and build its image
///
/// Runs a container tool in the working directory. Files that are there already are used as they are, unless --overwrite is
/// given: annotations must then say what would be generated.
#[derive(Args)]
#[command(after_help = "Examples:
  opm alpha bundle build -d ./manifests -p etcd -c stable -t quay.io/ns/etcd-bundle:0.9.4
  opm alpha bundle build -d ./manifests -p etcd -c stable -t quay.io/ns/etcd-bundle:0.9.4 -b buildah --overwrite")]
pub(crate) struct Build {
    #[command(flatten)]
    made_of: GenerateArgs,

    /// Tag of the image
    #[arg(short, long, value_name = "IMAGE")]
    tag: String,

    /// Tool to build the image with [default: podman where it is installed, else docker]
    #[arg(short = 'b', long, value_enum, value_name = "TOOL")]
    image_builder: Option<BuilderArg>,

    /// Replace annotations and a Dockerfile that are there
    #[arg(short, long)]
    overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BuilderArg {
    Docker,
    Podman,
    Buildah,
}

impl From<BuilderArg> for Builder {
    fn from(arg: BuilderArg) -> Self {
        match arg {
            BuilderArg::Docker => Self::Docker,
            BuilderArg::Podman => Self::Podman,
            BuilderArg::Buildah => Self::Buildah,
        }
    }
}

impl Build {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            generate: self.made_of.options(),
            tag: self.tag,
            builder: self.image_builder.map(Into::into),
            overwrite: self.overwrite,
        };
        build::run(&options, context).await
    }
}
