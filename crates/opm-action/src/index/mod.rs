//! Editing the database of an index image, and writing what builds the next one.

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
