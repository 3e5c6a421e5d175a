//! Serving a file-based catalog.

pub(crate) mod listen;
mod profiles;
pub(crate) mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use opm_api::{Facts, Metrics, ServeOptions, Swap};
use opm_model::Stop;

use crate::Context;
pub use listen::ListenOptions;
use listen::{Listener, Loaded, listen, milliseconds, replace, with_termination_log};
use store::{Opened, Store, Trust};

/// What to serve, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The catalog: a directory, or a file.
    pub source: PathBuf,
    /// Where to be heard.
    pub listen: ListenOptions,
    /// The directory that keeps what is made of the catalog. Without one, it is kept in a temporary file of no name.
    pub cache_dir: Option<PathBuf>,
    /// Whether only to fill the cache.
    pub cache_only: bool,
    /// Whether a cache that does not belong to the catalog is an error, and not made anew. Where nothing is said, it is if
    /// there is a cache directory that is not only to be filled.
    pub cache_enforce_integrity: Option<bool>,
    /// Where clients that look for profiles are answered; nowhere if `None`.
    pub profiles_address: Option<String>,
}

/// Serves a catalog until the context is interrupted, or fills its cache.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    with_termination_log(&options.listen.termination_log, serve(options, context)).await
}

async fn serve(options: &Options, context: &Context) -> anyhow::Result<()> {
    let trust = match (&options.cache_dir, options.cache_enforce_integrity) {
        (None, Some(true)) => anyhow::bail!("--cache-dir must be specified with --cache-enforce-integrity"),
        (Some(_), enforce) if enforce.unwrap_or(!options.cache_only) => Trust::Enforce,
        _ => Trust::Rebuild,
    };
    let store = Arc::new(Store::new(options.source.clone(), options.cache_dir.clone()));
    if options.cache_only {
        let stop = context.stop().clone();
        let fill = tokio::task::spawn_blocking(move || store.open(trust, &stop));
        fill.await.context("filling the cache ended abnormally")??;
        return Ok(());
    }
    let listener = Listener::open(&options.listen).await?;
    let (port, swap, metrics) = (listener.port(), listener.swap(), listener.metrics());
    let load = {
        let (store, stop) = (Arc::clone(&store), context.stop().clone());
        move || load(&store, trust, port, &stop)
    };
    let serve_options = ServeOptions { experimental: true, ..ServeOptions::default() };
    tokio::select! {
        result = listen(listener, load, None, serve_options, context) => result,
        never = reload(&store, port, &swap, &metrics, context) => match never {},
        never = profiles::answer(options.profiles_address.as_deref(), &metrics) => match never {},
    }
}

/// Opens the store, and says what is served.
fn load(store: &Store, trust: Trust, port: u16, stop: &Stop) -> anyhow::Result<Loaded> {
    let begin = Instant::now();
    let Opened { catalog, digest, counts } = store.open(trust, stop)?;
    let facts = Facts {
        digest,
        packages: Some(counts.packages),
        bundles: Some(counts.places),
        seconds: begin.elapsed().as_secs_f64(),
    };
    tracing::info!(
        bundles = counts.bundles,
        cache = store.place(),
        configs = store.source(),
        digest = facts.digest,
        ms = milliseconds(begin),
        packages = counts.packages,
        port,
        "serving registry"
    );
    Ok(Loaded { catalog, facts })
}

/// Serves the catalog as it is now, whenever somebody wishes so. One that cannot be served leaves the last one where it is.
async fn reload(
    store: &Arc<Store>,
    port: u16,
    swap: &Swap,
    metrics: &Metrics,
    context: &Context,
) -> std::convert::Infallible {
    swap.ready().await;
    loop {
        context.reload_wanted().await;
        let (store, stop) = (Arc::clone(store), context.stop().clone());
        tracing::info!(configs = store.source(), "reloading the catalog");
        let loaded = tokio::task::spawn_blocking(move || load(&store, Trust::Rebuild, port, &stop)).await;
        let loaded = loaded.context("reloading ended abnormally").and_then(|loaded| loaded);
        replace(loaded, swap, metrics);
    }
}
