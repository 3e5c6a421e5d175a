//! The questions that a catalog answers, in the words of the `api.Registry` service but free of its encoding.

use opm_document::Value;

use crate::{Dependency, Gvk, Property, Stop};

/// A package with its channels, as `GetPackage` answers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// The package's name.
    pub name: String,
    /// The name of the default channel; empty where the catalog has none.
    pub default_channel: String,
    /// The channels, by name.
    pub channels: Vec<Channel>,
    /// Why nobody should install this package any more.
    pub deprecation: Option<String>,
}

/// A channel and the bundle at its head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// The channel's name.
    pub name: String,
    /// The name of the CSV of its head.
    pub csv_name: String,
    /// Why nobody should subscribe to this channel any more.
    pub deprecation: Option<String>,
}

/// An edge of the upgrade graph: in this channel of this package, this bundle, which replaces that one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChannelEntry {
    /// The package's name.
    pub package: String,
    /// The channel's name.
    pub channel: String,
    /// The bundle's name (that of its CSV).
    pub bundle: String,
    /// The name of the bundle that it replaces or skips; empty where it is the end of the chain.
    pub replaces: String,
}

/// A bundle as a client sees it: one of its places (package and channel), with as much content as the question asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// The name of the CSV, which is the bundle's name.
    pub csv_name: String,
    /// The package's name.
    pub package: String,
    /// The channel's name.
    pub channel: String,
    /// The CSV as JSON; empty where the answer leaves content out.
    pub csv_json: String,
    /// Every manifest as JSON, the CSV among them; empty where the answer leaves content out.
    pub objects: Vec<String>,
    /// The reference of the bundle image; empty where the catalog holds the content itself.
    pub image: String,
    /// The APIs that the bundle provides.
    pub provided_apis: Vec<Gvk>,
    /// The APIs that the bundle requires.
    pub required_apis: Vec<Gvk>,
    /// The version; empty where the CSV has none.
    pub version: String,
    /// The range of versions that this bundle updates directly, as the CSV spells it.
    pub skip_range: String,
    /// What the bundle depends on.
    pub dependencies: Vec<Dependency>,
    /// The bundle's properties.
    pub properties: Vec<Property>,
    /// The bundle that this one replaces in its channel.
    pub replaces: String,
    /// The bundles that this one skips in its channel.
    pub skips: Vec<String>,
    /// Why nobody should install this bundle any more.
    pub deprecation: Option<String>,
}

/// The place of a bundle in a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleKey<'a> {
    /// The package's name.
    pub package: &'a str,
    /// The channel's name.
    pub channel: &'a str,
    /// The name of the CSV.
    pub csv_name: &'a str,
}

/// Where the next page of a listing begins. Its number means something to the store that gave it, and to nobody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// A part of a long listing, small enough to be held in memory many times over.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items of this part, in the order of the listing.
    pub items: T,
    /// Where the next part begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// What a store answers with.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply<T> {
    /// Values.
    Value(T),
    /// What a service made of the values earlier, and gave the store to keep: the bytes that it sends. To the store they
    /// mean nothing. Of a listing this is any piece of the stream of all its items, which need not end where an item ends.
    Encoded(Vec<u8>),
}

/// Why a question has no answer. The texts of all but the last two are part of the interface: clients match on them.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The catalog has no such package, or it has no channels.
    #[error("package {0} not found")]
    NoPackage(String),
    /// The channel has no such entry, or the entry has no bundle.
    #[error("no entry found for {package} {channel} {csv_name}")]
    NoEntry {
        /// The package asked for.
        package: String,
        /// The channel asked for.
        channel: String,
        /// The CSV asked for.
        csv_name: String,
    },
    /// There is no such channel, or nothing in it fits.
    #[error("no entry found for {package} {channel}")]
    NoChannelEntry {
        /// The package asked for.
        package: String,
        /// The channel asked for.
        channel: String,
    },
    /// Nothing replaces this bundle.
    #[error("no channel entries found that replace {0}")]
    NothingReplaces(String),
    /// No channel entry provides this API.
    #[error("no channel entries found that provide {} {} {}", .0.group, .0.version, .0.kind)]
    NothingProvides(Gvk),
    /// No default channel provides this API.
    #[error("no entry found that provides {} {} {}", .0.group, .0.version, .0.kind)]
    NoDefaultProvides(Gvk),
    /// The stored manifests of a bundle have no CSV among them.
    #[error("no csv in bundle")]
    NoCsv,
    /// The caller is gone, or its time is up.
    #[error("the request was stopped before it was answered")]
    Stopped,
    /// The store could not answer.
    #[error(transparent)]
    Store(Box<dyn std::error::Error + Send + Sync>),
}

/// The questions that a catalog answers.
///
/// Implementations may block for the time of some disk reads; callers decide on which thread. All of them look at `stop`
/// often enough for a request to end soon after it was asked to, with [`QueryError::Stopped`].
///
/// The service's order of results is part of each method.
pub trait Query: Send + Sync + 'static {
    /// The names of all packages, sorted by bytes.
    fn list_packages(&self, stop: &Stop) -> Result<Vec<String>, QueryError>;

    /// One package, its channels by name.
    fn package(&self, name: &str, stop: &Stop) -> Result<Package, QueryError>;

    /// One bundle with all its content, but neither `replaces` nor `skips`.
    fn bundle(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError>;

    /// The head of a channel: only `csv_name` and, where the store has it, `csv_json` as it is stored.
    fn channel_head(&self, package: &str, channel: &str, stop: &Stop) -> Result<Reply<Bundle>, QueryError>;

    /// Every entry that replaces or skips the bundle, once each, in the order of the catalog.
    fn entries_that_replace(&self, csv_name: &str, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError>;

    /// The first bundle of the channel that replaces or skips the one at `key`, with all its content.
    fn bundle_that_replaces(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError>;

    /// Every entry whose bundle provides the API (its plural is ignored), by package, then channel.
    fn entries_that_provide(&self, api: &Gvk, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError>;

    /// Of each channel the entry nearest to its head whose bundle provides the API, by package, then channel.
    fn latest_entries_that_provide(&self, api: &Gvk, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError>;

    /// Of the first package whose default channel provides the API, the bundle nearest to the head of that channel.
    fn default_bundle_that_provides(&self, api: &Gvk, stop: &Stop) -> Result<Reply<Bundle>, QueryError>;

    /// Whether this store answers from memory, at once, what is asked about its graph: all but bundles, listings of bundles and
    /// blobs. Otherwise every answer may have to wait for a disk, and callers keep such questions apart.
    fn has_graph_in_memory(&self) -> bool {
        false
    }

    /// All bundles at all their places, a page at a time: the first page begins at `Cursor::default()`. A page of values holds at
    /// least one bundle and at the most some hundred kilobytes beyond it; an encoded one some hundred kilobytes.
    fn list_bundles(&self, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, QueryError>;

    /// The blobs of this schema, none of the four known ones, that belong to the package (with an empty name: to none), in the
    /// order of the catalog, a page at a time. Only file-based catalogs have any.
    fn list_blobs(
        &self,
        schema: &str,
        package: &str,
        from: Cursor,
        stop: &Stop,
    ) -> Result<Page<Reply<Vec<Value>>>, QueryError> {
        let _: (&str, &str, Cursor, &Stop) = (schema, package, from, stop);
        Ok(Page { items: Reply::Value(Vec::new()), next: None })
    }
}
