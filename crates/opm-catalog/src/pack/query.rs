//! The questions that a served catalog answers, whatever holds the bundles.

use opm_document::Value;
use opm_model::{Bundle, BundleKey, ChannelEntry, Cursor, Gvk, Package, Page, Query, QueryError, Reply, Stop};

use super::graph::{Graph, Missing, Place};
use super::{Counts, Error};

/// What holds the bundles of a catalog whose graph is in memory.
pub trait Store: Send + Sync + 'static {
    /// The bundle at a place, with all its content, but neither `replaces` nor `skips`.
    fn bundle(&self, graph: &Graph, place: Place, stop: &Stop) -> Result<Reply<Bundle>, Error>;

    /// See [`Query::list_bundles`].
    fn list(&self, graph: &Graph, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, Error>;

    /// See [`Query::list_blobs`].
    fn blobs(&self, schema: &str, package: &str, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Value>>>, Error>;
}

/// A catalog that is served: its graph, and what holds its bundles.
#[derive(Debug)]
pub struct Served<S> {
    pub(super) graph: Graph,
    pub(super) store: S,
}

impl From<Error> for QueryError {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Stopped) { Self::Stopped } else { Self::Store(Box::new(error)) }
    }
}

impl From<Missing> for QueryError {
    fn from(missing: Missing) -> Self {
        Self::Store(Box::new(missing))
    }
}

impl<S> Served<S> {
    /// How much there is in the catalog.
    pub fn counts(&self) -> Counts {
        self.graph.counts()
    }
}

impl<S: Store> Served<S> {
    fn at(&self, place: Place, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        Ok(self.store.bundle(&self.graph, place, stop)?)
    }
}

impl<S: Store> Query for Served<S> {
    fn list_packages(&self, _: &Stop) -> Result<Vec<String>, QueryError> {
        Ok(self.graph.package_names())
    }

    fn package(&self, name: &str, _: &Stop) -> Result<Package, QueryError> {
        Ok(self.graph.package(name)?)
    }

    fn bundle(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.at(self.graph.place(key.package, key.channel, key.csv_name)?, stop)
    }

    fn channel_head(&self, package: &str, channel: &str, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.at(self.graph.head(package, channel)?, stop)
    }

    fn entries_that_replace(&self, csv_name: &str, _: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        let entries = self.graph.entries_that_replace(csv_name);
        if entries.is_empty() { Err(QueryError::NothingReplaces(csv_name.to_owned())) } else { Ok(entries) }
    }

    fn bundle_that_replaces(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        let place = self.graph.replacement(key.package, key.channel, key.csv_name).map_err(|missing| match missing {
            // This question alone names the package without quotes.
            Missing::Package(name) => QueryError::NoPackage(name),
            missing => missing.into(),
        });
        self.at(place?, stop)
    }

    fn entries_that_provide(&self, api: &Gvk, _: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        Ok(self.graph.entries_that_provide(api)?)
    }

    fn latest_entries_that_provide(&self, api: &Gvk, _: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        Ok(self.graph.latest_entries_that_provide(api)?)
    }

    fn default_bundle_that_provides(&self, api: &Gvk, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.at(self.graph.default_that_provides(api)?, stop)
    }

    fn has_graph_in_memory(&self) -> bool {
        true
    }

    fn list_bundles(&self, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, QueryError> {
        Ok(self.store.list(&self.graph, from, stop)?)
    }

    fn list_blobs(
        &self,
        schema: &str,
        package: &str,
        from: Cursor,
        stop: &Stop,
    ) -> Result<Page<Reply<Vec<Value>>>, QueryError> {
        Ok(self.store.blobs(schema, package, from, stop)?)
    }
}
