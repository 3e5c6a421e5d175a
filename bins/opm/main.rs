//! `opm`: operator catalogs, from bundles to servers.

mod alpha;
mod completion;
mod generate;
mod grpc_health_probe;
mod image;
mod index;
mod init;
mod migrate;
mod output;
mod registry;
mod render;
mod serve;
mod validate;
mod version;

#[path = "../configmap-server/program.rs"]
mod configmap_server;
#[path = "../initializer/program.rs"]
mod initializer;
#[path = "../registry-server/program.rs"]
mod registry_server;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use opm_cli::{Level, LogArgs, PullArgs};

/// Operator package manager: build, edit and serve catalogs of Kubernetes operators
///
/// Needs neither podman nor docker. Data goes to stdout, everything else to stderr. A command that fails leaves every file and
/// database as it was.
#[derive(Parser)]
#[command(
    name = "opm",
    version,
    propagate_version = false,
    after_help = "Examples:
  opm registry add -d index.db -b quay.io/ns/etcd-bundle:0.9.4
  opm registry serve -d index.db
  opm migrate index.db ./catalog
  opm serve ./catalog"
)]
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
    Serve(serve::Serve),
    Render(render::Render),
    Validate(validate::Validate),
    Migrate(migrate::Migrate),
    Init(init::Init),
    Generate(generate::Generate),
    Image(image::Image),
    Bundle(alpha::bundle::Bundle),
    Alpha(alpha::Alpha),
    Version(version::Version),
    Completion(completion::Completion),
}

/// A program.
type Main = fn() -> ExitCode;

/// What this program is under other names, so that one file is enough for an image.
const NAMES: &[(&str, Main)] = &[
    ("configmap-server", configmap_server::main),
    (grpc_health_probe::NAME, grpc_health_probe::main),
    ("initializer", initializer::main),
    ("registry-server", registry_server::main),
];

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let called = Path::new(&called).file_name().unwrap_or_default();
    if let Some((_, main)) = NAMES.iter().find(|(name, _)| called == *name) {
        return main();
    }
    opm_cli::start(|Opm { command, pull, log }: Opm| {
        let level = match &command {
            Command::Serve(_) => Level::Info,
            Command::Registry(registry) if registry.is_server() => Level::Info,
            _ => Level::Warn,
        };
        opm_cli::run(&log, level, async move |context| match command {
            Command::Registry(args) => args.run(&pull, &context).await,
            Command::Index(args) => args.run(&pull, &context).await,
            Command::Serve(args) => args.run(&context).await,
            Command::Render(args) => args.run(&pull, &context).await,
            Command::Validate(args) => args.run(&context).await,
            Command::Migrate(args) => args.run(&pull, &context).await,
            Command::Init(args) => args.run(&context).await,
            Command::Generate(args) => args.run(),
            Command::Image(args) => args.run(&pull, &context).await,
            Command::Bundle(args) => args.run(&pull, &context).await,
            Command::Alpha(args) => args.run(&pull, &context).await,
            Command::Version(args) => args.run(),
            Command::Completion(args) => args.run(),
        })
    })
}
