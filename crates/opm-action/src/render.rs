//! Rendering catalogs and bundles, whatever form they have, as one file-based catalog.

mod bundle;
mod database;
mod image_template;
mod reference;

use std::io::Write;

use anyhow::anyhow;
use futures_util::{StreamExt, stream};
use opm_catalog::{Catalog, Format, Level};
use opm_image::Client;

use crate::{Context, ImageOptions};

pub use image_template::{BadImageTemplate, ImageTemplate};
pub(crate) use reference::NotAllowed;

/// How many references are rendered at a time.
const AT_ONCE: usize = 8;

/// What to render, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directories, files and images, in the order of the output.
    pub references: Vec<String>,
    /// Which kinds of references there may be.
    pub allowed: Allowed,
    /// How far the catalogs and bundles are migrated.
    pub level: Level,
    /// How to name the image of a bundle that is not in an image registry.
    pub image_template: Option<ImageTemplate>,
    /// How to pull images.
    pub images: ImageOptions,
}

/// The kinds of references that a deed can work with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allowed {
    /// All.
    #[default]
    Everything,
    /// Catalogs of all forms, but no bundles.
    Catalogs,
    /// Images of bundles, but nothing else.
    BundleImages,
}

/// Renders the references, several at a time, as one catalog that has their blobs in the order of the references. It is not
/// validated. All references that cannot be rendered are reported.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Catalog> {
    let mut all = Catalog::default();
    for part in each(options, context).await? {
        all.append(part);
    }
    Ok(all)
}

/// Writes a catalog; says which blobs of it are not written because they have no package.
pub fn write(catalog: &Catalog, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    for blob in catalog.without_package() {
        tracing::warn!("{blob} has no package, and is left out");
    }
    Ok(tokio::task::block_in_place(|| opm_catalog::write(catalog, format, out))?)
}

/// Renders the references, several at a time; returns a catalog for each.
pub(crate) async fn each(options: &Options, context: &Context) -> anyhow::Result<Vec<Catalog>> {
    let client = Client::new(options.images.clone(), context.environment.clone())?;
    let renderer = Renderer { options: options.clone(), client, context: context.clone() };
    let results: Vec<anyhow::Result<Catalog>> = stream::iter(&options.references)
        .map(async |reference| renderer.render(reference).await)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut catalogs = Vec::with_capacity(results.len());
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(catalog) => catalogs.push(catalog),
            Err(error) => failures.push(error),
        }
    }
    match failures.len() {
        0 => Ok(catalogs),
        1 => Err(failures.remove(0)),
        _ if context.stop().is_asked() => Err(failures.remove(0)),
        _ => Err(anyhow!(failures.iter().map(|f| format!("{f:#}")).collect::<Vec<_>>().join("\n"))),
    }
}

/// What renders a reference.
struct Renderer {
    options: Options,
    client: Client,
    context: Context,
}

impl Renderer {
    /// Work for a thread that may block. It is not waited for when the deed ends early: it must clean up nothing.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let thread = tokio::task::spawn_blocking(work);
        self.context.unless_interrupted(async { thread.await? }).await
    }
}
