//! Listing and drawing catalogs, and making them from templates.

pub mod bundle;
pub mod convert_template;
mod input;
pub mod list;
pub mod render_graph;
pub mod render_template;
