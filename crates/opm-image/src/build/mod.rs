//! What a new image is made of: one layer, and the configuration and manifest that take it in.
//!
//! The same input gives the same bytes, wherever, whenever and by whomever it is built.
//!
//! How it goes: `base` looks up what is built upon, one image or one for each of several platforms. `make` writes the layer,
//! once, to a temporary file, and makes configurations and manifests. `run` then gives all that to the outputs, one after the
//! other: `push` for registries, `layout` for what is on disk, which has OCI's media types whatever the base has (`convert`). A layer of the base is fetched only when an output lacks it.

mod base;
mod config;
mod convert;
mod copy;
mod layer;
mod made;
mod make;
mod manifest;
mod output;
mod pax;
mod plan;
mod run;
#[cfg(test)]
mod tests;

pub use config::{Change, extend_config};
pub(crate) use copy::Copy;
pub use layer::{Built, Contents};
pub(crate) use made::{AT_ONCE, Blob, Blobs, Document, Made, Origin};
pub(crate) use make::Stoppable;
pub use manifest::{Family, extend_manifest};
pub use output::Output;
pub use plan::Plan;

use std::ffi::OsStr;

use crate::environment::Environment;
use crate::error::ErrorKind;

/// The one moment that a build knows, in seconds since 1970: [`Environment::source_date_epoch`], else 0.
///
/// # Errors
/// [`ErrorKind::Epoch`] when the variable is no such number, or beyond the year 9999.
pub fn epoch(environment: &Environment) -> Result<u64, ErrorKind> {
    epoch_of(environment.source_date_epoch.as_deref())
}

fn epoch_of(value: Option<&OsStr>) -> Result<u64, ErrorKind> {
    const END: u64 = 253_402_300_800;
    let Some(value) = value else { return Ok(0) };
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds < END);
    number.ok_or_else(|| ErrorKind::Epoch(value.to_string_lossy().into_owned()))
}
