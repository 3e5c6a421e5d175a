//! Editing an index, which is a database or a file-based catalog: building the image of the next one, exporting and mirroring it.

pub mod add;
pub mod build;
mod catalog_image;
pub mod deprecatetruncate;
pub mod export;
mod file_catalog;
pub mod mirror;
pub(crate) mod pipeline;
pub mod prune;
pub mod prune_stranded;
pub mod rm;

pub use pipeline::{DEFAULT_BINARY_IMAGE, Outcome, Product, Target};
