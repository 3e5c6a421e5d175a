//! What all servers do, whatever they serve: their addresses, their end, the termination log.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use opm_api::{Facts, Metrics, Pages, ServeOptions, Server, Swap};
use opm_model::Query;

use crate::Context;

/// How long a catalog that is being loaded may take to clean up when the server ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a server is heard, and where it is seen.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// The port; 0 is any that is free.
    pub port: u16,
    /// Where the error that ends the server is written, for Kubernetes to show.
    pub termination_log: PathBuf,
    /// Where metrics and probes are answered, such as `:9090`; nowhere if `None`.
    pub metrics_address: Option<String>,
}

/// A catalog that is ready to be served, and what is known of it.
pub(crate) struct Loaded {
    pub(crate) catalog: Arc<dyn Query>,
    pub(crate) facts: Facts,
}

/// A server that has its addresses.
pub(crate) struct Listener {
    server: Server,
    pages: Option<Pages>,
}

impl Listener {
    pub(crate) async fn open(options: &ListenOptions) -> anyhow::Result<Self> {
        let server = Server::bind(options.port).await?;
        let pages = match &options.metrics_address {
            Some(address) => Some(Pages::bind(address).await.context("metrics cannot be served")?),
            None => None,
        };
        if let Some(port) = pages.as_ref().and_then(Pages::local_port) {
            tracing::info!(metricsPort = port, "serving metrics");
        }
        Ok(Self { server, pages })
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.local_port()
    }

    pub(crate) fn swap(&self) -> Swap {
        self.server.swap()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        self.server.metrics()
    }
}

/// Serves what `load` opens until the context is interrupted, or `timeout` is over. Clients are heard at once; they wait until
/// the catalog is there. `load` runs on a thread of its own.
pub(crate) async fn listen(
    listener: Listener,
    load: impl FnOnce() -> anyhow::Result<Loaded> + Send + 'static,
    timeout: Option<Duration>,
    options: ServeOptions,
    context: &Context,
) -> anyhow::Result<()> {
    let Listener { server, pages } = listener;
    let metrics = server.metrics();
    let mut loading = tokio::task::spawn_blocking(load);
    let result = {
        let catalog = async {
            let Loaded { catalog, facts } = (&mut loading).await.context("opening the catalog ended abnormally")??;
            metrics.loaded(facts);
            anyhow::Ok(catalog)
        };
        let shutdown = async {
            let time_is_up = async {
                match timeout {
                    Some(timeout) => tokio::time::sleep(timeout).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = context.interrupted() => tracing::info!("shutting down server"),
                () = time_is_up => tracing::info!("Timeout expired. Gracefully stopping."),
            }
        };
        let pages = async {
            let metrics = metrics.clone();
            match pages {
                Some(pages) => match pages.run(move |path| metrics.page(path)).await {},
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = server.run(catalog, shutdown, options) => result,
            () = pages => Ok(()),
        }
    };
    if !loading.is_finished() {
        context.stop().ask();
        let _abandoned = tokio::time::timeout(PATIENCE, loading).await;
    }
    result
}

/// Serves another catalog from now on, or tells why that cannot be; then the last one is served on.
pub(crate) fn replace(loaded: anyhow::Result<Loaded>, swap: &Swap, metrics: &Metrics) {
    let swapped = match loaded {
        Ok(Loaded { catalog, facts }) => {
            let swapped = swap.swap(catalog);
            if swapped {
                metrics.loaded(facts);
            }
            swapped
        }
        Err(error) => {
            for line in crate::report(&error) {
                tracing::error!("the catalog cannot be reloaded; the last one is served on: {line}");
            }
            false
        }
    };
    metrics.reloaded(swapped);
}

/// Runs a server. What it fails with goes to the termination log, too.
pub(crate) async fn with_termination_log(
    path: &Path,
    serve: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let log = TerminationLog::open(path);
    let result = serve.await;
    if let Err(error) = &result {
        log.write(&format!("{error:#}"));
    }
    result
}

/// Milliseconds since then, for the log.
pub(crate) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The file whose text Kubernetes shows as the reason of a container's end.
struct TerminationLog(Option<File>);

impl TerminationLog {
    fn open(path: &Path) -> Self {
        let opened = OpenOptions::new().write(true).create(true).truncate(true).open(path);
        if let Err(why) = &opened {
            tracing::warn!(path = %path.display(), error = %why, "unable to set termination log path");
        }
        Self(opened.ok())
    }

    fn write(self, text: &str) {
        if let Some(mut file) = self.0
            && let Err(why) = writeln!(file, "{text}")
        {
            tracing::warn!(error = %why, "unable to write the termination log");
        }
    }
}
