//! The arguments that all servers of databases share.

use std::path::PathBuf;

use clap::Args;
use opm_action::serve::Options;

#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArgs {
    /// Database to serve; it is not written to
    #[arg(short, long, value_name = "FILE", default_value = "bundles.db")]
    database: PathBuf,

    /// Port to listen on, on all interfaces
    #[arg(short, long, default_value_t = 50051)]
    port: u16,

    /// File for the error that ends the server
    #[arg(short, long, value_name = "FILE", default_value = "/dev/termination-log")]
    termination_log: PathBuf,

    /// Refuse a database with an old schema, instead of serving an upgraded private copy
    #[arg(long)]
    skip_migrate: bool,
}

impl ServeArgs {
    pub(crate) fn options(self, timeout_seconds: Option<u16>) -> Options {
        Options {
            database: self.database,
            port: self.port,
            termination_log: self.termination_log,
            skip_migrate: self.skip_migrate,
            timeout_seconds,
        }
    }
}
