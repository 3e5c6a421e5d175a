//! Serving a database.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use opm_api::{Facts, ServeOptions};
use opm_model::Query;
use opm_sqlite::{Catalog, Content, SchemaUpgrade};

use crate::Context;
pub use crate::serve::listen::ListenOptions;
use crate::serve::listen::{Listener, Loaded, listen, milliseconds, with_termination_log};

/// What to serve, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// Where to be heard.
    pub listen: ListenOptions,
    /// Whether a database with an old schema is refused instead of being upgraded in a private copy.
    pub skip_migrate: bool,
    /// After how many seconds the server stops by itself; `None` is never.
    pub timeout_seconds: Option<u16>,
}

/// Serves a database until the context is interrupted, or the time is up.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    with_termination_log(&options.listen.termination_log, serve(options, context)).await
}

async fn serve(options: &Options, context: &Context) -> anyhow::Result<()> {
    let listener = Listener::open(&options.listen).await?;
    let (database, port) = (options.database.display().to_string(), listener.port());
    let private: Arc<OnceLock<PathBuf>> = Arc::default();
    let load = {
        let (options, private, stop) = (options.clone(), Arc::clone(&private), context.stop().clone());
        move || {
            let begin = Instant::now();
            let upgrade = if options.skip_migrate { SchemaUpgrade::Refuse } else { SchemaUpgrade::Copy };
            let catalog = Catalog::open(&options.database, Content::UnlessImage, upgrade)?;
            private.get_or_init(|| catalog.private_dir().to_owned());
            let packages = catalog.list_packages(&stop)?.len();
            tracing::info!(database, ms = milliseconds(begin), packages, port, "serving registry");
            let facts =
                Facts { packages: Some(packages as u64), seconds: begin.elapsed().as_secs_f64(), ..Facts::default() };
            Ok(Loaded { catalog: Arc::new(catalog), facts })
        }
    };
    let timeout = options.timeout_seconds.map(|s| Duration::from_secs(s.into()));
    let result = listen(listener, load, timeout, ServeOptions::default(), context).await;
    if let Some(dir) = private.get() {
        // Answers that were cut off may hold the catalog a little longer, but the process ends now.
        let _gone = std::fs::remove_dir_all(dir);
    }
    result
}
