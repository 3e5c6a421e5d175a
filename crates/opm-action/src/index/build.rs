//! Building the image of a file-based catalog.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::index::catalog_image::CatalogImage;
use crate::index::pipeline::DEFAULT_TAG;
use crate::{BuildOptions, Built, Context, ImageOptions};

/// What to build, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The catalog: a directory or a file.
    pub catalog: PathBuf,
    /// The image that it is built on; without one, tools take [`DEFAULT_BINARY_IMAGE`](super::DEFAULT_BINARY_IMAGE), and an
    /// image that we build has this program in it.
    pub binary_image: Option<String>,
    /// Whether the image has the pack of the catalog, so that it is served at once. Where nothing is said, it has if this
    /// program is in it: others do not know packs.
    pub with_pack: Option<bool>,
    /// How the image is built.
    pub build: BuildOptions,
    /// How to pull and push images.
    pub images: ImageOptions,
}

/// Validates the catalog, and builds its image.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Built> {
    let catalog = &options.catalog;
    std::fs::metadata(catalog).with_context(|| format!("cannot read {}", catalog.display()))?;
    let base = options.binary_image.as_deref();
    let builder = options.build.builder(DEFAULT_TAG, "write a Dockerfile with `opm generate dockerfile`")?;
    builder.check(base)?;
    let with_pack = options.with_pack.unwrap_or_else(|| builder.is_native() && base.is_none());
    CatalogImage { catalog, base, with_pack, images: &options.images }.build(&builder, context).await
}
