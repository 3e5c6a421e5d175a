//! Where the address of a cluster and the credentials for it come from.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::ClusterError;

/// How to get at a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// As a pod of it does.
    InCluster,
    /// As kubeconfig files say; the earlier win where several do.
    Kubeconfig {
        /// The files.
        files: Vec<PathBuf>,
        /// The context to use, if not the current one.
        context: Option<String>,
    },
}

impl Access {
    /// Access by the file, by the files in the value of `$KUBECONFIG` (separated by colons), or as a pod of the cluster: by the
    /// first of these that is given.
    pub fn by(file: Option<&Path>, variable: Option<&std::ffi::OsStr>, context: Option<String>) -> Self {
        let is_named = |path: &PathBuf| !path.as_os_str().is_empty();
        let of_variable = || variable.map(|list| std::env::split_paths(list).filter(is_named).collect());
        let files: Vec<PathBuf> = match file.filter(|file| !file.as_os_str().is_empty()) {
            Some(file) => vec![file.to_owned()],
            None => of_variable().unwrap_or_default(),
        };
        if files.is_empty() { Self::InCluster } else { Self::Kubeconfig { files, context } }
    }

    pub(super) async fn config(&self) -> Result<Config, ClusterError> {
        match self {
            Self::InCluster => {
                tracing::info!("Using in-cluster kube client config");
                Config::incluster().map_err(|error| ClusterError::InCluster { why: error.to_string() })
            }
            Self::Kubeconfig { files, context } => {
                let shown = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
                tracing::info!("Loading kube client config from path {shown:?}");
                let fault =
                    |error: KubeconfigError| ClusterError::Kubeconfig { files: shown.clone(), why: words(&error) };
                let mut merged = Kubeconfig::default();
                for file in files {
                    let next = Kubeconfig::read_from(file).map_err(|error| ClusterError::Kubeconfig {
                        files: file.display().to_string(),
                        why: words(&error),
                    })?;
                    merged = merged.merge(next).map_err(fault)?;
                }
                let options = KubeConfigOptions { context: context.clone(), cluster: None, user: None };
                Config::from_custom_kubeconfig(merged, &options).await.map_err(fault)
            }
        }
    }
}

/// What is wrong with a kubeconfig, in one line.
fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::CurrentContextNotSet => "it has no current-context; name one with --context".to_owned(),
        KubeconfigError::LoadContext(name) => format!("it has no context {name}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster {name}"),
        KubeconfigError::ReadConfig(why, _) => format!("it cannot be read: {why}"),
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
