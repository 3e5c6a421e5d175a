//! Expanding templates of catalogs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use opm_catalog::{Bundle, Catalog, Graph, GraphOptions, Index, Level, Template, TemplateKind};

use super::input;
use crate::render::{self, Allowed};
use crate::{Context, ImageOptions};

/// Which template to expand, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The file of the template; stdin where there is none or it is `-`.
    pub file: Option<PathBuf>,
    /// Of which kind it must be; the template says so itself where there is none.
    pub kind: Option<TemplateKind>,
    /// How far the bundles are migrated.
    pub level: Level,
    /// How to pull images.
    pub images: ImageOptions,
}

/// Pulls the bundle images that the template names, several at a time, and expands it.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Catalog> {
    let kind = options.kind;
    let parse = move |template, name: Option<&Path>| Ok(Template::parse(kind, template, name)?);
    let template = input::read(options.file.as_deref(), context, parse).await?;
    let references = template.references();
    let source = render::Options {
        references: references.clone(),
        allowed: Allowed::BundleImages,
        images: options.images.clone(),
        ..render::Options::default()
    };
    let rendered = render::each(&source, context).await.context("rendering template")?;
    let mut bundles: BTreeMap<String, _> = references.into_iter().zip(rendered).collect();
    let expand = || template.expand(options.level, |reference| take(&mut bundles, reference));
    tokio::task::block_in_place(expand).context("rendering template")
}

fn take(rendered: &mut BTreeMap<String, Index>, reference: &str) -> Result<Vec<Bundle>, opm_catalog::RenderError> {
    match rendered.remove(reference) {
        Some(index) => Ok(index.load_all()?.bundles),
        None => Err(anyhow!("it is not among the references of the template").into()),
    }
}

/// Draws the channels of an expanded template as a Mermaid flowchart.
pub fn draw(catalog: &Catalog) -> anyhow::Result<Graph> {
    Ok(opm_catalog::graph(catalog, &GraphOptions { v0_semantics: true, ..GraphOptions::default() })?)
}
