mod dockerfile;

use clap::{Args, Subcommand};

/// Generate what goes with a catalog
#[derive(Args)]
#[command(after_help = "Example:\n  opm generate dockerfile ./catalog")]
pub(crate) struct Generate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Dockerfile(dockerfile::Dockerfile),
}

impl Generate {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Dockerfile(args) => args.run(),
        }
    }
}
