//! Serving a catalog that a ConfigMap holds.

mod store;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use opm_api::{Metrics, ServeOptions, Swap};
use opm_configmap::{Access, Cluster, Patience, Place, Watch};

use crate::Context;
pub use crate::serve::ListenOptions;
use crate::serve::listen::{Listener, listen, replace, with_termination_log};
use store::Store;

/// What to serve, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kubeconfig. Without one, what `variable` names is used, and then the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// The value of `$KUBECONFIG`.
    pub variable: Option<OsString>,
    /// The context of the kubeconfig, if not the current one.
    pub context: Option<String>,
    /// The name of the ConfigMap.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The database that is made of it. What it held before is replaced.
    pub database: PathBuf,
    /// Whether to serve what can be loaded where not everything can.
    pub permissive: bool,
    /// Whether to follow the ConfigMap's changes.
    pub watch: bool,
    /// Where to be heard.
    pub listen: ListenOptions,
}

/// Serves the catalog of a ConfigMap until the context is interrupted.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    with_termination_log(&options.listen.termination_log, serve(options, context)).await
}

async fn serve(options: &Options, context: &Context) -> anyhow::Result<()> {
    let place = Place { namespace: options.namespace.clone(), name: options.name.clone() };
    let access = Access::by(options.kubeconfig.as_deref(), options.variable.as_deref(), options.context.clone());
    let find = async {
        let cluster = Cluster::connect(&access, Patience::default()).await?;
        let found = cluster.get(&place).await.context("error getting configmap")?;
        Ok((cluster, found))
    };
    let (cluster, found) = context.unless_interrupted(find).await?;
    let listener = Listener::open(&options.listen).await?;
    let store = Arc::new(Store::new(options, place.clone(), listener.port(), context.stop().clone()));
    let (swap, metrics) = (listener.swap(), listener.metrics());
    let watch = options.watch.then(|| cluster.watch(&place, found.version.clone()));
    let load = {
        let store = Arc::clone(&store);
        move || store.load(&found)
    };
    let result = tokio::select! {
        result = listen(listener, load, None, ServeOptions::default(), context) => result,
        never = follow(watch, &store, &swap, &metrics) => match never {},
    };
    store.clean_up();
    result
}

/// Serves the ConfigMap as it becomes. What cannot be served leaves the last good state where it is.
async fn follow(watch: Option<Watch>, store: &Arc<Store>, swap: &Swap, metrics: &Metrics) -> Infallible {
    let Some(mut watch) = watch else { return std::future::pending().await };
    swap.ready().await;
    loop {
        let loaded = match watch.next().await {
            Ok(found) => {
                tracing::info!(resourceVersion = found.version, "the ConfigMap has changed");
                let store = Arc::clone(store);
                let loaded = tokio::task::spawn_blocking(move || store.load(&found)).await;
                loaded.context("reloading ended abnormally").and_then(|loaded| loaded)
            }
            Err(gone) => Err(gone.into()),
        };
        replace(loaded, swap, metrics);
    }
}
