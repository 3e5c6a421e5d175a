//! A catalog and all its images into another registry, or into a store that is carried there.

mod collect;
mod copy;
mod end;
mod manifests;
mod mapping;
mod plan;
mod report;
mod state;
mod store;
pub mod verify;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use opm_image::mirror::Settings;
use opm_image::{Client, Platform, Reference};

pub use manifests::{Kind, Scope};
pub use mapping::{Naming, TagStyle};

use crate::{Context, ImageOptions};
use copy::copy;
use end::End;
use manifests::Manifests;
use mapping::{Below, Mapped};
use plan::{find, plan};

/// What images of a store and a tree are mapped below: nobody sees it.
const NOWHERE: &str = "store.localhost";

/// The file with the state of a mirror, beside the manifests.
const STATE: &str = ".opm-mirror-state.json";

/// What to mirror, and how.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Options {
    /// The index image; or a store that this deed filled, `oci:DIR` or `oci-archive:FILE`; or the index image in a tree,
    /// `file://PATH:TAG`.
    pub source: String,
    /// `REGISTRY[/PATH][/]`, or a store or a tree.
    pub destination: String,
    /// The directory with the `v2` of trees; empty for the working directory.
    pub dir: PathBuf,
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
    /// The most bytes of an object that says where images are.
    pub largest_object: usize,
    /// The name of the catalog's objects; made of that of the image if there is none.
    pub catalog_name: Option<String>,
    /// The packages whose images are wanted; elements may be lists, separated by commas. All where none is named.
    pub packages: Vec<String>,
    /// Images are left out whose names one of these regular expressions matches. The index image never is.
    pub skip_images: Vec<String>,
    /// The platforms that are copied of images that have several; all if none is named.
    pub platforms: Vec<Platform>,
    /// An earlier store, all of which is at the destination's end. What it has is not put into this one.
    pub since: Option<String>,
    /// The most bytes of a volume of an archive. One file where there is none.
    pub archive_size: Option<u64>,
    /// How many images are copied at a time.
    pub parallel_images: usize,
    /// How many blobs are copied at a time.
    pub parallel_blobs: usize,
    /// The longest time that one image may take.
    pub timeout: Duration,
    /// Whether cosign's signatures and attestations go along.
    pub signatures: bool,
    /// Whether nothing more is begun once an image has failed.
    pub stop_at_first: bool,
    /// Whether images that are not where they should come from are no failure.
    pub allow_missing: bool,
    /// Where it is kept what is done, as long as not all is. Beside the manifests if nothing is named.
    pub state: Option<PathBuf>,
    /// Whether what is kept of an earlier run is heeded.
    pub resume: bool,
    /// How to talk to registries, and the platform whose catalog is read.
    pub images: ImageOptions,
}

impl Default for Options {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            source: String::new(),
            destination: String::new(),
            dir: PathBuf::new(),
            manifests: PathBuf::from("manifests"),
            manifests_only: false,
            dry_run: false,
            max_components: 2,
            tags: TagStyle::default(),
            naming: Naming::default(),
            scope: Scope::default(),
            kinds: Kind::USUAL.to_vec(),
            largest_object: Kind::LARGEST,
            catalog_name: None,
            packages: Vec::new(),
            skip_images: Vec::new(),
            platforms: Vec::new(),
            since: None,
            archive_size: None,
            parallel_images: settings.images,
            parallel_blobs: settings.blobs,
            timeout: settings.timeout,
            signatures: settings.signatures,
            stop_at_first: false,
            allow_missing: false,
            state: None,
            resume: true,
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
    /// Images that an earlier store has.
    pub earlier: usize,
    /// Blobs that were moved, or would be.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that were mounted.
    pub mounted: u64,
    /// The files of an archive.
    pub files: Vec<PathBuf>,
}

/// Mirrors a catalog. The summary is absent where only manifests were wanted.
///
/// # Errors
/// `Incomplete` when some images failed, with all of them and the packages that need them; anything else when nothing could
/// be done.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Option<Summary>> {
    let to = End::parse(&options.destination, &options.dir)?;
    ensure!(options.max_components != 1, "--max-components is 0, for any number, or 2 and more");
    ensure!(
        options.archive_size.is_none() || matches!(to, End::Archive(_)),
        "only an archive has volumes: write oci-archive:FILE as the destination, or leave --archive-size out"
    );
    ensure!(
        options.since.is_none() || !matches!(to, End::Registry(_)),
        "--since is for stores: a registry tells by itself what it has"
    );
    if let End::Registry(place) = &to {
        Below::parse(place)?;
    }
    let client = Client::new(options.images.clone(), context.environment.clone())?;
    let found = find(options, &client, context).await?;
    let plan = plan(options, &found, &to)?;
    if options.manifests_only {
        ensure!(matches!(to, End::Registry(_)), "a store has no manifests: they are written when it is mirrored on");
        write_manifests(options, &plan.catalog, &plan.all)?;
        return Ok(None);
    }
    copy(options, &found, plan, &to, &client, context).await.map(Some)
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
    let plan = plan(options, &found, &End::Registry(options.destination.clone()))?;
    for failure in &plan.failures {
        tracing::warn!("{}", failure.text());
    }
    if !options.manifests.as_os_str().is_empty() {
        write_manifests(options, &plan.catalog, &plan.all)?;
    }
    // Without a tag, what is named by its digest is pushed by its digest.
    let line = |image: &Mapped| {
        let tag = image.source.tag().map_or_else(String::new, |tag| format!(":{tag}"));
        format!("{}={}{tag}\n", manifests::source_key(image), image.repository)
    };
    Ok(plan.all.iter().map(line).collect::<BTreeSet<_>>().into_iter().collect())
}

fn write_manifests(options: &Options, catalog: &Reference, images: &[Mapped]) -> anyhow::Result<()> {
    let manifests = Manifests {
        images,
        catalog: images.iter().find(|image| image.source == *catalog),
        repository: catalog.repository(),
        catalog_name: options.catalog_name.as_deref(),
        kinds: &options.kinds,
        scope: options.scope,
        largest: options.largest_object,
    };
    manifests.write(&options.manifests)
}
