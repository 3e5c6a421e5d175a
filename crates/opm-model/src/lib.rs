//! The nouns of operator catalogs and their rules: versions, GVKs, properties, package manifests, upgrade graphs, the
//! rules of editing them ([`edit`]), and the questions that a catalog answers ([`Query`]).
//!
//! This crate does no I/O, spawns nothing, and knows neither SQLite nor gRPC nor Kubernetes: stores implement [`Query`], the
//! wire consumes it, and the two never meet.
//!
//! ```
//! use opm_model::Version;
//! let a = Version::parse("1.0.0")?;
//! let b = Version::parse("1.0.0+1")?;
//! assert!(a.cmp_precedence(&b).is_eq());
//! assert!(a.cmp_with_build(&b)?.is_lt());
//! # Ok::<(), opm_model::VersionError>(())
//! ```

mod causes;
pub mod edit;
mod gvk;
mod manifest;
mod property;
mod query;
mod stop;
mod version;

pub use causes::{distinct, with_causes};
pub use gvk::Gvk;
pub use manifest::{Candidate, ManifestChannel, ManifestError, PackageManifest};
pub use property::{Dependency, Property, property_type};
pub use query::{Bundle, BundleKey, Channel, ChannelEntry, Cursor, Package, Page, Query, QueryError, Reply};
pub use stop::Stop;
pub use version::{Version, VersionError};
