//! Clusters for tests: an API server in this process, and, where somebody names one, a real one.

mod answer;
mod serve;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use tempfile::TempDir;

pub use serve::FakeCluster;
pub use state::{Action, Verb};

use crate::{Access, Cluster, Content, Patience, Place};

/// The variable that names the kubeconfig of a real cluster, in whose namespace `default` tests may make ConfigMaps.
const REAL: &str = "KUBECONFIG_TEST";
const NAMESPACE: &str = "default";

/// A cluster that tests write to from outside of what they test.
#[derive(Debug)]
pub enum Bed {
    /// The one in this process.
    Fake(FakeCluster, TempDir),
    /// A real one, by its kubeconfig.
    Real(PathBuf),
}

impl Bed {
    /// The clusters there are to test with: always the one in this process, and the one of `$KUBECONFIG_TEST`.
    pub fn all() -> Vec<Self> {
        let mut beds = vec![Self::Fake(FakeCluster::start(), tempfile::tempdir().unwrap())];
        beds.extend(std::env::var_os(REAL).map(|path| Self::Real(path.into())));
        beds
    }

    /// A kubeconfig for the cluster.
    pub fn kubeconfig(&self) -> PathBuf {
        match self {
            Self::Fake(cluster, dir) => cluster.kubeconfig(dir.path()),
            Self::Real(path) => path.clone(),
        }
    }

    /// A place in the cluster that nobody else uses.
    pub fn place(&self, name: &str) -> Place {
        Place { namespace: NAMESPACE.to_owned(), name: format!("opm-test-{name}-{}", std::process::id()) }
    }

    /// Makes a ConfigMap, in the place of what is there.
    pub fn put(&self, place: &Place, content: &Content) {
        match self {
            Self::Fake(cluster, _) => cluster.put(place, content),
            Self::Real(path) => {
                let (place, content) = (place.clone(), content.clone());
                on_real(path, async move |cluster| {
                    let map: ConfigMap = serde_json::from_value(state::object(&place, &content)).unwrap();
                    let api: Api<ConfigMap> = cluster.api(&place);
                    if api.create(&PostParams::default(), &map).await.is_err() {
                        api.replace(&place.name, &PostParams::default(), &map).await.unwrap();
                    }
                });
            }
        }
    }

    /// What is at a place.
    pub fn get(&self, place: &Place) -> Content {
        match self {
            Self::Fake(cluster, _) => cluster.get(place),
            Self::Real(path) => {
                let place = place.clone();
                on_real(path, async move |cluster| cluster.get(&place).await.unwrap().content)
            }
        }
    }

    /// Deletes what is at a place.
    pub fn delete(&self, place: &Place) {
        match self {
            Self::Fake(cluster, _) => cluster.delete(place),
            Self::Real(path) => {
                let place = place.clone();
                on_real(path, async move |cluster| {
                    cluster.api(&place).delete(&place.name, &DeleteParams::default()).await.unwrap();
                });
            }
        }
    }
}

/// Does something with a real cluster, on a thread and in a runtime of its own.
fn on_real<T: Send>(path: &Path, deed: impl AsyncFnOnce(Cluster) -> T + Send) -> T {
    let run = || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let access = Access::by(Some(path), None, None);
            deed(Cluster::connect(&access, Patience::default()).await.unwrap()).await
        })
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// The content of a catalog, out of the three texts of its lists.
pub fn catalog(crds: &str, csvs: &str, packages: &str) -> Content {
    let data = [("customResourceDefinitions", crds), ("clusterServiceVersions", csvs), ("packages", packages)];
    let data: BTreeMap<_, _> = data.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
    Content { data, ..Content::default() }
}
