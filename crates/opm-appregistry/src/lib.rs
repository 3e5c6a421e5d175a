//! App-registries: where operators were kept before there were bundle images. The protocol is APPR 0.2 (CNR), as Quay speaks it
//! below `/cnr`.
//!
//! An [`Organisation`] has repositories; a repository has releases; a release is one archive, found by its digest. A [`Client`]
//! asks for these three, and checks what it gets. [`decode`] makes files of an archive, whichever of its two forms it has.
//!
//! The crate opens no connections: it says what to ask, and a [`Fetch`] asks. It writes no files, and knows nothing of what is in
//! those it finds but their names. Everything from outside is bounded, and no path leads out of its directory.
//!
//! ```
//! use opm_appregistry::{Client, Fault, Fetch, Organisation, Request, decode, Limits};
//! # async fn all<F: Fetch>(fetch: F) -> Result<(), opm_appregistry::AppRegistryError> {
//! let organisation = Organisation::new("community-operators", None)?;
//! let client = Client::new(organisation, None, fetch);
//! for repository in client.list().await? {
//!     let content = client.show(&repository.name, repository.release()?).await?;
//!     let blob = client.blob(&repository.name, &content).await?;
//!     for (path, bytes) in decode(&blob, &Limits::default())? {
//!         println!("{}/{path}: {} bytes", repository.name, bytes.len());
//!     }
//! }
//! # Ok(()) }
//! ```

mod archive;
mod client;
mod error;
mod flattened;
mod organisation;
mod repository;
#[cfg(test)]
mod tests;
mod token;
mod wanted;

pub use archive::{Files, Limits, decode};
pub use client::{Client, Content, Fault, Fetch, Request};
pub use error::AppRegistryError;
pub use organisation::{DEFAULT_ENDPOINT, Organisation};
pub use repository::Repository;
pub use token::Token;
pub use wanted::Wanted;
