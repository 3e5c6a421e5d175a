//! An image registry in this process, for tests: it keeps what is pushed in memory, serves it on loopback, fails on demand
//! and remembers what it was asked. A [`Proxy`] is the network before it.
//!
//! ```no_run
//! use opm_image::testing::{FakeRegistry, Layer, TestImage};
//!
//! let registry = FakeRegistry::start();
//! let image = TestImage::new([Layer::gzip([("manifests/csv.yaml", "kind: ClusterServiceVersion")])]).label("k", "v");
//! let digest = registry.push("ns/bundle", "v1", &image);
//! let name = format!("{}/ns/bundle@{digest}", registry.host());
//! ```

mod chance;
mod image;
mod proxy;
mod push;
mod registry;
mod serve;
mod tar;

pub use self::chance::Chance;
pub use self::image::{Layer, TestImage};
pub use self::proxy::{Harm, Proxy, Traffic};
pub use self::registry::{Action, Fault, Pushed, Quirk, Require, Seen};
pub use self::serve::FakeRegistry;
pub use self::tar::{Entry, archive};
