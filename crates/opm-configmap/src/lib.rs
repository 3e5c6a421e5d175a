//! Catalogs and bundles that Kubernetes keeps in ConfigMaps: what the strings in them mean, and the way to the cluster that has
//! them.
//!
//! Meaning and way are apart. [`Catalog`], [`bundle`] and [`store`] are pure: they turn the [`Content`] of a ConfigMap into
//! manifests and back. [`Cluster`] gets, replaces and watches ConfigMaps, and looks into none. Nothing here serves a catalog,
//! stores one in a database, or asks the cluster for anything but ConfigMaps.
//!
//! ```
//! use opm_configmap::{Catalog, Content};
//! let csv = "- kind: ClusterServiceVersion\n  metadata: {name: demo.v1.0.0}\n  spec: {version: 1.0.0}\n";
//! let package = "- packageName: demo\n  channels: [{name: stable, currentCSV: demo.v1.0.0}]\n";
//! let mut content = Content::default();
//! for (key, list) in [("customResourceDefinitions", "[]"), ("clusterServiceVersions", csv), ("packages", package)] {
//!     content.data.insert(key.to_owned(), list.to_owned());
//! }
//! let (catalog, faults) = Catalog::read(&content);
//! assert!(faults.is_empty());
//! assert_eq!((catalog.bundles[0].name.as_str(), catalog.packages[0].package.as_str()), ("demo.v1.0.0", "demo"));
//! ```

mod bundle;
mod catalog;
mod cluster;
mod content;
mod error;
mod gzip;
mod store;
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "for tests")]
pub mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests;
mod typed;

pub use bundle::bundle;
pub use catalog::Catalog;
pub use cluster::{Access, Cluster, ClusterError, Found, Patience, Watch};
pub use content::{CONTENT_ENCODING, Content, GZIP_BASE64, Place, SOURCE_IMAGE};
pub use error::ContentError;
pub use store::{StoreOptions, Stored, store};
