//! The arguments that all servers of databases share.

use std::path::PathBuf;

use clap::Args;
use opm_action::registry::serve::Options;

use crate::ListenArgs;

/// Which database is served, and where.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Database to serve; it is not written to
    #[arg(short, long, value_name = "FILE", default_value = "bundles.db")]
    pub database: PathBuf,

    /// Where it is heard and seen.
    #[command(flatten)]
    pub listen: ListenArgs,

    /// Refuse a database with an old schema, instead of serving an upgraded private copy
    #[arg(long)]
    pub skip_migrate: bool,
}

impl ServeArgs {
    /// What the deed takes.
    pub fn options(self, timeout_seconds: Option<u16>) -> Options {
        Options {
            database: self.database,
            listen: self.listen.into(),
            skip_migrate: self.skip_migrate,
            timeout_seconds,
        }
    }
}
