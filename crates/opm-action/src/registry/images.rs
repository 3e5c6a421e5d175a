//! Listing the images of a catalog, and where they would be in another registry.

use std::path::PathBuf;

use crate::index::mirror::{self, Naming};
use crate::{Context, ImageOptions};

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index image.
    pub from: String,
    /// The registry, and a path in it, that images are to be copied to.
    pub to: Option<String>,
    /// The directory that manifests are written to; needs a place to copy to.
    pub manifests: Option<PathBuf>,
    /// How to pull images, and the platform whose catalog is read.
    pub images: ImageOptions,
}

/// The images, one a line and sorted: as the catalog names them, or as `SOURCE=DESTINATION` where there is a destination, whose
/// repositories are flat: registry and path of the source in one component.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<String> {
    let mirror = mirror::Options {
        source: options.from.clone(),
        destination: options.to.clone().unwrap_or_default(),
        manifests: options.manifests.clone().unwrap_or_default(),
        naming: Naming::Flat,
        max_components: 0,
        images: options.images.clone(),
        ..mirror::Options::default()
    };
    mirror::list(&mirror, context).await
}
