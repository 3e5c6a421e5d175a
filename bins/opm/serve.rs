use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::serve::{self, Options};
use opm_cli::{ListenArgs, YesOrNo as _};
use tokio::signal::unix::{SignalKind, signal};

/// Serve a file-based catalog over gRPC
///
/// Answers the api.Registry and api.ExperimentalRegistry services, health checks and reflection. The catalog is made into a pack
/// first: one file that holds every answer. With --cache-dir, the pack is kept and found again; otherwise it is a temporary file
/// that goes with the server. The port opens at once; health is NOT_SERVING until the pack is ready.
///
/// SIGTERM and SIGINT stop the server gracefully. SIGHUP makes it serve the catalog as it is then; if that cannot be served, the
/// log says why, and the last one is served on.
#[derive(Args)]
#[command(after_help = "Examples:
  opm serve ./catalog
  opm serve ./catalog --cache-dir ./cache --cache-only
  opm serve ./catalog --cache-dir ./cache -p 50051 --metrics-addr :9090")]
pub(crate) struct Serve {
    /// Catalog to serve: a directory or a file; it is not written to
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    #[command(flatten)]
    listen: ListenArgs,

    /// Directory to keep the pack in; one that is filled needs not be writable
    #[arg(long, value_name = "DIR", value_parser = opm_cli::path())]
    cache_dir: Option<PathBuf>,

    /// Fill the cache directory, or check that it belongs to the catalog, and exit
    #[arg(long)]
    cache_only: bool,

    /// Fail if the cache directory does not belong to the catalog, instead of filling it anew [default: true with --cache-dir,
    /// but false with --cache-only]
    #[arg(long, yes_or_no())]
    cache_enforce_integrity: Option<bool>,

    /// Address at which Go profiles were offered; it is opened for clients that expect it, and empty opens none
    #[arg(long, value_name = "ADDRESS", default_value = "localhost:6060", hide_short_help = true)]
    pprof_addr: String,

    /// Accepted, and without effect: there are no Go profiles
    #[arg(long, hide_short_help = true)]
    pprof_capture_profiles: bool,
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            source: self.source,
            listen: self.listen.into(),
            cache_dir: self.cache_dir.filter(|dir| !dir.as_os_str().is_empty()),
            cache_only: self.cache_only,
            cache_enforce_integrity: self.cache_enforce_integrity,
            profiles_address: opm_cli::given(Some(self.pprof_addr)),
        };
        if self.pprof_capture_profiles {
            tracing::debug!("there are no Go profiles to capture");
        }
        let reload = async {
            match signal(SignalKind::hangup()) {
                Ok(mut hangups) => {
                    while hangups.recv().await.is_some() {
                        context.reload();
                    }
                }
                Err(error) => tracing::warn!(%error, "SIGHUP cannot be heard"),
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = serve::run(&options, context) => result,
            () = reload => Ok(()),
        }
    }
}
