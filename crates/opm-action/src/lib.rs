//! Verbs over operator catalogs: one module per deed, with its `Options` and a `run`.
//!
//! This is where the doors meet: catalogs on disk and in databases, images in registries, servers on the wire. Command lines
//! turn flags into `Options` and results into text; nothing here reads flags, terminals or signals.
//!
//! ```no_run
//! use opm_action::{Context, initializer};
//! let options = initializer::Options { manifests: "manifests".into(), output: "bundles.db".into(), ..Default::default() };
//! let warnings = initializer::run(&options, &Context::default())?;
//! # Ok::<(), anyhow::Error>(())
//! ```

pub mod alpha;
mod build;
pub mod bundles;
pub mod configmap_server;
mod context;
mod failure;
pub mod generate;
pub mod grpc_health_probe;
pub mod image;
pub mod index;
pub mod init;
pub mod initializer;
mod local;
pub mod migrate;
pub mod registry;
pub mod render;
pub mod serve;
mod tool;
pub mod validate;
pub mod version;

pub use build::{BuildOptions, BuildTool, Built};
pub use context::Context;
pub use failure::{exit_code, report};
pub use opm_catalog::{Catalog, Format, Graph, GraphOptions, Index, Level, Table, TemplateKind};
pub use opm_image::{Cache, Event, Options as ImageOptions, Pace, Platform, Progress, Silent, Tls};
pub use opm_model::edit::Mode;
pub use tool::PullTool;
