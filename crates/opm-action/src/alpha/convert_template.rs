//! Converting catalogs to templates.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_catalog::{Format, TemplateKind};

/// What to convert, and to which kind of template.
#[derive(Clone, Debug)]
pub struct Options {
    /// The text of the catalog.
    pub catalog: Vec<u8>,
    /// The file that it comes from, for errors.
    pub name: Option<PathBuf>,
    /// The kind of the template: basic or substitutes.
    pub kind: TemplateKind,
    /// The form of the template.
    pub format: Format,
}

/// Converts a catalog to the text of a template that expands to it.
pub fn run(options: &Options) -> anyhow::Result<String> {
    opm_catalog::convert_template(options.kind, &options.catalog, options.name.as_deref(), options.format)
        .context("converting")
}
