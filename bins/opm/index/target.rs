//! The arguments that edits of an index share.

use std::path::PathBuf;

use clap::Args;
use opm_action::PullTool;
use opm_action::index::Target;
use opm_cli::{PullArgs, PullToolArg};

#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArgs {
    /// Image that the index is built on [default: quay.io/operator-framework/opm:latest]
    #[arg(short = 'i', long, value_name = "IMAGE")]
    binary_image: Option<String>,

    /// Tag of the image that is built
    #[arg(short, long, default_value = "operator-registry-index:latest")]
    tag: String,

    /// Only write the database and the Dockerfile, into the current directory
    #[arg(long)]
    generate: bool,

    /// Name of the Dockerfile [default: index.Dockerfile]
    #[arg(short = 'd', long, value_name = "FILE")]
    out_dockerfile: Option<PathBuf>,
}

impl TargetArgs {
    pub(crate) fn target(self, from_index: Option<String>, tool: PullTool, pull: &PullArgs) -> anyhow::Result<Target> {
        let Self { binary_image, tag: _, generate, out_dockerfile } = self;
        Ok(Target {
            from_index,
            binary_image,
            generate,
            dockerfile: out_dockerfile,
            directory: PathBuf::from("."),
            images: pull.options()?,
            tool,
        })
    }
}

/// The tools of commands that take one for building and one for pulling.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the fields are the flags")]
pub(crate) struct ToolArgs {
    /// Tool to build and pull images with; goes with neither of the next two
    #[arg(short, long, value_enum, value_name = "TOOL")]
    container_tool: Option<PullToolArg>,

    /// Tool to build the image with
    #[arg(short = 'u', long, value_enum, value_name = "TOOL")]
    build_tool: Option<PullToolArg>,

    /// Tool to pull images with [default: none]
    #[arg(short, long, value_enum, value_name = "TOOL")]
    pull_tool: Option<PullToolArg>,
}

impl ToolArgs {
    /// The tool to pull with.
    pub(crate) fn pull_tool(&self) -> anyhow::Result<PullTool> {
        if self.container_tool.is_some() && (self.build_tool.is_some() || self.pull_tool.is_some()) {
            anyhow::bail!("container-tool cannot be set alongside pull-tool or build-tool");
        }
        Ok(self.container_tool.or(self.pull_tool).unwrap_or_default().into())
    }
}
