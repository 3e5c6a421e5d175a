//! Serving a catalog over gRPC. All servers end here, whatever they serve.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use opm_api::{ServeOptions, Server};
use opm_model::Query;
use opm_sqlite::{Catalog, Content, SchemaUpgrade};

use crate::Context;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// The port; 0 is any that is free.
    pub port: u16,
    /// Where the error that ends the server is written, for Kubernetes to show.
    pub termination_log: PathBuf,
    /// Whether a database with an old schema is refused instead of being upgraded in a private copy.
    pub skip_migrate: bool,
    /// After how many seconds the server stops by itself; `None` is never.
    pub timeout_seconds: Option<u16>,
}

/// Serves a database until the context is interrupted, or the time is up.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    let termination_log = TerminationLog::open(&options.termination_log);
    let result = serve(options, context).await;
    if let Err(error) = &result {
        termination_log.write(&format!("{error:#}"));
    }
    result
}

async fn serve(options: &Options, context: &Context) -> anyhow::Result<()> {
    let server = Server::bind(options.port).await?;
    let (database, port) = (options.database.display().to_string(), server.local_port());
    let private: Arc<OnceLock<PathBuf>> = Arc::default();
    let load = {
        let (options, private) = (options.clone(), Arc::clone(&private));
        move || {
            let upgrade = if options.skip_migrate { SchemaUpgrade::Refuse } else { SchemaUpgrade::Copy };
            let catalog = Catalog::open(&options.database, Content::UnlessImage, upgrade)?;
            private.get_or_init(|| catalog.private_dir().to_owned());
            tracing::info!(database, port, "serving registry");
            Ok(catalog)
        }
    };
    let timeout = options.timeout_seconds.map(|s| Duration::from_secs(s.into()));
    let result = listen(server, load, timeout, context).await;
    if let Some(dir) = private.get() {
        // Answers that were cut off may hold the catalog a little longer, but the process ends now.
        let _gone = std::fs::remove_dir_all(dir);
    }
    result
}

/// Serves what `load` opens until the context is interrupted, or `timeout` is over. Clients are heard at once; they wait until
/// the catalog is there.
pub async fn listen<Q: Query>(
    server: Server,
    load: impl FnOnce() -> anyhow::Result<Q> + Send + 'static,
    timeout: Option<Duration>,
    context: &Context,
) -> anyhow::Result<()> {
    let catalog = async {
        let loaded = tokio::task::spawn_blocking(load).await.context("opening the catalog ended abnormally")??;
        anyhow::Ok(Arc::new(loaded) as Arc<dyn Query>)
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
    server.run(catalog, shutdown, ServeOptions::default()).await
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
