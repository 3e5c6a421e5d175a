//! One operator bundle in the registry+v1 format: the Kubernetes objects of its `manifests/`, what its `metadata/` say, and
//! what follows from them (version, images, APIs, properties, dependencies).
//!
//! Everything here turns bytes and values into values. Nothing reads files, pulls images or knows how catalogs are stored.
//!
//! ```
//! use opm_bundle::Bundle;
//! let csv = b"kind: ClusterServiceVersion\nmetadata: {name: demo.v1.0.0}\nspec: {version: 1.0.0}\n";
//! let annotations = b"annotations: {operators.operatorframework.io.bundle.package.v1: demo}\n";
//! let bundle = Bundle::from_files("reg.example/demo:1", [("csv.yaml", &csv[..])], [("annotations.yaml", &annotations[..])])?;
//! assert_eq!((bundle.name.as_str(), bundle.annotations.package.as_str()), ("demo.v1.0.0", "demo"));
//! # Ok::<(), opm_bundle::BundleError>(())
//! ```

mod annotations;
mod bundle;
mod check;
mod crd;
mod csv;
mod deployment;
mod error;
mod files;
mod generate;
mod media;
mod object;
mod plain;

pub use annotations::{Annotations, CHANNELS, DEFAULT_CHANNEL, MANIFESTS, MEDIA_TYPE, METADATA, Metadata, PACKAGE};
pub use bundle::{Bundle, check_owned_crds};
pub use check::{Categories, Finding, Report, Severity, Stage, Validators, check};
pub use csv::{Csv, PROPERTIES, SKIP_RANGE, SUBSTITUTES_FOR};
pub use error::BundleError;
pub use files::{File, Files};
pub use generate::{Labels, channels_of, differences};
pub use media::MediaType;
pub use object::{CSV_KIND, Object};
pub use plain::{Certificates, Chart, ConvertError, DeploymentConfig, Manifests, Plain, Serving, Sign, file_stem};

/// The items in their order, each at its first place only.
fn once<T: Ord + Clone>(items: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(item.clone())).collect()
}
