//! What a new image is made of: one layer, and the configuration and manifest that take it in.
//!
//! The same input gives the same bytes, wherever, whenever and by whomever it is built. Nothing here talks to a registry.

mod config;
mod layer;
mod manifest;
#[cfg(test)]
mod tests;

pub use config::{Change, extend_config};
pub use layer::{Built, Contents};
pub use manifest::{Family, extend_manifest};

use crate::environment::Environment;
use crate::error::ErrorKind;

/// The one moment that a build knows, in seconds since 1970: [`Environment::source_date_epoch`], else 0.
///
/// # Errors
/// [`ErrorKind::Epoch`] when the variable is no such number, or beyond the year 9999.
pub fn epoch(environment: &Environment) -> Result<u64, ErrorKind> {
    const END: u64 = 253_402_300_800;
    let Some(value) = &environment.source_date_epoch else { return Ok(0) };
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds < END);
    number.ok_or_else(|| ErrorKind::Epoch(value.to_string_lossy().into_owned()))
}
