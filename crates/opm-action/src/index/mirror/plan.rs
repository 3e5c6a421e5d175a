//! What there is to mirror: the images of a catalog, where they are, and where they are to be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_image::{Client, Reference, Source};
use regex::Regex;

use super::collect::{self, Images, Named};
use super::end::{self, End};
use super::mapping::{self, Below, Mapped, Rules, TagStyle};
use super::report::Failure;
use super::store::{self, Inventory};
use super::{NOWHERE, Naming, Options};
use crate::registry::names;
use crate::{Context, bundles};

/// What is known of a catalog.
pub(super) struct Found {
    /// The index image as it is named.
    pub(super) catalog: String,
    pub(super) images: Images,
    pub(super) from: From,
}

/// Where images are read from.
pub(super) enum From {
    Registry,
    /// A layout with its list. The directory goes with the value where it was unpacked for this.
    Store {
        dir: PathBuf,
        list: Inventory,
        _unpacked: Option<tempfile::TempDir>,
    },
    /// Below a repository of a tree.
    Tree {
        root: PathBuf,
        index: String,
        object: String,
        list: Option<Inventory>,
    },
}

impl From {
    pub(super) fn list(&self) -> Option<&Inventory> {
        match self {
            Self::Registry => None,
            Self::Store { list, .. } => Some(list),
            Self::Tree { list, .. } => list.as_ref(),
        }
    }
}

/// What is to be done.
pub(super) struct Plan {
    /// The index image, as the cluster knows it.
    pub(super) catalog: Reference,
    pub(super) all: Vec<Mapped>,
    /// What cannot even be begun.
    pub(super) failures: Vec<Failure>,
}

/// Finds out what is in a catalog.
pub(super) async fn find(options: &Options, client: &Client, context: &Context) -> anyhow::Result<Found> {
    let (source, from) = match End::parse(&options.source, &options.dir)? {
        End::Layout(dir) => return store(dir, None),
        End::Archive(file) => {
            let unpacked = unpack(&file, context)?;
            return store(unpacked.path().to_owned(), Some(unpacked));
        }
        End::Registry(source) => (Source::Registry(source.parse()?), From::Registry),
        End::Tree { root, path } => {
            let source = Source::tree(root.clone(), &path)?;
            let (index, named) = end::in_tree(&path)?;
            let list = root.join("v2").join(&index).join(store::FILE);
            let list = list.exists().then(|| Inventory::read(list.parent().unwrap_or(&root))).transpose()?;
            let object = named.object().to_owned();
            (source, From::Tree { root, index, object, list })
        }
    };
    let resolve = async { Ok(client.resolve(&source, context.progress.as_ref()).await?) };
    let image = context.unless_interrupted(resolve).await?;
    let images = collect::of_image(client, &image, context).await?;
    ensure!(!images.is_empty(), "the catalog of {} names no images", options.source);
    // A tree may have forgotten what the index image was called.
    let catalog = match (&from, &source) {
        (From::Tree { list: Some(list), .. }, _) => list.catalog.clone(),
        (_, Source::Tree { .. }) => options.source.trim_start_matches("file://").trim_matches('/').to_owned(),
        _ => options.source.clone(),
    };
    Ok(Found { catalog, images, from })
}

/// What is in a store.
fn store(dir: PathBuf, unpacked: Option<tempfile::TempDir>) -> anyhow::Result<Found> {
    let list = Inventory::read(&dir)?;
    let others = list.images.iter().filter(|item| item.source != list.catalog);
    let images = others.map(|item| (item.source.clone(), item.bundles.iter().cloned().collect())).collect();
    Ok(Found { catalog: list.catalog.clone(), images, from: From::Store { dir, list, _unpacked: unpacked } })
}

/// Unpacks a store into a directory of its own.
pub(super) fn unpack(file: &Path, context: &Context) -> anyhow::Result<tempfile::TempDir> {
    let dir = bundles::private_dir()?;
    let asked = || context.stop().is_asked();
    tokio::task::block_in_place(|| opm_image::mirror::unfold(file, dir.path(), store::FILE, &asked))?;
    Ok(dir)
}

/// The images whose names can be read, the index among them, and those whose names cannot.
fn read(catalog: &str, images: &Images) -> (BTreeMap<String, (Reference, Named)>, Vec<Failure>) {
    let (mut read, mut failures) = (BTreeMap::new(), Vec::new());
    let index = (catalog.to_owned(), Named::new());
    for (image, named) in images.iter().map(|(image, named)| (image.clone(), named.clone())).chain([index]) {
        match mapping::parse(&image) {
            Ok(reference) => {
                read.entry(image).or_insert((reference, Named::new())).1.extend(named);
            }
            Err(error) => failures.push(Failure { image, why: error.to_string(), named, missing: false }),
        }
    }
    (read, failures)
}

pub(super) fn plan(options: &Options, found: &Found, to: &End) -> anyhow::Result<Plan> {
    let mut images = collect::of_packages(found.images.clone(), &names(&options.packages))?;
    for pattern in &options.skip_images {
        let pattern = Regex::new(pattern).with_context(|| format!("--skip-images {pattern}"))?;
        images.retain(|image, _| {
            let skipped = pattern.is_match(image);
            if skipped {
                tracing::warn!("{image} is left out, as --skip-images says");
            }
            !skipped
        });
    }
    let (images, mut failures) = read(&found.catalog, &images);
    // What the store lacks was told when it was filled, and is told again.
    for item in found.from.list().into_iter().flat_map(|list| &list.images) {
        if let Some(error) = &item.error
            && images.contains_key(&item.source)
        {
            failures.push(Failure {
                image: item.source.clone(),
                why: format!("it did not arrive in the store: {error}"),
                named: item.bundles.iter().cloned().collect(),
                missing: false,
            });
        }
    }
    let images =
        images.into_iter().filter(|(name, _)| !failures.iter().any(|failure| failure.image == *name)).collect();
    let catalog = mapping::parse(&found.catalog)?;
    let rules = |below: Below| Rules {
        below,
        max_components: if matches!(to, End::Registry(_)) { options.max_components } else { 0 },
        // In a store, images of different registries lie beside each other.
        tags: if to.is_store() { TagStyle::Digest } else { options.tags },
        naming: if to.is_store() { Naming::KeepHost } else { options.naming },
    };
    let all = match to {
        End::Registry(place) => rules(Below::parse(place)?).all(&images)?,
        End::Layout(_) | End::Archive(_) => rules(Below::parse(NOWHERE)?).all(&images)?,
        End::Tree { path, .. } => {
            // All images lie below the index image.
            let own = format!("{NOWHERE}/{path}");
            let (index, _) = rules(Below::parse(&own)?).place(&found.catalog, &catalog)?;
            let mut all = rules(Below::parse(&index)?).all(&images)?;
            for image in all.iter_mut().filter(|image| image.source == catalog) {
                image.repository.clone_from(&index);
            }
            all
        }
    };
    Ok(Plan { catalog, all, failures })
}
