//! SQLite catalogs: the format of version 13, upgrades from every older one, loading, editing and querying.
//!
//! Every edit is one transaction ([`edit`]): it happens as a whole, or the file stays what it was. Queries
//! ([`Catalog`]) never write to the catalog's file and read from it only what an answer needs.
//!
//! Nothing here pulls images, speaks gRPC or prints.
//!
//! ```no_run
//! use opm_model::Stop;
//! use opm_sqlite::{Afterwards, edit};
//! let names = edit("index.db".as_ref(), Afterwards::Vacuum, &Stop::new(), |catalog| {
//!     catalog.remove_packages(&["etcd"])?;
//!     catalog.packages()
//! })?;
//! # Ok::<(), opm_sqlite::StoreError>(())
//! ```

mod add;
mod bundle;
mod deprecate;
mod edit;
mod error;
mod journals;
mod migrations;
mod package;
mod query;
mod remove;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use add::AddOptions;
pub use deprecate::DeprecateOptions;
pub use edit::{Afterwards, Edit, create, edit};
pub use error::StoreError;
pub use query::{Catalog, Content, SchemaUpgrade};
