//! Extracting a bundle into a ConfigMap.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use opm_configmap::{Access, Cluster, Patience, Place, StoreOptions, store};

use super::files;
use crate::Context;

/// Which bundle to extract, and to where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory with `manifests/` and `metadata/`.
    pub manifests: PathBuf,
    /// The name of the ConfigMap, which must be there.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The kubeconfig, where `variable` names none; without either the service account of the pod is used.
    pub kubeconfig: Option<PathBuf>,
    /// The value of `$KUBECONFIG`.
    pub variable: Option<OsString>,
    /// The context of the kubeconfig, if not the current one.
    pub context: Option<String>,
    /// The most bytes that all files may have together, as they are stored.
    pub limit: u64,
    /// Whether to compress the files.
    pub gzip: bool,
    /// The image that the bundle comes from; empty where it is not known.
    pub image: String,
}

/// Replaces what the ConfigMap holds by the bundle. Everything is stored, or nothing.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    let place = Place { namespace: options.namespace.clone(), name: options.name.clone() };
    let work = async {
        let root = options.manifests.clone();
        let files = tokio::task::spawn_blocking(move || files::bundle(&root)).await??;
        for (dir, found) in [("manifests", &files.manifests), ("metadata", &files.metadata)] {
            ensure!(found.is_some(), "{} is not a directory", options.manifests.join(dir).display());
        }
        let store_options = StoreOptions { limit: options.limit, gzip: options.gzip, image: options.image.clone() };
        let stored = store(&files, &store_options).with_context(|| options.manifests.display().to_string())?;
        let variable = options.variable.as_deref().filter(|list| !list.is_empty());
        let file = options.kubeconfig.as_deref().filter(|_| variable.is_none());
        let access = Access::by(file, variable, options.context.clone());
        let cluster = Cluster::connect(&access, Patience::default()).await?;
        cluster.edit(&place, |content| stored.write_to(content)).await?;
        tracing::info!(configMap = %place, files = stored.files(), "the bundle is stored");
        Ok(())
    };
    context.unless_interrupted(work).await.context("error loading manifests from directory")
}
