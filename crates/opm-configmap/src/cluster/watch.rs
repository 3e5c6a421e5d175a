//! What becomes of a ConfigMap.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{WatchEvent, WatchParams};
use kube::core::PartialObjectMeta;

use super::error::Asked;
use super::{Cluster, ClusterError, Found};
use crate::Place;

/// How long the cluster keeps a watch up, in seconds.
const LASTS: u32 = 240;
/// How long after that a watch that has not ended must be dead.
const DEAD: Duration = Duration::from_secs(LASTS as u64 + 15);

type Events = BoxStream<'static, Result<WatchEvent<PartialObjectMeta<ConfigMap>>, kube::Error>>;

/// A ConfigMap that is watched: see [`Cluster::watch`].
///
/// Only metadata are watched, and content is fetched where they tell of a change. An account that may read but not watch
/// looks again every now and then. While the cluster cannot be asked, the watch waits; the log says so once.
pub struct Watch {
    cluster: Cluster,
    place: Place,
    /// The version that was seen last; `None` where there was no ConfigMap.
    seen: Option<String>,
    /// Where the next watch begins; `None` if it must be looked first.
    resume: Option<String>,
    events: Option<Events>,
    /// How long to wait after the next failure; `None` while there is none.
    trouble: Option<Duration>,
    is_allowed: bool,
}

impl Watch {
    pub(super) fn new(cluster: Cluster, place: Place, version: String) -> Self {
        let resume = Some(version.clone());
        Self { cluster, place, seen: Some(version), resume, events: None, trouble: None, is_allowed: true }
    }

    /// The next state of the ConfigMap; waits for one. The error is always [`ClusterError::NotFound`], and says that it was deleted.
    pub async fn next(&mut self) -> Result<Found, ClusterError> {
        loop {
            let changed = match self.wait().await {
                Ok(()) => self.look().await,
                Err(error) => Err(error),
            };
            match changed {
                Ok(None) => {}
                Ok(Some(result)) => return result,
                Err(ClusterError::Gone(_)) => self.resume = None,
                Err(error) => self.suffer(&error).await,
            }
        }
    }

    /// Gets the ConfigMap. Answers what is new.
    async fn look(&mut self) -> Result<Option<Result<Found, ClusterError>>, ClusterError> {
        match self.cluster.get(&self.place).await {
            Ok(found) => {
                self.recover();
                self.resume.get_or_insert_with(|| found.version.clone());
                if self.seen.as_ref() == Some(&found.version) {
                    return Ok(None);
                }
                self.seen = Some(found.version.clone());
                Ok(Some(Ok(found)))
            }
            Err(error @ ClusterError::NotFound { .. }) => {
                self.recover();
                // A watch that begins nowhere begins with what is there.
                self.resume.get_or_insert_default();
                Ok(self.seen.take().map(|_| Err(error)))
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until there may be something new.
    async fn wait(&mut self) -> Result<(), ClusterError> {
        if !self.is_allowed {
            tokio::time::sleep(self.cluster.patience.poll).await;
            return Ok(());
        }
        loop {
            let Some(from) = self.resume.clone() else {
                self.events = None;
                return Ok(());
            };
            let events = if let Some(events) = &mut self.events {
                events
            } else {
                let events = self.begin(&from).await?;
                self.recover();
                self.events.insert(events)
            };
            let Ok(Some(event)) = tokio::time::timeout(DEAD, events.next()).await else {
                self.events = None;
                tokio::time::sleep(self.cluster.patience.first).await;
                continue;
            };
            let fault = |error| ClusterError::of(error, Asked::Watch, &self.place, &self.cluster.server);
            let object = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => object,
                Ok(WatchEvent::Bookmark(bookmark)) => {
                    self.resume = Some(bookmark.metadata.resource_version);
                    continue;
                }
                Ok(WatchEvent::Deleted(object)) => {
                    self.resume = object.metadata.resource_version;
                    return Ok(());
                }
                Ok(WatchEvent::Error(status)) => {
                    self.events = None;
                    return Err(fault(kube::Error::Api(status)));
                }
                Err(error) => {
                    self.events = None;
                    return Err(fault(error));
                }
            };
            let version = object.metadata.resource_version;
            self.resume.clone_from(&version);
            if version.is_none() || version != self.seen {
                return Ok(());
            }
        }
    }

    async fn begin(&self, from: &str) -> Result<Events, ClusterError> {
        let only = format!("metadata.name={}", self.place.name);
        let params = WatchParams::default().fields(&only).timeout(LASTS);
        let api = self.cluster.api(&self.place);
        let watch = api.watch_metadata(&params, from);
        self.cluster.answer(&self.place, Asked::Watch, watch).await.map(futures_util::StreamExt::boxed)
    }

    fn recover(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(configMap = %self.place, "the ConfigMap can be watched again");
        }
    }

    /// Waits after a failure.
    async fn suffer(&mut self, error: &ClusterError) {
        if let ClusterError::Forbidden { verb, .. } = error
            && verb == "watch"
        {
            let seconds = self.cluster.patience.poll.as_secs();
            tracing::info!(configMap = %self.place, %error, seconds, "the ConfigMap is looked at now and then instead");
            self.is_allowed = false;
            return;
        }
        let patience = &self.cluster.patience;
        let wait = self.trouble.unwrap_or(patience.first);
        if self.trouble.is_none() {
            tracing::warn!(configMap = %self.place, %error, "the ConfigMap cannot be watched, which is tried again");
        } else {
            tracing::debug!(configMap = %self.place, %error, "the ConfigMap still cannot be watched");
        }
        self.trouble = Some((wait * 2).min(patience.longest));
        tokio::time::sleep(wait).await;
        // It may be a state that the cluster cannot begin at; what there is now, it can.
        self.resume = None;
    }
}
