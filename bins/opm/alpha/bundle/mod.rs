mod build;
mod convert;
mod extract;
mod generate;
mod unpack;
mod validate;

use clap::{Args, Subcommand};
use opm_action::Context;
use opm_cli::PullArgs;

/// Make, check, convert, unpack and extract operator bundles
#[derive(Args)]
#[command(
    after_help = "Examples:\n  opm bundle generate -d ./manifests -p etcd -c stable\n  opm bundle validate ./bundle"
)]
pub(crate) struct Bundle {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Generate(generate::Generate),
    Build(build::Build),
    Validate(validate::Validate),
    Convert(convert::Convert),
    Unpack(unpack::Unpack),
    Extract(extract::Extract),
}

impl Bundle {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Generate(args) => args.run(),
            Command::Build(args) => args.run(pull, context).await,
            Command::Validate(args) => args.run(pull, context).await,
            Command::Convert(args) => args.run(pull, context).await,
            Command::Unpack(args) => args.run(pull, context).await,
            Command::Extract(args) => args.run(context).await,
        }
    }
}
