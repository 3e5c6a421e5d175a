//! `opm`: operator catalogs, from bundles to servers.

mod completion;
mod index;
mod output;
mod registry;
mod render;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use opm_cli::{Level, LogArgs, PullArgs};

/// Operator package manager: build, edit and serve catalogs of Kubernetes operators
///
/// Needs neither podman nor docker. Data goes to stdout, everything else to stderr. A command that fails leaves every file and
/// database as it was.
#[derive(Parser)]
#[command(name = "opm", version, propagate_version = false)]
struct Opm {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    pull: PullArgs,

    #[command(flatten)]
    log: LogArgs,
}

#[derive(Subcommand)]
enum Command {
    Registry(registry::Registry),
    Index(index::Index),
    Render(render::Render),
    Version(version::Version),
    Completion(completion::Completion),
}

fn main() -> ExitCode {
    let Opm { command, pull, log } = match opm_cli::parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let level =
        if matches!(&command, Command::Registry(registry) if registry.is_server()) { Level::Info } else { Level::Warn };
    opm_cli::run(&log, level, async move |context| match command {
        Command::Registry(args) => args.run(&pull, &context).await,
        Command::Index(args) => args.run(&pull, &context).await,
        Command::Render(args) => args.run(&pull, &context).await,
        Command::Version(args) => args.run(),
        Command::Completion(args) => args.run(),
    })
}
