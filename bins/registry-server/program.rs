//! `registry-server`: a database, served over gRPC.

use std::process::ExitCode;

use clap::Parser;
use opm_action::registry::serve;
use opm_cli::{Level, LogArgs, ServeArgs};

/// Serve an operator catalog from a database over gRPC
///
/// Answers the api.Registry service, health checks and reflection. The port opens at once; health is NOT_SERVING until the
/// catalog is ready. SIGTERM and SIGINT stop the server gracefully.
#[derive(Parser)]
#[command(name = "registry-server", version, after_help = "Example:\n  registry-server -d bundles.db -p 50051")]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,

    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn main() -> ExitCode {
    opm_cli::start(|args: Args| {
        let options = args.serve.options(None);
        opm_cli::run(&args.log, Level::Info, async move |context| serve::run(&options, &context).await)
    })
}
