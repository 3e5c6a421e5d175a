use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::index::build::{self, Options};
use opm_cli::{PullArgs, YesOrNo as _};

use super::target::{BuildToolArg, OutputArgs, tell_built};

/// Build the image of a file-based catalog
///
/// Validates the catalog first. Without --binary-image, the image that is pushed or written to a place holds nothing but this opm,
/// the catalog, and the pack that it is served out of at once.
#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "the fields are the flags")]
#[command(after_help = "Examples:
  opm index build ./catalog --push -t quay.io/ns/catalog:1
  opm index build ./catalog --output oci:./image:1 \\
      -i quay.io/operator-framework/opm:latest")]
pub(crate) struct Build {
    /// Catalog: a directory or a file
    #[arg(value_name = "CATALOG")]
    catalog: PathBuf,

    /// Image that the catalog is built on [default: quay.io/operator-framework/opm:latest with a tool, else nothing but this opm]
    #[arg(short = 'i', long, value_name = "IMAGE")]
    binary_image: Option<String>,

    /// Name of the image that is built [default: operator-registry-index:latest with a tool]
    #[arg(short, long, value_name = "IMAGE")]
    tag: Option<String>,

    #[command(flatten)]
    outputs: OutputArgs,

    /// Put the pack of the catalog into the image, which only this opm can serve [default: true if the image is not built on another]
    #[arg(long, yes_or_no())]
    pack: Option<bool>,

    /// Tool to build the image with [default: none with --push and --output; else podman where it is installed, else docker]
    #[arg(short = 'u', long, value_enum, value_name = "TOOL")]
    build_tool: Option<BuildToolArg>,
}

impl Build {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            catalog: self.catalog,
            binary_image: self.binary_image,
            with_pack: self.pack,
            build: self.outputs.options(self.tag, self.build_tool.map(Into::into)),
            images: pull.options()?,
        };
        tell_built(Some(&build::run(&options, context).await?))
    }
}
