//! The arguments that all servers share.

use std::path::PathBuf;

use clap::Args;
use opm_action::serve::ListenOptions;

/// Where a server is heard and seen.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs {
    /// Port to listen on, on all interfaces
    #[arg(short, long, default_value_t = 50051)]
    pub port: u16,

    /// File for the error that ends the server
    #[arg(short, long, value_name = "FILE", default_value = "/dev/termination-log", value_parser = crate::path())]
    pub termination_log: PathBuf,

    /// Address for Prometheus metrics (/metrics) and probes (/healthz, /readyz), such as :9090 or localhost:9090
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_addr: Option<String>,
}

impl From<ListenArgs> for ListenOptions {
    fn from(args: ListenArgs) -> Self {
        Self { port: args.port, termination_log: args.termination_log, metrics_address: given(args.metrics_addr) }
    }
}

/// An address; an empty one is none.
pub fn given(address: Option<String>) -> Option<String> {
    address.filter(|address| !address.is_empty())
}
