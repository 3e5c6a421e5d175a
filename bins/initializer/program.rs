//! `initializer`: a directory of manifests into a database.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use opm_action::initializer::{self, Options};
use opm_cli::{Level, LogArgs};

/// Load a directory of operator manifests into a database
///
/// The directory holds bundles (a ClusterServiceVersion with its CRDs) and package manifests, in any nesting. The database is
/// complete, or it is what it was before.
#[derive(Parser)]
#[command(
    name = "initializer",
    version,
    after_help = "Examples:\n  initializer -m manifests -o bundles.db\n  registry-server -d bundles.db"
)]
struct Args {
    /// Directory of operator manifests
    #[arg(short, long, value_name = "DIR", default_value = "manifests")]
    manifests: PathBuf,

    /// Database to write; what it held before is replaced
    #[arg(short, long, value_name = "FILE", default_value = "bundles.db")]
    output: PathBuf,

    /// Keep what the database holds, and add to it
    #[arg(long)]
    append: bool,

    /// Store what can be stored, and only warn about the rest
    #[arg(long)]
    permissive: bool,

    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn main() -> ExitCode {
    opm_cli::start(|args: Args| {
        let options = Options {
            manifests: args.manifests,
            output: args.output,
            append: args.append,
            permissive: args.permissive,
        };
        opm_cli::run(&args.log, Level::Warn, async move |context| {
            let findings = tokio::task::spawn_blocking(move || initializer::run(&options, &context)).await??;
            opm_cli::warn(&findings);
            Ok(())
        })
    })
}
