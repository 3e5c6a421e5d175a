//! Rendering catalogs and bundles, whatever form they have, as one file-based catalog.

pub(crate) mod bundle;
mod database;
mod image_template;
mod reference;

use std::io::Write;
use std::sync::OnceLock;

use anyhow::anyhow;
use futures_util::{StreamExt, stream};
use opm_catalog::{Catalog, Format, Index, Level};
use opm_image::Client;
use tokio::sync::{Semaphore, oneshot};

use crate::local::LocalImage;
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
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Index> {
    let mut parts = each(options, context).await?.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        all.append(part)?;
    }
    Ok(all)
}

/// [`run`], with all blobs in memory.
pub(crate) async fn load(options: &Options, context: &Context) -> anyhow::Result<Catalog> {
    let index = run(options, context).await?;
    on_a_thread(context, move || Ok(index.load_all()?)).await
}

/// Writes a catalog; says which blobs of it are not written because they have no package. When the deed is ended early, the
/// writing is not waited for. Where `out` cannot be written to, the error is an [`std::io::Error`].
pub async fn write(
    catalog: Index,
    format: Format,
    mut out: impl Write + Send + 'static,
    context: &Context,
) -> anyhow::Result<()> {
    for blob in catalog.without_package() {
        tracing::warn!("{blob} has no package, and is left out");
    }
    let stop = context.stop().clone();
    on_a_thread(context, move || {
        let written = catalog.write(format, &stop, &mut out);
        written.map_err(|error| match error {
            opm_catalog::Error::Write(source) => source.into(),
            other => anyhow::Error::from(other),
        })?;
        Ok(out.flush()?)
    })
    .await
}

/// Renders the references, several at a time; returns a catalog for each. They share a temporary file.
pub(crate) async fn each(options: &Options, context: &Context) -> anyhow::Result<Vec<Index>> {
    LocalImage::check(&options.references)?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let renderer = Renderer {
        options: options.clone(),
        client: OnceLock::new(),
        context: context.clone(),
        index: Index::default(),
        cores: Semaphore::new(cores as usize),
        all_cores: cores,
    };
    let results: Vec<anyhow::Result<Index>> = stream::iter(&options.references)
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
    /// Made when the first image is met: it reads all certificates of the system.
    client: OnceLock<Client>,
    context: Context,
    /// An empty one, whose temporary file all references share.
    index: Index,
    /// More references than this may be pulled, but not read, at a time.
    cores: Semaphore,
    all_cores: u32,
}

impl Renderer {
    fn client(&self) -> anyhow::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = Client::new(self.options.images.clone(), self.context.environment.clone())?;
        Ok(self.client.get_or_init(|| made))
    }

    /// Work for the threads that read and write catalogs, when one is free; what needs much memory has all for itself. Few
    /// threads keep little memory. It is not waited for when the deed ends early: it must clean up nothing.
    async fn on_a_core<T: Send + 'static>(
        &self,
        is_large: bool,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let _free = self.cores.acquire_many(if is_large { self.all_cores } else { 1 }).await?;
        let (give, take) = oneshot::channel();
        // Nobody takes the result if the deed has ended.
        rayon::spawn(move || drop(give.send(work())));
        self.context.unless_interrupted(async { take.await? }).await
    }
}

/// Work for a thread that may block. It is not waited for when the deed ends early: it must clean up nothing.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let thread = tokio::task::spawn_blocking(work);
    context.unless_interrupted(async { thread.await? }).await
}
