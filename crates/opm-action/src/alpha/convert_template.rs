//! Converting catalogs to templates.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use opm_catalog::{Format, TemplateKind};

use super::input;
use crate::Context;

/// What to convert, and to which kind of template.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file of the catalog; stdin where there is none or it is `-`.
    pub file: Option<PathBuf>,
    /// The kind of the template: basic or substitutes.
    pub kind: TemplateKind,
    /// The form of the template.
    pub format: Format,
}

/// Converts a catalog to the text of a template that expands to it.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<String> {
    let (kind, format) = (options.kind, options.format);
    let convert = move |catalog, name: Option<&Path>| {
        opm_catalog::convert_template(kind, catalog, name, format).context("converting")
    };
    input::read(options.file.as_deref(), context, convert).await
}
