//! Making, checking, converting, unpacking and extracting bundles.

pub mod build;
pub mod convert;
pub mod extract;
mod files;
pub mod generate;
mod source;
mod staged;
pub mod unpack;
pub mod validate;

pub use opm_bundle::{Finding, Report, Severity};
