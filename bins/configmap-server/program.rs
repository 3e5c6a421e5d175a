//! `configmap-server`: a catalog that a ConfigMap holds, served over gRPC.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use opm_action::configmap_server::{self, Options};
use opm_cli::{Level, ListenArgs, LogArgs};

/// Serve an operator catalog from a ConfigMap over gRPC
///
/// Reads the keys customResourceDefinitions, clusterServiceVersions and packages of the ConfigMap into a database, and answers
/// the api.Registry service, health checks and reflection out of it, bundles with all their manifests. When the ConfigMap
/// changes, so do the answers; a change that cannot be served leaves the last good ones. SIGTERM and SIGINT stop the
/// server gracefully.
///
/// Without --kubeconfig and $KUBECONFIG, it uses the service account of its pod, which needs the verbs get and watch for the ConfigMap.
#[derive(Parser)]
#[command(
    name = "configmap-server",
    version,
    after_help = "Examples:\n  configmap-server -c my-catalog -n olm -p 50051\n  configmap-server -k ~/.kube/config -c my-catalog -n olm -d /tmp/bundles.db"
)]
struct Args {
    /// Kubeconfig file; without one, $KUBECONFIG, then the service account of the pod
    #[arg(short, long, value_name = "FILE", value_parser = opm_cli::path())]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use, if not the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Database to write; what it held before is replaced
    #[arg(short, long, value_name = "FILE", default_value = "bundles.db")]
    database: PathBuf,

    /// Name of the ConfigMap
    #[arg(short = 'c', long = "configMapName", value_name = "NAME")]
    config_map_name: String,

    /// Namespace of the ConfigMap
    #[arg(short = 'n', long = "configMapNamespace", value_name = "NAMESPACE")]
    config_map_namespace: String,

    #[command(flatten)]
    listen: ListenArgs,

    /// Serve what can be loaded, and only warn about the rest
    #[arg(long)]
    permissive: bool,

    /// Serve the ConfigMap as it is now, whatever becomes of it
    #[arg(long)]
    no_watch: bool,

    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn main() -> ExitCode {
    opm_cli::start(|args: Args| {
        let options = Options {
            kubeconfig: args.kubeconfig,
            variable: std::env::var_os("KUBECONFIG"),
            context: args.context,
            name: args.config_map_name,
            namespace: args.config_map_namespace,
            database: args.database,
            permissive: args.permissive,
            watch: !args.no_watch,
            listen: args.listen.into(),
        };
        opm_cli::run(&args.log, Level::Info, async move |context| configmap_server::run(&options, &context).await)
    })
}
