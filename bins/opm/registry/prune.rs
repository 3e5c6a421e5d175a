use clap::Args;
use opm_action::Context;
use opm_action::registry::prune::{self, Options};

use super::DatabaseArgs;

/// Remove all packages but some from a database
#[derive(Args)]
#[command(after_help = "Example:\n  opm registry prune -d index.db -p etcd,prometheus")]
pub(crate) struct Prune {
    #[command(flatten)]
    database: DatabaseArgs,

    /// Packages to keep, separated by commas; names that the database lacks are only warned about
    #[arg(short, long, value_name = "PACKAGES", required = true)]
    packages: Vec<String>,

    /// Accepted, and without effect: names that the database lacks never fail
    #[arg(long, hide_short_help = true)]
    permissive: bool,
}

impl Prune {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options { database: self.database.database, packages: self.packages };
        opm_cli::warn(&tokio::task::block_in_place(|| prune::run(&options, context))?);
        Ok(())
    }
}
