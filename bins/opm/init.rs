use std::path::PathBuf;

use clap::Args;
use opm_action::init::{self, Options};
use opm_action::{Context, Index};

use crate::output::{self, OutputArgs};

/// Begin a file-based catalog: print the blob of a package
#[derive(Args)]
#[command(after_help = "Examples:
  opm init etcd --default-channel stable -o yaml > catalog.yaml
  opm init etcd -c stable --icon etcd.svg --description README.md")]
pub(crate) struct Init {
    /// Name of the package
    #[arg(value_name = "PACKAGE")]
    package: String,

    /// Channel that subscriptions without one get
    #[arg(short = 'c', long, value_name = "CHANNEL", default_value = "", hide_default_value = true)]
    default_channel: String,

    /// File with the icon of the package
    #[arg(short, long, value_name = "FILE")]
    icon: Option<PathBuf>,

    /// File with the description of the package
    #[arg(short, long, value_name = "FILE")]
    description: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

impl Init {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            package: self.package,
            default_channel: self.default_channel,
            icon: self.icon,
            description: self.description,
        };
        output::print(Index::of(&init::run(&options)?)?, self.output.output.into(), context).await
    }
}
