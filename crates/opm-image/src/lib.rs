//! One client for container images, wherever they are: in registries that speak the OCI distribution API, in OCI image layouts
//! and in what `docker save` writes.
//!
//! It looks images up (tags, digests, indexes of several platforms), finds credentials where podman and docker keep them,
//! unpacks layers into a directory that is safe to read, and builds new images upon those there are. Everything that comes
//! from outside is checked against its digest and size and held to [`Limits`]; what fails for a passing reason is tried again,
//! and what fails for good says what to do.
//!
//! It honours what the machine's users have settled for podman and its kin: `registries.conf` (mirrors, other locations, blocked
//! and insecure registries, short names) and `policy.json` (acceptance and rejection; what demands signatures is refused). It
//! keeps what it pulled when it is told to ([`Cache`]).
//!
//! The crate knows nothing of operators, and it never prints, reads the environment or changes the process: what it may know is
//! in an [`Environment`], what it has to say goes to a [`Progress`] and into an [`ImageError`].
//!
//! ```no_run
//! # async fn run() -> Result<(), opm_image::ImageError> {
//! use opm_image::{Client, Environment, Keep, Options, Silent, Source};
//!
//! let client = Client::new(Options::default(), Environment::from_process())?;
//! let source: Source = "quay.io/operatorhubio/etcd:v0.9.4".parse()?;
//! let image = client.resolve(&source, &Silent).await?;
//! println!("{} is {}", source, image.digest());
//!
//! let keep = Keep::under(["manifests", "metadata"]);
//! let files = client.unpack(&image, "./etcd".as_ref(), &keep, &Silent).await?;
//! let annotations = files.open("metadata/annotations.yaml");
//! # Ok(()) }
//! ```
//!
//! How bytes flow: [`Client::unpack`] reads a layer from its connection (`transport`, which resumes interrupted downloads) and
//! hands pieces through a bounded channel to a thread that digests, decompresses and applies them to a tree in memory (`unpack`),
//! with the content of files in a temporary directory. Only when every layer has proved genuine is the tree written.

pub mod build;
mod cache;
mod client;
mod credentials;
mod digest;
mod environment;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod image;
mod layout;
mod manifest;
pub mod mirror;
mod options;
mod platform;
mod policy;
mod progress;
mod push;
mod reference;
mod registries;
mod resolve;
mod settings;
mod source;
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a helper of tests, where a panic is the report")]
pub mod testing;
#[cfg(test)]
mod tests;
mod transport;
mod unpack;

pub use client::Client;
pub use digest::{BadDigest, Digest};
pub use environment::Environment;
pub use error::{ErrorKind, ImageError};
pub use image::{Image, Layer};
pub use options::{Cache, Limits, Options, Pace, Retries, Tls};
pub use platform::Platform;
pub use progress::{Event, Progress, Silent};
pub use reference::{BadReference, Reference};
pub use source::Source;
pub use transport::Get;
pub use unpack::{Keep, Unpacked};
