use clap::Args;
use opm_action::Context;
use opm_action::registry::rm::{self, Options};

use super::DatabaseArgs;

/// Remove packages from a database
#[derive(Args)]
#[command(after_help = "Example:\n  opm registry rm -d index.db -o etcd,prometheus")]
pub(crate) struct Rm {
    #[command(flatten)]
    database: DatabaseArgs,

    /// Packages to remove, separated by commas
    #[arg(short = 'o', long, value_name = "PACKAGES", required = true)]
    packages: Vec<String>,

    /// Only warn about packages that the database lacks
    #[arg(long)]
    permissive: bool,
}

impl Rm {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<()> {
        let options =
            Options { database: self.database.database, packages: self.packages, permissive: self.permissive };
        opm_cli::warn(&tokio::task::block_in_place(|| rm::run(&options, context))?);
        Ok(())
    }
}
