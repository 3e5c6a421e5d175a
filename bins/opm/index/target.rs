//! The arguments that edits of an index share, and what is said of their outcome.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opm_action::index::{Outcome, Product, Target};
use opm_action::{BuildOptions, BuildTool, PullTool};
use opm_cli::{PullArgs, PullToolArg};

#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArgs {
    /// Image that the index is built on [default: quay.io/operator-framework/opm:latest with a tool, else nothing but this opm]
    #[arg(short = 'i', long, value_name = "IMAGE")]
    binary_image: Option<String>,

    /// Name of the image that is built [default: operator-registry-index:latest with a tool]
    #[arg(short, long, value_name = "IMAGE")]
    tag: Option<String>,

    #[command(flatten)]
    outputs: OutputArgs,

    /// Only write the database and the Dockerfile, into the current directory
    #[arg(long, conflicts_with_all = ["push", "output"])]
    generate: bool,

    /// Name of the Dockerfile [default: index.Dockerfile]
    #[arg(short = 'd', long, value_name = "FILE")]
    out_dockerfile: Option<PathBuf>,
}

/// Where an image goes that is built without a container tool.
#[derive(Args, Clone, Debug)]
pub(crate) struct OutputArgs {
    /// Build the image without a container tool, and push it to the registry that --tag names
    #[arg(long)]
    push: bool,

    /// Build the image without a container tool, and write it here: registry (as --push), oci:DIR[:TAG], oci-archive:FILE[:TAG] or
    /// docker-archive:FILE[:NAME:TAG]; may be repeated
    #[arg(long, value_name = "PLACE")]
    output: Vec<String>,
}

impl OutputArgs {
    fn is_empty(&self) -> bool {
        !self.push && self.output.is_empty()
    }

    pub(crate) fn options(self, tag: Option<String>, tool: Option<BuildTool>) -> BuildOptions {
        let mut outputs = self.output;
        if self.push {
            outputs.insert(0, "registry".to_owned());
        }
        BuildOptions { tag, tool, outputs }
    }
}

/// A file-based catalog that is edited where it is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CatalogArgs {
    /// File-based catalog to edit where it is: a directory or a file; an image of it is built only with --push or --output
    #[arg(long, value_name = "CATALOG", conflicts_with_all = ["from_index", "generate"])]
    catalog: Option<PathBuf>,

    /// Only tell what would change in the upgrade graphs of a file-based catalog
    #[arg(long)]
    dry_run: bool,
}

impl TargetArgs {
    pub(crate) fn target(
        self,
        from_index: Option<String>,
        CatalogArgs { catalog, dry_run }: CatalogArgs,
        tools: Tools,
        pull: &PullArgs,
    ) -> anyhow::Result<Target> {
        let Self { binary_image, tag, outputs, generate, out_dockerfile } = self;
        let product = if generate {
            Product::Files { directory: PathBuf::from("."), dockerfile: out_dockerfile }
        } else if catalog.is_some() && outputs.is_empty() && tools.build.is_none() {
            Product::Catalog
        } else {
            Product::Image(outputs.options(tag, tools.build))
        };
        Ok(Target { from_index, catalog, dry_run, binary_image, product, images: pull.options()?, tool: tools.pull })
    }
}

/// Tells what an edit came to: findings as warnings, the change of upgrade graphs, and of an image its name and, where it is
/// known, its digest.
pub(crate) fn tell(outcome: &Outcome) -> anyhow::Result<()> {
    opm_cli::warn(&outcome.findings);
    if let Some(difference) = &outcome.difference {
        opm_cli::print(&difference.to_string())?;
    }
    tell_built(outcome.built.as_ref())
}

/// Tells of an image that was built without a tool; tools tell of theirs themselves.
pub(crate) fn tell_built(built: Option<&opm_action::Built>) -> anyhow::Result<()> {
    match built.and_then(|built| Some((&built.name, built.digest.as_ref()?))) {
        Some((name, digest)) => opm_cli::print(&format!("{name} {digest}\n")),
        None => Ok(()),
    }
}

/// The tools of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tools {
    pub(crate) pull: PullTool,
    pub(crate) build: Option<BuildTool>,
}

impl Tools {
    /// One for everything.
    pub(crate) fn both(tool: Option<PullToolArg>) -> Self {
        let build = tool.map(|tool| match tool {
            PullToolArg::None => BuildTool::None,
            PullToolArg::Docker => BuildTool::Docker,
            PullToolArg::Podman => BuildTool::Podman,
        });
        Self { pull: tool.unwrap_or_default().into(), build }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuildToolArg {
    /// This program itself
    None,
    /// docker, which must be installed
    Docker,
    /// podman, which must be installed
    Podman,
    /// buildah, which must be installed
    Buildah,
}

impl From<BuildToolArg> for BuildTool {
    fn from(arg: BuildToolArg) -> Self {
        match arg {
            BuildToolArg::None => Self::None,
            BuildToolArg::Docker => Self::Docker,
            BuildToolArg::Podman => Self::Podman,
            BuildToolArg::Buildah => Self::Buildah,
        }
    }
}

/// The tools of commands that take one for building and one for pulling.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the fields are the flags")]
pub(crate) struct ToolArgs {
    /// Tool to build and pull images with; goes with neither of the next two
    #[arg(short, long, value_enum, value_name = "TOOL")]
    container_tool: Option<PullToolArg>,

    /// Tool to build the image with [default: none with --push and --output; else podman where it is installed, else docker]
    #[arg(short = 'u', long, value_enum, value_name = "TOOL")]
    build_tool: Option<BuildToolArg>,

    /// Tool to pull images with [default: none]
    #[arg(short, long, value_enum, value_name = "TOOL")]
    pull_tool: Option<PullToolArg>,
}

impl ToolArgs {
    pub(crate) fn tools(&self) -> anyhow::Result<Tools> {
        match (self.container_tool, self.build_tool, self.pull_tool) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                anyhow::bail!("container-tool cannot be set alongside pull-tool or build-tool")
            }
            (Some(tool), ..) => Ok(Tools::both(Some(tool))),
            (None, build, pull) => Ok(Tools { pull: pull.unwrap_or_default().into(), build: build.map(Into::into) }),
        }
    }
}
