//! Asks a server, in the model's words.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use opm_model::{Bundle, BundleKey, ChannelEntry, Gvk, Package};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, IntoRequest, Request, Status, Streaming};

use crate::error::ClientError;
use crate::health_proto::health_check_response::ServingStatus;
use crate::health_proto::health_client::HealthClient;
use crate::health_proto::{HealthCheckRequest, HealthCheckResponse};
use crate::proto::registry_client::RegistryClient;
use crate::{from_proto, proto};

/// The longest message that is taken, in bytes. Bundles with all their manifests may have several megabytes.
const LARGEST: usize = 256 * 1024 * 1024;
/// How much of one answer, and of all, may be on its way, in bytes.
const WINDOW: u32 = 4 * 1024 * 1024;

/// How a client asks.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// How long to try to connect; as long as the system does if `None`.
    pub connect_timeout: Option<Duration>,
    /// How long to wait for each answer, of which a stream's end is part; for ever if `None`.
    pub deadline: Option<Duration>,
    /// What to send as `user-agent`, before the library's own name.
    pub user_agent: Option<String>,
}

/// What a server says of its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers questions.
    Serving,
    /// It is there, but does not answer yet, or no more.
    NotServing,
    /// It does not know the service asked for, or does not know.
    Unknown,
}

/// A connection to a server of `api.Registry`. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    registry: RegistryClient<Channel>,
    health: HealthClient<Channel>,
    address: String,
    deadline: Option<Duration>,
}

impl Client {
    /// Connects to `host:port`, in plain text.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        Self::connect_with(address, ClientOptions::default()).await
    }

    /// Connects to `host:port`, in plain text, with these options.
    pub async fn connect_with(address: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let bad = |_| ClientError::Address { address: address.to_owned() };
        let mut endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(bad)?
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        if let Some(limit) = options.connect_timeout {
            endpoint = endpoint.connect_timeout(limit);
        }
        if let Some(name) = options.user_agent {
            endpoint = endpoint.user_agent(name).map_err(bad)?;
        }
        let failed = |source| ClientError::Connect { address: address.to_owned(), source: Box::new(source) };
        let channel = endpoint.connect().await.map_err(failed)?;
        Ok(Self {
            registry: RegistryClient::new(channel.clone()).max_decoding_message_size(LARGEST),
            health: HealthClient::new(channel),
            address: address.to_owned(),
            deadline: options.deadline,
        })
    }

    /// The names of all packages.
    pub async fn list_packages(&self) -> Result<Vec<String>, ClientError> {
        let names = self.registry.clone().list_packages(self.request(proto::ListPackageRequest {})).await;
        self.collect("ListPackages", names, |message| message.name).await
    }

    /// One package with its channels.
    pub async fn package(&self, name: &str) -> Result<Package, ClientError> {
        let request = self.request(proto::GetPackageRequest { name: name.to_owned() });
        let answer = self.registry.clone().get_package(request).await;
        self.one("GetPackage", answer, from_proto::package)
    }

    /// One bundle with all its content.
    pub async fn bundle(&self, key: &BundleKey<'_>) -> Result<Bundle, ClientError> {
        let request = self.request(proto::GetBundleRequest {
            pkg_name: key.package.to_owned(),
            channel_name: key.channel.to_owned(),
            csv_name: key.csv_name.to_owned(),
        });
        let answer = self.registry.clone().get_bundle(request).await;
        self.one("GetBundle", answer, from_proto::bundle)
    }

    /// The head of a channel.
    pub async fn channel_head(&self, package: &str, channel: &str) -> Result<Bundle, ClientError> {
        let request = self.request(proto::GetBundleInChannelRequest {
            pkg_name: package.to_owned(),
            channel_name: channel.to_owned(),
        });
        #[expect(deprecated, reason = "deprecated for users of the service; this is the service's client")]
        let answer = self.registry.clone().get_bundle_for_channel(request).await;
        self.one("GetBundleForChannel", answer, from_proto::bundle)
    }

    /// The places of all bundles that replace or skip this one.
    pub async fn entries_that_replace(&self, csv_name: &str) -> Result<Vec<ChannelEntry>, ClientError> {
        let request = self.request(proto::GetAllReplacementsRequest { csv_name: csv_name.to_owned() });
        let entries = self.registry.clone().get_channel_entries_that_replace(request).await;
        self.collect("GetChannelEntriesThatReplace", entries, from_proto::entry).await
    }

    /// A bundle that replaces or skips the one at `key`.
    pub async fn bundle_that_replaces(&self, key: &BundleKey<'_>) -> Result<Bundle, ClientError> {
        let request = self.request(proto::GetReplacementRequest {
            csv_name: key.csv_name.to_owned(),
            pkg_name: key.package.to_owned(),
            channel_name: key.channel.to_owned(),
        });
        let answer = self.registry.clone().get_bundle_that_replaces(request).await;
        self.one("GetBundleThatReplaces", answer, from_proto::bundle)
    }

    /// The places of all bundles that provide this API.
    pub async fn entries_that_provide(&self, api: Gvk) -> Result<Vec<ChannelEntry>, ClientError> {
        let Gvk { group, version, kind, plural } = api;
        let request = self.request(proto::GetAllProvidersRequest { group, version, kind, plural });
        let entries = self.registry.clone().get_channel_entries_that_provide(request).await;
        self.collect("GetChannelEntriesThatProvide", entries, from_proto::entry).await
    }

    /// Of each channel the place nearest to its head of a bundle that provides this API.
    pub async fn latest_entries_that_provide(&self, api: Gvk) -> Result<Vec<ChannelEntry>, ClientError> {
        let Gvk { group, version, kind, plural } = api;
        let request = self.request(proto::GetLatestProvidersRequest { group, version, kind, plural });
        let entries = self.registry.clone().get_latest_channel_entries_that_provide(request).await;
        self.collect("GetLatestChannelEntriesThatProvide", entries, from_proto::entry).await
    }

    /// A bundle in a default channel that provides this API.
    pub async fn default_bundle_that_provides(&self, api: Gvk) -> Result<Bundle, ClientError> {
        let Gvk { group, version, kind, plural } = api;
        let request = self.request(proto::GetDefaultProviderRequest { group, version, kind, plural });
        let answer = self.registry.clone().get_default_bundle_that_provides(request).await;
        self.one("GetDefaultBundleThatProvides", answer, from_proto::bundle)
    }

    /// Every bundle at every place, as fast as the stream is read.
    pub async fn list_bundles(
        &self,
    ) -> Result<impl Stream<Item = Result<Bundle, ClientError>> + Send + Unpin + use<>, ClientError> {
        const METHOD: &str = "ListBundles";
        let bundles = self.registry.clone().list_bundles(self.request(proto::ListBundlesRequest {})).await;
        let bundles = bundles.map_err(|status| self.failed(METHOD, &status))?.into_inner();
        let client = self.clone();
        Ok(bundles.map(move |b| b.map(from_proto::bundle).map_err(|status| client.failed(METHOD, &status))))
    }

    /// The health of a service; of the server where its name is empty.
    pub async fn health(&self, service: &str) -> Result<Health, ClientError> {
        let request = self.request(HealthCheckRequest { service: service.to_owned() });
        let answer = self.health.clone().check(request).await;
        self.one("Check", answer, health)
    }

    /// The health of a service now, and again whenever it changes.
    pub async fn watch_health(
        &self,
        service: &str,
    ) -> Result<impl Stream<Item = Result<Health, ClientError>> + Send + Unpin + use<>, ClientError> {
        const METHOD: &str = "Watch";
        let request = self.request(HealthCheckRequest { service: service.to_owned() });
        let states = self.health.clone().watch(request).await;
        let states = states.map_err(|status| self.failed(METHOD, &status))?.into_inner();
        let client = self.clone();
        Ok(states.map(move |s| s.map(health).map_err(|status| client.failed(METHOD, &status))))
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = message.into_request();
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        request
    }

    fn one<M, T>(
        &self,
        method: &'static str,
        answer: Result<tonic::Response<M>, Status>,
        convert: impl FnOnce(M) -> T,
    ) -> Result<T, ClientError> {
        answer.map(|answer| convert(answer.into_inner())).map_err(|status| self.failed(method, &status))
    }

    async fn collect<M, T>(
        &self,
        method: &'static str,
        answer: Result<tonic::Response<Streaming<M>>, Status>,
        convert: impl FnMut(M) -> T,
    ) -> Result<Vec<T>, ClientError> {
        let collected = match answer {
            Ok(answer) => answer.into_inner().map_ok(convert).try_collect().await,
            Err(status) => Err(status),
        };
        collected.map_err(|status| self.failed(method, &status))
    }

    fn failed(&self, method: &'static str, status: &Status) -> ClientError {
        // The client keeps the deadline, too, and calls it a cancellation when it is faster than the server.
        let code = match status.code() {
            Code::Cancelled if self.deadline.is_some() && status.message() == "Timeout expired" => {
                Code::DeadlineExceeded
            }
            code => code,
        };
        ClientError::Call { method, address: self.address.clone(), code, message: status.message().to_owned() }
    }
}

fn health(response: HealthCheckResponse) -> Health {
    match response.status() {
        ServingStatus::Serving => Health::Serving,
        ServingStatus::NotServing => Health::NotServing,
        ServingStatus::Unknown | ServingStatus::ServiceUnknown => Health::Unknown,
    }
}
