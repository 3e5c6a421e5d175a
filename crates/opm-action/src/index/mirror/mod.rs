//! A catalog and all its images into another registry, or into a store that is carried there.

mod collect;
mod manifests;
mod mapping;
mod state;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use opm_image::mirror::{Place, Settings, Task};
use opm_image::{Client, Reference, Source};

pub use manifests::{Kind, Scope};
pub use mapping::{Naming, TagStyle};

use crate::registry::names;
use crate::{Context, ImageOptions};
use collect::{Images, Named};
use manifests::Manifests;
use mapping::{Below, Mapped, Rules};
use state::State;
use store::{Inventory, Item};

/// What to mirror, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The index image, or `oci:DIR` for a store that this deed filled.
    pub source: String,
    /// `REGISTRY[/PATH][/]`, or `oci:DIR` for a store.
    pub destination: String,
    /// The directory that manifests are written to.
    pub manifests: PathBuf,
    /// Whether only the manifests are written.
    pub manifests_only: bool,
    /// Whether nothing is copied, but it is found out what there is to copy.
    pub dry_run: bool,
    /// The most components that a repository at the destination may have; 0 for as many as there are.
    pub max_components: usize,
    /// How images are tagged that have no tag.
    pub tags: TagStyle,
    /// How images are named.
    pub naming: Naming,
    /// How much an entry of a manifest is about.
    pub scope: Scope,
    /// Which manifests are written.
    pub kinds: Vec<Kind>,
    /// The name of the catalog's objects; made of that of the image if there is none.
    pub catalog_name: Option<String>,
    /// The packages whose images are wanted; elements may be lists, separated by commas. All where none is named.
    pub packages: Vec<String>,
    /// How many images are copied at a time.
    pub parallel_images: usize,
    /// How many blobs are copied at a time.
    pub parallel_blobs: usize,
    /// Whether cosign's signatures and attestations go along.
    pub signatures: bool,
    /// How to talk to registries, and the platform whose catalog is read.
    pub images: ImageOptions,
}

impl Default for Options {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            source: String::new(),
            destination: String::new(),
            manifests: PathBuf::from("manifests"),
            manifests_only: false,
            dry_run: false,
            max_components: 2,
            tags: TagStyle::default(),
            naming: Naming::default(),
            scope: Scope::default(),
            kinds: Kind::USUAL.to_vec(),
            catalog_name: None,
            packages: Vec::new(),
            parallel_images: settings.images,
            parallel_blobs: settings.blobs,
            signatures: settings.signatures,
            images: ImageOptions::default(),
        }
    }
}

/// What became of a mirror that nothing failed of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Images that were copied, or would be.
    pub copied: usize,
    /// Images that were there.
    pub there: usize,
    /// Blobs that were moved, or would be.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that were mounted.
    pub mounted: u64,
}

/// Some images did not arrive. Those that did are there, and manifests name no others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Incomplete(pub(crate) String);

/// What is known of a catalog.
struct Found {
    /// The index image as it is named.
    catalog: String,
    images: Images,
    /// The store that images are read from, if it is one.
    store: Option<PathBuf>,
}

/// An image that cannot be had, why, and who needs it.
struct Failure {
    image: String,
    why: String,
    named: Named,
}

/// Mirrors a catalog. The summary is absent where only manifests were wanted.
///
/// # Errors
/// `Incomplete` when some images failed, with all of them and the packages that need them; anything else when nothing could
/// be done.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Option<Summary>> {
    let to = store_of(&options.destination);
    ensure!(options.max_components != 1, "--max-components is 0, for any number, or 2 and more");
    let below = match &to {
        Some(_) => Below::parse("store.localhost")?,
        None => Below::parse(&options.destination)?,
    };
    let client = Client::new(options.images.clone(), context.environment.clone())?;
    let mut found = find(options, &client, context).await?;
    found.images = collect::of_packages(found.images, &names(&options.packages))?;
    let (images, failures) = read(&found);
    for failure in &failures {
        tracing::warn!("{}", failure.text());
    }
    let max_components = if to.is_some() { 0 } else { options.max_components };
    // In a store, images of different registries lie beside each other.
    let naming = if to.is_some() { Naming::KeepHost } else { options.naming };
    let tags = if to.is_some() { TagStyle::Digest } else { options.tags };
    let all = Rules { below, max_components, tags, naming }.all(&images)?;
    let catalog = mapping::parse(&found.catalog)?;
    if options.manifests_only {
        ensure!(to.is_none(), "a store has no manifests: they are written when it is mirrored on");
        write_manifests(options, &catalog, &all)?;
        return Ok(None);
    }
    copy(options, &found, &catalog, (all, failures), to.as_deref(), &client, context).await
}

/// The images of a catalog, one a line and sorted; `SOURCE=DESTINATION` where there is a destination. Writes manifests if there
/// are both a destination and a directory for them.
pub(crate) async fn list(options: &Options, context: &Context) -> anyhow::Result<String> {
    let client = Client::new(options.images.clone(), context.environment.clone())?;
    let found = find(options, &client, context).await?;
    if options.destination.is_empty() {
        let images: BTreeSet<&str> = found.images.keys().map(String::as_str).chain([found.catalog.as_str()]).collect();
        return Ok(images.into_iter().fold(String::new(), |all, image| all + image + "\n"));
    }
    let (images, failures) = read(&found);
    for failure in &failures {
        tracing::warn!("{}", failure.text());
    }
    let below = Below::parse(&options.destination)?;
    let (max_components, tags, naming) = (options.max_components, options.tags, options.naming);
    let all = Rules { below, max_components, tags, naming }.all(&images)?;
    if !options.manifests.as_os_str().is_empty() {
        write_manifests(options, &mapping::parse(&found.catalog)?, &all)?;
    }
    // Without a tag, what is named by its digest is pushed by its digest.
    let line = |image: &Mapped| {
        let tag = image.source.tag().map_or_else(String::new, |tag| format!(":{tag}"));
        format!("{}={}{tag}\n", manifests::source_key(image), image.repository)
    };
    Ok(all.iter().map(line).collect::<BTreeSet<_>>().into_iter().collect())
}

/// The directory of `oci:DIR`.
fn store_of(text: &str) -> Option<PathBuf> {
    match text.parse::<Source>() {
        Ok(Source::OciLayout { dir, tag: None }) => Some(dir),
        _ => None,
    }
}

/// Finds out what is in a catalog.
async fn find(options: &Options, client: &Client, context: &Context) -> anyhow::Result<Found> {
    if let Some(dir) = store_of(&options.source) {
        let inventory = Inventory::read(&dir)?;
        let images = inventory.images();
        return Ok(Found { catalog: inventory.catalog, images, store: Some(dir) });
    }
    let reference: Reference = options.source.parse()?;
    let resolve = async { Ok(client.resolve(&Source::Registry(reference), context.progress.as_ref()).await?) };
    let image = context.unless_interrupted(resolve).await?;
    let images = collect::of_image(client, &image, context).await?;
    ensure!(!images.is_empty(), "the catalog of {} names no images", options.source);
    Ok(Found { catalog: options.source.clone(), images, store: None })
}

/// The images whose names can be read, the index among them, and those whose names cannot.
fn read(found: &Found) -> (BTreeMap<String, (Reference, Named)>, Vec<Failure>) {
    let (mut images, mut failures) = (BTreeMap::new(), Vec::new());
    let index = [(&found.catalog, &Named::new())].map(|(name, named)| (name.clone(), named.clone()));
    for (image, named) in found.images.iter().map(|(image, named)| (image.clone(), named.clone())).chain(index) {
        match mapping::parse(&image) {
            Ok(reference) => {
                images.entry(image).or_insert((reference, Named::new())).1.extend(named);
            }
            Err(error) => failures.push(Failure { image, why: error.to_string(), named }),
        }
    }
    (images, failures)
}

fn write_manifests(options: &Options, catalog: &Reference, images: &[Mapped]) -> anyhow::Result<()> {
    let manifests = Manifests {
        images,
        catalog: images.iter().find(|image| image.source == *catalog),
        repository: catalog.repository(),
        catalog_name: options.catalog_name.as_deref(),
        kinds: &options.kinds,
        scope: options.scope,
    };
    manifests.write(&options.manifests)
}

async fn copy(
    options: &Options,
    found: &Found,
    catalog: &Reference,
    (all, mut failures): (Vec<Mapped>, Vec<Failure>),
    to: Option<&Path>,
    client: &Client,
    context: &Context,
) -> anyhow::Result<Option<Summary>> {
    let mut tasks: Vec<Task> =
        all.iter().map(|image| task(image, found.store.as_deref(), to)).collect::<Result<_, _>>()?;
    let progress = context.progress.as_ref();
    // A store tells by itself what is in it, and nothing is done by a run that only looks.
    let state = match to {
        None if !options.dry_run => Some(State::open(&options.manifests, progress)?),
        _ => None,
    };
    for task in &mut tasks {
        task.known = state.as_ref().and_then(|state| state.digest(&task.to.to_string())).cloned();
    }
    let progress = state.as_ref().map_or(progress, |state| state as &dyn opm_image::Progress);
    let settings = Settings {
        images: options.parallel_images,
        blobs: options.parallel_blobs,
        signatures: options.signatures,
        dry_run: options.dry_run,
        ..Settings::default()
    };
    let mirror = async { Ok(client.mirror(&tasks, &settings, progress).await) };
    let outcome = context.unless_interrupted(mirror).await?;
    let (mut arrived, mut items) = (Vec::new(), Vec::new());
    let mut summary =
        Summary { blobs: outcome.blobs, bytes: outcome.bytes, mounted: outcome.mounted, ..Summary::default() };
    for (image, result) in all.into_iter().zip(outcome.images) {
        match result {
            Ok(copied) => {
                *(if copied.was_there { &mut summary.there } else { &mut summary.copied }) += 1;
                items.push(Item {
                    source: image.written.clone(),
                    path: image.source.to_string(),
                    digest: copied.digest.to_string(),
                    bundles: image.named.iter().cloned().collect(),
                });
                arrived.push(image);
            }
            Err(error) => failures.push(Failure {
                image: image.source.to_string(),
                why: error.kind().to_string(),
                named: image.named,
            }),
        }
    }
    if arrived.is_empty() {
        let texts: Vec<String> = failures.iter().map(Failure::text).collect();
        bail!("no image could be mirrored\n{}", texts.join("\n"));
    }
    match to {
        Some(_) if options.dry_run => {}
        Some(dir) => Inventory { catalog: found.catalog.clone(), images: items }.write(dir)?,
        None => write_manifests(options, catalog, &arrived).context("the images were copied")?,
    }
    if !failures.is_empty() {
        return Err(Incomplete(report(&failures, arrived.len())).into());
    }
    if let Some(state) = state {
        state.remove();
    }
    Ok(Some(summary))
}

fn task(image: &Mapped, from: Option<&Path>, to: Option<&Path>) -> anyhow::Result<Task> {
    // What an image is called in a store is what it is called by the catalog.
    let name = image.source.to_string();
    let from = match from {
        Some(dir) => Source::OciLayout { dir: dir.to_owned(), tag: Some(name.clone()) },
        None => Source::Registry(image.source.clone()),
    };
    let to = match to {
        Some(dir) => Place::Layout { dir: dir.to_owned(), name },
        None => Place::Registry(format!("{}:{}", image.repository, image.tag).parse()?),
    };
    Ok(Task { from, to, known: None })
}

impl Failure {
    fn text(&self) -> String {
        let mut text = format!("{}: {}", self.image, self.why);
        let bundles: Vec<&str> =
            self.named.iter().map(|(_, bundle)| bundle.as_str()).filter(|bundle| !bundle.is_empty()).collect();
        if !bundles.is_empty() {
            let _never_fails = write!(text, " (needed by {})", bundles.join(", "));
        }
        text
    }
}

/// All that failed, and what that means for whom.
fn report(failures: &[Failure], arrived: usize) -> String {
    let packages: BTreeSet<&str> = failures
        .iter()
        .flat_map(|failure| &failure.named)
        .map(|(package, _)| package.as_str())
        .filter(|package| !package.is_empty())
        .collect();
    let mut lines: Vec<String> = failures.iter().map(Failure::text).collect();
    lines.sort();
    lines.push(format!(
        "{} of {} images were not mirrored, and no manifest names them",
        failures.len(),
        failures.len() + arrived
    ));
    if !packages.is_empty() {
        lines.push(format!("incomplete packages: {}", packages.into_iter().collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n")
}
