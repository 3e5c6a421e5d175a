//! The gRPC face of a catalog: [`Server`] answers `api.Registry` out of anything that implements
//! [`Query`](opm_model::Query), [`Client`] asks it.
//!
//! This crate never opens a catalog and knows nothing of how one is stored; it moves what a store answers onto the wire.
//! Questions, texts and codes of errors are those of operator-registry v1.73.0, for clients match on them.
//!
//! ```no_run
//! # async fn run(catalog: std::sync::Arc<dyn opm_model::Query>) -> Result<(), Box<dyn std::error::Error>> {
//! use opm_api::{Client, ServeOptions, Server};
//!
//! let server = Server::bind(50051).await?;
//! let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
//! let load = async { Ok::<_, std::convert::Infallible>(catalog) };
//! tokio::spawn(server.run(load, stop, ServeOptions::default()));
//!
//! let client = Client::connect("localhost:50051").await?;
//! for name in client.list_packages().await? {
//!     println!("{}", client.package(&name).await?.default_channel);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The way of a request: `server` accepts its connection, `dispatch` finds the service, `request` decodes the question,
//! `registry` knows which method asks what, `ask` puts it to the catalog on the right thread, `to_proto` and `answer` send the
//! reply.

mod answer;
mod ask;
mod calls;
mod client;
mod dispatch;
pub mod encode;
mod error;
mod executor;
mod experimental;
mod from_proto;
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, dead_code, reason = "generated code")]
mod generated;
mod health;
mod lingering;
mod listing;
mod metrics;
mod pages;
mod phase;
mod pool;
mod process;
mod reflection;
mod registry;
mod repack;
mod request;
mod room;
mod server;
mod to_proto;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests;

pub use client::{Client, ClientOptions, Health};
pub use error::{ClientError, ServeError};
pub use metrics::{Facts, Metrics};
pub use pages::{Page, Pages};
pub use phase::Swap;
pub use server::{ServeOptions, Server};
pub use tonic::Code;

use generated::{api as proto, health as health_proto};
