//! The methods of `api.Registry`: which message asks what.

use bytes::Bytes;
use http_body::Body;
use opm_model::{BundleKey, Gvk, Query, QueryError, Stop};
use prost::Message;
use tonic::Status;

use crate::answer::{Content, Encoder};
use crate::ask::{Asker, Reach, Topic};
use crate::calls::Call;
use crate::listing::Listing;
use crate::request::{Head, message};
use crate::{proto, to_proto};

pub(crate) const NAME: &str = "api.Registry";

/// One question: what was asked, and whom to ask.
pub(crate) struct Question<'a, B> {
    pub(crate) asker: &'a Asker,
    pub(crate) call: &'a Call,
    pub(crate) method: &'a str,
    pub(crate) head: Head,
    pub(crate) body: B,
}

impl<B: Body<Data = Bytes> + Unpin> Question<'_, B> {
    /// Answers the question.
    pub(crate) async fn answer(self) -> Result<Content, Status> {
        match self.method {
            "ListPackages" => {
                self.ask(Topic::Graph, Reach::Lookup, |q, _: &proto::ListPackageRequest, stop, out| {
                    out.all(q.list_packages(stop)?.into_iter().map(to_proto::package_name))
                })
                .await
            }
            "GetPackage" => {
                self.ask(Topic::Graph, Reach::Lookup, |q, m: &proto::GetPackageRequest, stop, out| {
                    out.one(to_proto::package(q.package(&m.name, stop)?))
                })
                .await
            }
            "GetBundle" => {
                self.ask(Topic::Content, Reach::Lookup, |q, m: &proto::GetBundleRequest, stop, out| {
                    out.bundle(q.bundle(&key(&m.pkg_name, &m.channel_name, &m.csv_name), stop)?)
                })
                .await
            }
            "GetBundleForChannel" => {
                self.ask(Topic::Content, Reach::Lookup, |q, m: &proto::GetBundleInChannelRequest, stop, out| {
                    out.bundle(q.channel_head(&m.pkg_name, &m.channel_name, stop)?)
                })
                .await
            }
            "GetBundleThatReplaces" => {
                self.ask(Topic::Content, Reach::Lookup, |q, m: &proto::GetReplacementRequest, stop, out| {
                    let key = key(&m.pkg_name, &m.channel_name, &m.csv_name);
                    out.bundle(q.bundle_that_replaces(&key, stop)?)
                })
                .await
            }
            "GetChannelEntriesThatReplace" => {
                self.ask(Topic::Graph, Reach::Scan, |q, m: &proto::GetAllReplacementsRequest, stop, out| {
                    out.all(q.entries_that_replace(&m.csv_name, stop)?.into_iter().map(to_proto::entry))
                })
                .await
            }
            "GetChannelEntriesThatProvide" => {
                self.ask(Topic::Graph, Reach::Scan, |q, m: &proto::GetAllProvidersRequest, stop, out| {
                    let api = Gvk::new(&m.group, &m.version, &m.kind);
                    out.all(q.entries_that_provide(&api, stop)?.into_iter().map(to_proto::entry))
                })
                .await
            }
            "GetLatestChannelEntriesThatProvide" => {
                self.ask(Topic::Graph, Reach::Scan, |q, m: &proto::GetLatestProvidersRequest, stop, out| {
                    let api = Gvk::new(&m.group, &m.version, &m.kind);
                    out.all(q.latest_entries_that_provide(&api, stop)?.into_iter().map(to_proto::entry))
                })
                .await
            }
            "GetDefaultBundleThatProvides" => {
                self.ask(Topic::Content, Reach::Scan, |q, m: &proto::GetDefaultProviderRequest, stop, out| {
                    let api = Gvk::new(&m.group, &m.version, &m.kind);
                    out.bundle(q.default_bundle_that_provides(&api, stop)?)
                })
                .await
            }
            "ListBundles" => self.list_bundles().await,
            other => Err(unknown_method(NAME, other)),
        }
    }

    async fn ask<M: Message + Default + 'static>(
        self,
        topic: Topic,
        reach: Reach,
        question: fn(&dyn Query, &M, &Stop, Encoder) -> Result<Bytes, QueryError>,
    ) -> Result<Content, Status> {
        let Self { asker, call, head, body, .. } = self;
        let (m, _room) = message(body, head, call).await?;
        let out = Encoder { gzip: head.gzip };
        asker.one(topic, reach, call, head.deadline, m, move |q, m, stop| question(q, m, stop, out)).await
    }

    async fn list_bundles(self) -> Result<Content, Status> {
        let (proto::ListBundlesRequest {}, _room) = message(self.body, self.head, self.call).await?;
        Listing::begin(self.asker, self.call, self.head, opm_model::Query::list_bundles, |bundles, out| {
            out.buffers(bundles.into_iter().map(to_proto::bundle))
        })
        .await
    }
}

fn key<'a>(package: &'a str, channel: &'a str, csv_name: &'a str) -> BundleKey<'a> {
    BundleKey { package, channel, csv_name }
}

pub(crate) fn unknown_method(service: &str, method: &str) -> Status {
    Status::unimplemented(format!("unknown method {method} for service {service}"))
}
