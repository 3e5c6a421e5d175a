//! The blobs that a catalog is made of.

use opm_model::Property;

use crate::Origin;

/// The schemas of the blobs that are understood.
pub mod schema {
    /// A package: [`super::Package`].
    pub const PACKAGE: &str = "olm.package";
    /// A channel of a package: [`super::Channel`].
    pub const CHANNEL: &str = "olm.channel";
    /// A bundle of a package: [`super::Bundle`].
    pub const BUNDLE: &str = "olm.bundle";
    /// What is deprecated in a package: [`super::Deprecation`].
    pub const DEPRECATIONS: &str = "olm.deprecations";
}

/// The types of properties that only file-based catalogs use, or that they treat specially.
pub mod property_type {
    pub use opm_model::property_type::*;
    /// A dependency on a package.
    pub const PACKAGE_REQUIRED: &str = "olm.package.required";
    /// A dependency on an API.
    pub const GVK_REQUIRED: &str = "olm.gvk.required";
    /// A manifest of the bundle, in base64.
    pub const BUNDLE_OBJECT: &str = "olm.bundle.object";
    /// What clients show of a bundle, taken from its CSV.
    pub const CSV_METADATA: &str = "olm.csv.metadata";
    /// A channel that the bundle is in; an older form.
    pub const CHANNEL: &str = "olm.channel";
}

/// A file-based catalog: all its blobs by schema, each kind in the order in which it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The blobs of schema `olm.package`.
    pub packages: Vec<Package>,
    /// The blobs of schema `olm.channel`.
    pub channels: Vec<Channel>,
    /// The blobs of schema `olm.bundle`.
    pub bundles: Vec<Bundle>,
    /// The blobs of schema `olm.deprecations`.
    pub deprecations: Vec<Deprecation>,
    /// The blobs of all other schemas.
    pub others: Vec<Meta>,
}

/// Any blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blob {
    /// A blob of schema `olm.package`.
    Package(Package),
    /// A blob of schema `olm.channel`.
    Channel(Channel),
    /// A blob of schema `olm.bundle`.
    Bundle(Bundle),
    /// A blob of schema `olm.deprecations`.
    Deprecation(Deprecation),
    /// A blob of any other schema.
    Other(Meta),
}

/// The kinds of blobs, in the order in which those of a package are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Package,
    Channel,
    Bundle,
    Other,
    Deprecation,
}

impl Catalog {
    /// Adds a blob at the end of its list.
    pub fn push(&mut self, blob: Blob) {
        match blob {
            Blob::Package(package) => self.packages.push(package),
            Blob::Channel(channel) => self.channels.push(channel),
            Blob::Bundle(bundle) => self.bundles.push(bundle),
            Blob::Deprecation(deprecation) => self.deprecations.push(deprecation),
            Blob::Other(meta) => self.others.push(meta),
        }
    }

    /// Adds all blobs of another catalog.
    pub fn append(&mut self, mut other: Self) {
        self.packages.append(&mut other.packages);
        self.channels.append(&mut other.channels);
        self.bundles.append(&mut other.bundles);
        self.deprecations.append(&mut other.deprecations);
        self.others.append(&mut other.others);
    }

    /// Copies of the blobs, by kind.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = Blob> {
        let packages = self.packages.iter().cloned().map(Blob::Package);
        let channels = self.channels.iter().cloned().map(Blob::Channel);
        let bundles = self.bundles.iter().cloned().map(Blob::Bundle);
        let deprecations = self.deprecations.iter().cloned().map(Blob::Deprecation);
        let others = self.others.iter().cloned().map(Blob::Other);
        packages.chain(channels).chain(bundles).chain(deprecations).chain(others)
    }

    /// Whether there are no blobs at all.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

impl FromIterator<Blob> for Catalog {
    fn from_iter<I: IntoIterator<Item = Blob>>(blobs: I) -> Self {
        let mut catalog = Self::default();
        blobs.into_iter().for_each(|blob| catalog.push(blob));
        catalog
    }
}

impl FromIterator<Self> for Catalog {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut catalog = Self::default();
        parts.into_iter().for_each(|part| catalog.append(part));
        catalog
    }
}

impl Blob {
    /// The name of the package that the blob belongs to; empty where it belongs to none.
    pub fn package(&self) -> &str {
        match self {
            Self::Package(package) => &package.name,
            Self::Channel(channel) => &channel.package,
            Self::Bundle(bundle) => &bundle.package,
            Self::Deprecation(deprecation) => &deprecation.package,
            Self::Other(meta) => &meta.package,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Package(_) => Kind::Package,
            Self::Channel(_) => Kind::Channel,
            Self::Bundle(_) => Kind::Bundle,
            Self::Deprecation(_) => Kind::Deprecation,
            Self::Other(_) => Kind::Other,
        }
    }

    pub(crate) fn origin(&self) -> &Origin {
        match self {
            Self::Package(package) => &package.origin,
            Self::Channel(channel) => &channel.origin,
            Self::Bundle(bundle) => &bundle.origin,
            Self::Deprecation(deprecation) => &deprecation.origin,
            Self::Other(meta) => &meta.origin,
        }
    }

    /// The name; empty where it has none.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Package(package) => &package.name,
            Self::Channel(channel) => &channel.name,
            Self::Bundle(bundle) => &bundle.name,
            Self::Deprecation(_) => "",
            Self::Other(meta) => &meta.name,
        }
    }

    /// The schema; empty unless it is none of those that are understood.
    pub(crate) fn other_schema(&self) -> &str {
        if let Self::Other(meta) = self { &meta.schema } else { "" }
    }
}

/// A package.
///
/// In the properties of all blobs an empty value means that there is none; any other value is JSON text without white
/// space between its tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The name of its default channel; empty where it has none, which is invalid.
    pub default_channel: String,
    /// Its icon.
    pub icon: Option<Icon>,
    /// What it is for, in Markdown; empty where it does not say.
    pub description: String,
    /// Its properties.
    pub properties: Vec<Property>,
    /// Where it was read.
    pub origin: Origin,
}

/// An image that stands for a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Icon {
    /// The bytes of the image; `None` where the blob has an icon without any.
    pub data: Option<Vec<u8>>,
    /// The media type, such as `image/svg+xml`.
    pub media_type: String,
}

/// A channel of a package: an upgrade graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// The name of its package.
    pub package: String,
    /// The nodes of the graph; `None` where the blob has no list of them, which is written as `null`.
    pub entries: Option<Vec<ChannelEntry>>,
    /// Its properties.
    pub properties: Vec<Property>,
    /// Where it was read.
    pub origin: Origin,
}

impl Channel {
    /// The nodes of the graph.
    pub fn entries(&self) -> &[ChannelEntry] {
        self.entries.as_deref().unwrap_or_default()
    }
}

/// A bundle's place in a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelEntry {
    /// The bundle's name.
    pub name: String,
    /// The name of the bundle that it replaces; empty where it replaces none.
    pub replaces: String,
    /// The names of the bundles that it skips.
    pub skips: Vec<String>,
    /// The versions that it updates directly; empty where there is no such range.
    pub skip_range: String,
}

/// A bundle of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Its name.
    pub name: String,
    /// The name of its package.
    pub package: String,
    /// The reference of its image; empty where the catalog holds its content.
    pub image: String,
    /// Its properties.
    pub properties: Vec<Property>,
    /// The images that it uses.
    pub related_images: Vec<RelatedImage>,
    /// Where it was read.
    pub origin: Origin,
}

/// An image that a bundle uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelatedImage {
    /// What it is called in the CSV; empty where it has no name there.
    pub name: String,
    /// The reference.
    pub image: String,
}

/// What is deprecated in a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deprecation {
    /// The name of the package.
    pub package: String,
    /// What is deprecated; `None` where the blob has no list, which is written as `null`.
    pub entries: Option<Vec<DeprecationEntry>>,
    /// Where it was read.
    pub origin: Origin,
}

impl Deprecation {
    /// What is deprecated.
    pub fn entries(&self) -> &[DeprecationEntry] {
        self.entries.as_deref().unwrap_or_default()
    }
}

/// One deprecated thing of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeprecationEntry {
    /// The schema of what is deprecated: that of a package, a channel or a bundle.
    pub schema: String,
    /// Its name; empty for the package.
    pub name: String,
    /// Why it is deprecated, and what to do.
    pub message: String,
}

/// A blob in its normal form, with the three fields that every schema may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Its schema.
    pub schema: String,
    /// The name of its package; empty where it belongs to none.
    pub package: String,
    /// Its name; empty where it has none.
    pub name: String,
    /// The whole blob: compact JSON, keys sorted bytewise, every number a double.
    pub json: String,
    /// Where it was read.
    pub origin: Origin,
}
