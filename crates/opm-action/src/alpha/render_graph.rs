//! Drawing the upgrade graphs of catalogs.

use opm_catalog::{Graph, GraphOptions};

use crate::render::{self, Allowed};
use crate::{Context, ImageOptions};

/// What to draw, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The catalogs: images, databases, directories or files.
    pub catalogs: Vec<String>,
    /// What of them is drawn, and how.
    pub graph: GraphOptions,
    /// How to pull images.
    pub images: ImageOptions,
}

/// Draws the channels of the catalogs, which need not be valid, as a Mermaid flowchart.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Graph> {
    let source = render::Options {
        references: options.catalogs.clone(),
        allowed: Allowed::Catalogs,
        images: options.images.clone(),
        ..render::Options::default()
    };
    let catalog = render::load(&source, context).await?;
    Ok(tokio::task::block_in_place(|| opm_catalog::graph(&catalog, &options.graph))?)
}
