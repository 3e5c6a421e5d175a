use std::path::{Path, PathBuf};

use clap::Args;
use opm_action::Context;
use opm_action::migrate::{self, Options};
use opm_cli::PullArgs;

use crate::output::{Busy, MigrateLevelArgs, OutputArgs};

/// Write a catalog of any form as a directory of file-based ones, one for each package
#[derive(Args)]
#[command(after_help = "Examples:
  opm migrate index.db ./catalog
  opm migrate quay.io/operatorhubio/catalog:latest ./catalog \\
      -o yaml --migrate-level all")]
pub(crate) struct Migrate {
    /// Catalog: an image, a database, or a directory or file
    #[arg(value_name = "CATALOG")]
    catalog: String,

    /// Directory to write to; it must be absent or empty
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    level: MigrateLevelArgs,
}

impl Migrate {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            catalog: self.catalog,
            output: self.directory,
            format: self.output.output.into(),
            level: self.level.migrate_level,
            images: pull.options()?,
        };
        let is_local = Path::new(&options.catalog).exists();
        let _busy = is_local.then(|| Busy::with("migrating")).flatten();
        migrate::run(&options, context).await
    }
}
