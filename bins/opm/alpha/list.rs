use clap::{Args, Subcommand};
use opm_action::Context;
use opm_action::alpha::list::{self, Options, What};
use opm_cli::PullArgs;

/// List what is in a catalog
#[derive(Args)]
#[command(after_help = "Example:\n  opm alpha list packages index.db")]
pub(crate) struct List {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the packages of a catalog
    #[command(after_help = "Example:\n  opm alpha list packages quay.io/operatorhubio/catalog:latest")]
    Packages {
        #[command(flatten)]
        catalog: CatalogArg,
    },
    /// List the channels of a catalog, with their heads
    #[command(after_help = "Examples:
  opm alpha list channels quay.io/operatorhubio/catalog:latest
  opm alpha list channels ./catalog etcd")]
    Channels {
        #[command(flatten)]
        catalog: CatalogArg,
        #[command(flatten)]
        package: PackageArg,
    },
    /// List the bundles of a catalog in all their channels
    #[command(after_help = "Examples:
  opm alpha list bundles quay.io/operatorhubio/catalog:latest
  opm alpha list bundles index.db etcd")]
    Bundles {
        #[command(flatten)]
        catalog: CatalogArg,
        #[command(flatten)]
        package: PackageArg,
    },
}

#[derive(Args)]
struct CatalogArg {
    /// Catalog: an image, a database, or a directory or file
    catalog: String,
}

#[derive(Args)]
struct PackageArg {
    /// Only this package
    package: Option<String>,
}

impl List {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let (CatalogArg { catalog }, what) = match self.command {
            Command::Packages { catalog } => (catalog, What::Packages),
            Command::Channels { catalog, package } => (catalog, What::Channels(package.package)),
            Command::Bundles { catalog, package } => (catalog, What::Bundles(package.package)),
        };
        let options = Options { catalog, what, images: pull.options()? };
        opm_cli::print(&list::run(&options, context).await?.to_string())
    }
}
