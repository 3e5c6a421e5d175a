//! Listing the packages, channels or bundles of a catalog.

use anyhow::{Context as _, anyhow};
use opm_catalog::{Table, list_bundles, list_channels, list_packages};

use crate::render::{self, Allowed, NotAllowed};
use crate::{Context, ImageOptions};

/// What to list, and of which catalog.
#[derive(Clone, Debug)]
pub struct Options {
    /// The catalog: an image, a database, or a directory or file.
    pub catalog: String,
    /// What to list.
    pub what: What,
    /// How to pull images.
    pub images: ImageOptions,
}

/// What of a catalog is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Its packages.
    Packages,
    /// The channels of all packages, or of one.
    Channels(Option<String>),
    /// The bundles of all packages, or of one, in all their channels.
    Bundles(Option<String>),
}

/// Lists what was asked for as a table. The catalog must be valid.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Table> {
    let source = render::Options {
        references: vec![options.catalog.clone()],
        allowed: Allowed::Catalogs,
        images: options.images.clone(),
        ..render::Options::default()
    };
    let catalog = render::load(&source, context).await.map_err(|error| {
        let is_bundle = error.is::<NotAllowed>();
        if is_bundle { anyhow!("cannot list non-index {:?}: it is a bundle", options.catalog) } else { error }
    })?;
    tokio::task::block_in_place(|| match &options.what {
        What::Packages => list_packages(&catalog),
        What::Channels(package) => list_channels(&catalog, package.as_deref()),
        What::Bundles(package) => list_bundles(&catalog, package.as_deref()),
    })
    .with_context(|| format!("list {}", options.catalog))
}
