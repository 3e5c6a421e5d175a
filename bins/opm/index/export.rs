use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::index::export::{self, Options};
use opm_cli::{PullArgs, PullToolArg};

/// Export packages of an index as manifests
///
/// Writes DIR/PACKAGE/VERSION/ with the manifests of each bundle, and DIR/PACKAGE/package.yaml, in the form that initializer
/// loads.
#[derive(Args)]
#[command(after_help = "Example:\n  opm index export -i quay.io/ns/index:1 -p etcd -f downloaded")]
pub(crate) struct Export {
    /// Index to export from
    #[arg(short, long, value_name = "IMAGE")]
    index: String,

    /// Packages to export, separated by commas; all where none is named
    #[arg(short, long, value_name = "PACKAGES", conflicts_with = "xpackage")]
    package: Vec<String>,

    /// Former name of --package
    #[arg(short = 'o', long, value_name = "PACKAGES", hide = true)]
    xpackage: Vec<String>,

    /// Directory to write to
    #[arg(short = 'f', long, value_name = "DIR", default_value = "downloaded")]
    download_folder: PathBuf,

    /// Tool to pull images with
    #[arg(short, long, value_enum, value_name = "TOOL", default_value_t)]
    container_tool: PullToolArg,
}

impl Export {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let packages = if self.package.is_empty() { self.xpackage } else { self.package };
        let options = Options {
            index: self.index,
            packages,
            directory: self.download_folder,
            images: pull.options()?,
            tool: self.container_tool.into(),
        };
        export::run(&options, context).await
    }
}
