//! The arguments that all servers of databases share.

use std::path::PathBuf;

use clap::Args;
use opm_action::registry::serve::Options;
use opm_cli::ListenArgs;

#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArgs {
    /// Database to serve; it is not written to
    #[arg(short, long, value_name = "FILE", default_value = "bundles.db")]
    database: PathBuf,

    #[command(flatten)]
    listen: ListenArgs,

    /// Refuse a database with an old schema, instead of serving an upgraded private copy
    #[arg(long)]
    skip_migrate: bool,
}

impl ServeArgs {
    pub(crate) fn options(self, timeout_seconds: Option<u16>) -> Options {
        Options {
            database: self.database,
            listen: self.listen.into(),
            skip_migrate: self.skip_migrate,
            timeout_seconds,
        }
    }
}
