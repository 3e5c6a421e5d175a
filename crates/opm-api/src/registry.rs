//! The methods of `api.Registry`: which message asks what.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http_body::Body;
use opm_model::{BundleKey, Cursor, Gvk, Query, QueryError, Stop};
use prost::Message;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use crate::answer::{Answer, Encoder};
use crate::ask::{Asker, Reach, by};
use crate::request::{Head, message};
use crate::{proto, to_proto};

pub(crate) const NAME: &str = "api.Registry";

/// One call: what was asked, and whom to ask.
pub(crate) struct Call<'a, B> {
    pub(crate) asker: &'a Asker,
    pub(crate) method: &'a str,
    pub(crate) head: Head,
    pub(crate) body: B,
}

impl<B: Body<Data = Bytes> + Unpin> Call<'_, B> {
    /// Answers the call.
    pub(crate) async fn answer(self) -> Result<Answer, Status> {
        match self.method {
            "ListPackages" => {
                self.lookup(|q, _: proto::ListPackageRequest, stop, out| {
                    out.all(q.list_packages(stop)?.into_iter().map(to_proto::package_name))
                })
                .await
            }
            "GetPackage" => {
                self.lookup(|q, m: proto::GetPackageRequest, stop, out| {
                    out.one(to_proto::package(q.package(&m.name, stop)?))
                })
                .await
            }
            "GetBundle" => {
                self.lookup(|q, m: proto::GetBundleRequest, stop, out| {
                    out.one(to_proto::bundle(q.bundle(&key(&m.pkg_name, &m.channel_name, &m.csv_name), stop)?))
                })
                .await
            }
            "GetBundleForChannel" => {
                self.lookup(|q, m: proto::GetBundleInChannelRequest, stop, out| {
                    out.one(to_proto::bundle(q.channel_head(&m.pkg_name, &m.channel_name, stop)?))
                })
                .await
            }
            "GetBundleThatReplaces" => {
                self.lookup(|q, m: proto::GetReplacementRequest, stop, out| {
                    let key = key(&m.pkg_name, &m.channel_name, &m.csv_name);
                    out.one(to_proto::bundle(q.bundle_that_replaces(&key, stop)?))
                })
                .await
            }
            "GetChannelEntriesThatReplace" => {
                self.scan(|q, m: proto::GetAllReplacementsRequest, stop, out| {
                    out.all(q.entries_that_replace(&m.csv_name, stop)?.into_iter().map(to_proto::entry))
                })
                .await
            }
            "GetChannelEntriesThatProvide" => {
                self.scan(|q, m: proto::GetAllProvidersRequest, stop, out| {
                    let api = Gvk::new(m.group, m.version, m.kind);
                    out.all(q.entries_that_provide(&api, stop)?.into_iter().map(to_proto::entry))
                })
                .await
            }
            "GetLatestChannelEntriesThatProvide" => {
                self.scan(|q, m: proto::GetLatestProvidersRequest, stop, out| {
                    let api = Gvk::new(m.group, m.version, m.kind);
                    out.all(q.latest_entries_that_provide(&api, stop)?.into_iter().map(to_proto::entry))
                })
                .await
            }
            "GetDefaultBundleThatProvides" => {
                self.scan(|q, m: proto::GetDefaultProviderRequest, stop, out| {
                    let api = Gvk::new(m.group, m.version, m.kind);
                    out.one(to_proto::bundle(q.default_bundle_that_provides(&api, stop)?))
                })
                .await
            }
            "ListBundles" => self.list_bundles().await,
            other => Err(unknown_method(NAME, other)),
        }
    }

    async fn lookup<M: Message + Default + 'static>(
        self,
        question: impl FnOnce(&dyn Query, M, &Stop, Encoder) -> Result<Bytes, QueryError> + Send + 'static,
    ) -> Result<Answer, Status> {
        self.ask(Reach::Lookup, question).await
    }

    async fn scan<M: Message + Default + 'static>(
        self,
        question: impl FnOnce(&dyn Query, M, &Stop, Encoder) -> Result<Bytes, QueryError> + Send + 'static,
    ) -> Result<Answer, Status> {
        self.ask(Reach::Scan, question).await
    }

    async fn ask<M: Message + Default + 'static>(
        self,
        reach: Reach,
        question: impl FnOnce(&dyn Query, M, &Stop, Encoder) -> Result<Bytes, QueryError> + Send + 'static,
    ) -> Result<Answer, Status> {
        let Head { deadline, gzip } = self.head;
        let m = message(self.body, self.head).await?;
        let catalog = self.asker.cell.catalog().await?;
        let question = move |q: &dyn Query, stop: &Stop| question(q, m, stop, Encoder { gzip });
        self.asker.ask(reach, catalog, deadline, question).await.map(Answer::One)
    }

    async fn list_bundles(self) -> Result<Answer, Status> {
        let _: proto::ListBundlesRequest = message(self.body, self.head).await?;
        let listing = Listing {
            catalog: self.asker.cell.catalog().await?,
            _permit: self.asker.listing().await?,
            asker: self.asker.clone(),
            head: self.head,
            ready: Vec::new(),
            next: Some(Cursor::default()),
        };
        Ok(Answer::Many(Box::pin(try_unfold(listing, Listing::step))))
    }
}

fn key<'a>(package: &'a str, channel: &'a str, csv_name: &'a str) -> BundleKey<'a> {
    BundleKey { package, channel, csv_name }
}

pub(crate) fn unknown_method(service: &str, method: &str) -> Status {
    Status::unimplemented(format!("unknown method {method} for service {service}"))
}

/// A listing under way. The connection pulls: the next page is asked for when the last buffer of the one before is taken.
struct Listing {
    asker: Asker,
    catalog: Arc<dyn Query>,
    head: Head,
    /// What is left of the page, in reverse order.
    ready: Vec<Bytes>,
    next: Option<Cursor>,
    _permit: OwnedSemaphorePermit,
}

impl Listing {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, Status> {
        let Head { deadline, gzip } = self.head;
        loop {
            if let Some(buffer) = self.ready.pop() {
                return Ok(Some((buffer, self)));
            }
            let Some(from) = self.next.take() else { return Ok(None) };
            let page = self.asker.ask(Reach::Scan, Arc::clone(&self.catalog), deadline, move |q, stop| {
                let page = q.list_bundles(from, stop)?;
                let bundles = page.items.into_iter().map(to_proto::bundle);
                Ok((Encoder { gzip }.buffers(bundles)?, page.next))
            });
            (self.ready, self.next) = by(deadline, page).await?;
        }
    }
}
