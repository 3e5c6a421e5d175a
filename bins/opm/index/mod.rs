mod add;
mod build;
mod deprecatetruncate;
mod export;
mod mirror;
mod prune;
mod prune_stranded;
mod rm;
pub(crate) mod target;

use clap::{Args, Subcommand};
use opm_action::Context;
use opm_cli::PullArgs;

/// Edit, build, export and mirror the catalog of an index image
#[derive(Args)]
#[command(after_help = "Examples:
  opm index add --push -t quay.io/ns/index:2 -f quay.io/ns/index:1 \\
      -b quay.io/ns/etcd-bundle:0.9.4
  opm index mirror quay.io/ns/index:v1 registry.example.com/mirror/")]
pub(crate) struct Index {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Add(add::Add),
    Build(build::Build),
    BuildCatalog(Box<crate::registry::Build>),
    Rm(rm::Rm),
    Prune(prune::Prune),
    PruneStranded(prune_stranded::PruneStranded),
    #[command(name = "deprecatetruncate")]
    DeprecateTruncate(deprecatetruncate::DeprecateTruncate),
    Export(export::Export),
    Mirror(Box<mirror::Mirror>),
}

impl Index {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Add(args) => args.run(pull, context).await,
            Command::Build(args) => args.run(pull, context).await,
            Command::BuildCatalog(args) => args.run(pull, context).await,
            Command::Rm(args) => args.run(pull, context).await,
            Command::Prune(args) => args.run(pull, context).await,
            Command::PruneStranded(args) => args.run(pull, context).await,
            Command::DeprecateTruncate(args) => args.run(pull, context).await,
            Command::Export(args) => args.run(pull, context).await,
            Command::Mirror(args) => args.run(pull, context).await,
        }
    }
}
