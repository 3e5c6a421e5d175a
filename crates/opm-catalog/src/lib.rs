//! File-based catalogs of operators (FBC): read from files, checked, written, drawn, and made from templates or from the
//! listing of another catalog.
//!
//! A catalog is a heap of blobs, YAML or JSON documents with a `schema`. [`load`] reads a directory of them, [`write()`]
//! writes them in one order and one form, byte for byte as the reference (operator-registry v1.73.0) does.
//!
//! Large catalogs do not fit memory: an [`Index`] holds one as text in a temporary file, and reads, checks and writes it a
//! piece at a time.
//!
//! This crate reads the files of catalogs and nothing else: beside that temporary file it never writes one, and it never
//! prints, pulls an image or opens a database. What it makes are values and text.
//!
//! ```no_run
//! use opm_catalog::{Format, load, validate, write};
//!
//! let catalog = load("configs")?;
//! validate(&catalog).into_result()?;
//! write(&catalog, Format::Yaml, &mut std::io::stdout().lock())?;
//! # Ok::<(), opm_catalog::Error>(())
//! ```

mod blob;
mod bundle;
mod convert;
mod csv;
mod csv_metadata;
mod decode;
mod dockerfile;
pub mod edit;
mod encode;
mod error;
mod fields;
mod graph;
mod ignore;
mod index;
mod init;
mod layout;
mod list;
mod listing;
mod load;
mod media_type;
mod migrate;
mod objects;
mod origin;
pub mod pack;
mod properties;
mod pull_spec;
mod range;
mod raw;
mod settle;
mod spool;
mod template;
mod validate;
mod walk;
mod write;

#[cfg(test)]
mod tests;

pub use blob::{
    Blob, Bundle, Catalog, Channel, ChannelEntry, Deprecation, DeprecationEntry, Icon, Meta, Package, RelatedImage,
    property_type, schema,
};
pub use bundle::{BundleSource, bundle_blob};
pub use convert::convert_template;
pub use dockerfile::{DEFAULT_SERVER_IMAGE, Dockerfile};
pub use error::Error;
pub use graph::{Graph, GraphOptions, graph};
pub use index::{Index, Purpose};
pub use init::init;
pub use layout::LayoutFile;
pub use list::{Table, list_bundles, list_channels, list_packages};
pub use listing::Listing;
pub use load::{load, parse};
pub use migrate::{Level, migrate};
pub use opm_model::Property;
pub use origin::Origin;
pub use range::Range;
pub use template::{RenderError, Template, TemplateKind};
pub use validate::{Finding, Report, Rule, check_model, validate};
pub use walk::files;
pub use write::{Format, to_text, write};
