mod add;
mod build;
mod deprecatetruncate;
mod images;
mod prune;
mod prune_stranded;
mod rm;
mod serve;

pub(crate) use add::HowArgs;
pub(crate) use build::Build;
use clap::{Args, Subcommand};
use opm_action::Context;
use opm_cli::PullArgs;

/// Make, edit and serve a catalog in an SQLite database
#[derive(Args)]
#[command(after_help = "Examples:
  opm registry add -d index.db -b quay.io/ns/etcd-bundle:0.9.4
  opm registry serve -d index.db")]
pub(crate) struct Registry {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Add(add::Add),
    Build(Box<Build>),
    Rm(rm::Rm),
    Prune(prune::Prune),
    PruneStranded(prune_stranded::PruneStranded),
    #[command(name = "deprecatetruncate")]
    DeprecateTruncate(deprecatetruncate::DeprecateTruncate),
    Images(images::Images),
    Serve(serve::Serve),
}

impl Registry {
    pub(crate) fn is_server(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Add(args) => args.run(pull, context).await,
            Command::Build(args) => args.run(pull, context).await,
            Command::Rm(args) => args.run(context),
            Command::Prune(args) => args.run(context),
            Command::PruneStranded(args) => args.run(context),
            Command::DeprecateTruncate(args) => args.run(context),
            Command::Images(args) => args.run(pull, context).await,
            Command::Serve(args) => args.run(context).await,
        }
    }
}

/// The database that a command edits.
#[derive(Args, Clone, Debug)]
pub(crate) struct DatabaseArgs {
    /// Database to edit; it is created where it is missing
    #[arg(short, long, value_name = "FILE", default_value = "bundles.db")]
    database: std::path::PathBuf,
}
