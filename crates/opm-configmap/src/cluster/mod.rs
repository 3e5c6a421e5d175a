//! The way to a cluster: getting, replacing and watching ConfigMaps.

mod access;
mod error;
mod watch;

use std::time::Duration;

use futures_util::AsyncReadExt as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{GetParams, PostParams};
use kube::core::Request;
use kube::{Api, Client, Resource as _};

pub use access::Access;
use error::Asked;
pub use error::ClusterError;
pub use watch::Watch;

use crate::{Content, Place};

/// The most bytes that an answer may have. A ConfigMap has some megabytes, with all that JSON needs for it.
const LARGEST: u64 = 32 << 20;
/// How often an edit is begun anew because somebody else was faster.
const ATTEMPTS: u32 = 10;

/// How long a cluster is waited for.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How long for an answer.
    pub answer: Duration,
    /// How long after the first failure to watch, and after a watch that ended; after each further failure twice as long.
    pub first: Duration,
    /// How long after a failure at the most.
    pub longest: Duration,
    /// How long between looks at a ConfigMap that may be read, but not watched.
    pub poll: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { answer: seconds(30), first: Duration::from_millis(500), longest: seconds(30), poll: seconds(30) }
    }
}

/// A ConfigMap as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it holds.
    pub content: Content,
    /// What tells this state of it from others (`resourceVersion`).
    pub version: String,
}

/// A cluster, and the right to ask it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: String,
    patience: Patience,
}

impl Cluster {
    /// Prepares the way to a cluster; nothing is asked yet, but a program for credentials that the kubeconfig names may run.
    pub async fn connect(access: &Access, patience: Patience) -> Result<Self, ClusterError> {
        let config = access.config().await?;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let program = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone());
        let client =
            Client::try_from(config).map_err(|error| ClusterError::of_client(&error, program.as_deref(), &server))?;
        Ok(Self { client, server, patience })
    }

    /// The address of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The ConfigMap at a place.
    pub async fn get(&self, place: &Place) -> Result<Found, ClusterError> {
        let map = self.read(place).await?;
        let version = map.metadata.resource_version.clone().unwrap_or_default();
        Ok(Found { content: content(&map), version })
    }

    /// Changes the content of a ConfigMap, which must be there. Everything else about it stays. Where somebody else changes it at the
    /// same time, `edit` is applied anew to what they left.
    pub async fn edit(&self, place: &Place, edit: impl Fn(&mut Content)) -> Result<(), ClusterError> {
        for attempt in 0..ATTEMPTS {
            let mut map = self.read(place).await?;
            let mut changed = content(&map);
            edit(&mut changed);
            map.metadata.annotations = Some(changed.annotations).filter(|all| !all.is_empty());
            map.data = Some(changed.data).filter(|all| !all.is_empty());
            let binary = changed.binary_data.into_iter().map(|(key, bytes)| (key, ByteString(bytes)));
            map.binary_data = Some(binary.collect()).filter(|all: &std::collections::BTreeMap<_, _>| !all.is_empty());
            let replace = |request: Request| {
                let body = serde_json::to_vec(&map).map_err(kube::core::request::Error::SerializeBody)?;
                request.replace(&place.name, &PostParams::default(), body)
            };
            match self.ask(place, Asked::Update, replace).await {
                Err(ClusterError::Conflict { .. }) => {
                    tracing::debug!(%place, attempt, "changed by somebody else meanwhile, tried again");
                    tokio::time::sleep(self.patience.first * attempt / 10).await;
                }
                result => return result.map(drop),
            }
        }
        Err(ClusterError::Conflict { place: place.clone(), attempts: ATTEMPTS })
    }

    /// What becomes of a ConfigMap after the state with this version.
    pub fn watch(&self, place: &Place, version: String) -> Watch {
        Watch::new(self.clone(), place.clone(), version)
    }

    pub(crate) fn api(&self, place: &Place) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &place.namespace)
    }

    async fn read(&self, place: &Place) -> Result<ConfigMap, ClusterError> {
        self.ask(place, Asked::Get, |request| request.get(&place.name, &GetParams::default())).await
    }

    /// Puts a question to the cluster whose answer is a ConfigMap, and reads no more of it than one may have.
    async fn ask(
        &self,
        place: &Place,
        asked: Asked,
        question: impl FnOnce(Request) -> Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<ConfigMap, ClusterError> {
        let answer = async {
            let request = Request::new(ConfigMap::url_path(&(), Some(&place.namespace)));
            let body = self.client.request_stream(question(request).map_err(kube::Error::BuildRequest)?).await?;
            let mut text = Vec::new();
            body.take(LARGEST + 1).read_to_end(&mut text).await.map_err(kube::Error::ReadEvents)?;
            Ok(text)
        };
        let text = self.answer(place, asked, answer).await?;
        let read = if text.len() as u64 > LARGEST {
            Err(format!("it is longer than {LARGEST} bytes"))
        } else {
            serde_json::from_slice(&text).map_err(|error| error.to_string())
        };
        read.map_err(|why| ClusterError::Answer { server: self.server.clone(), why })
    }

    /// The answer to a question about a ConfigMap.
    async fn answer<T>(
        &self,
        place: &Place,
        asked: Asked,
        answer: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        match tokio::time::timeout(self.patience.answer, answer).await {
            Ok(answer) => answer.map_err(|error| ClusterError::of(error, asked, place, &self.server)),
            Err(_) => {
                Err(ClusterError::Timeout { server: self.server.clone(), seconds: self.patience.answer.as_secs() })
            }
        }
    }
}

fn content(map: &ConfigMap) -> Content {
    let binary = map.binary_data.iter().flatten().map(|(key, bytes)| (key.clone(), bytes.0.clone()));
    Content {
        annotations: map.metadata.annotations.clone().unwrap_or_default(),
        data: map.data.clone().unwrap_or_default(),
        binary_data: binary.collect(),
    }
}
