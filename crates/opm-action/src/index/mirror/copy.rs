//! The images to their places, and afterwards what tells of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use opm_image::mirror::{Arrival, Outcome, Place, Settings, Task};
use opm_image::{Client, Digest, ErrorKind, Reference, Source};

use super::end::{self, End};
use super::mapping::Mapped;
use super::plan::{Found, From, Plan, unpack};
use super::report::{Failure, report};
use super::state::State;
use super::store::{self, Inventory, Item};
use super::{NOWHERE, Options, STATE, Summary, write_manifests};
use crate::Context;
use crate::failure::Incomplete;

/// Copies what is planned, and writes what tells of it.
pub(super) async fn copy(
    options: &Options,
    found: &Found,
    plan: Plan,
    to: &End,
    client: &Client,
    context: &Context,
) -> anyhow::Result<Summary> {
    let Plan { catalog, all, failures } = plan;
    let dir = directory(to);
    let since = options.since.as_ref().map(|since| earlier(since, &options.dir, context)).transpose()?;
    let mut tasks: Vec<Task> =
        all.iter().map(|image| task(image, &catalog, &found.from, (to, dir.as_deref()))).collect::<Result<_, _>>()?;
    let progress = context.progress.as_ref();
    // A store tells by itself what is in it, and nothing is done by a run that only looks.
    let state = match to {
        End::Registry(_) if !options.dry_run => {
            let path = options.state.clone().unwrap_or_else(|| options.manifests.join(STATE));
            Some(State::open(path, options.resume, progress)?)
        }
        _ => None,
    };
    for task in &mut tasks {
        if let Some(known) = state.as_ref().and_then(|state| state.digest(&task.to.to_string())) {
            task.known = Some(known.clone());
        }
    }
    let progress = state.as_ref().map_or(progress, |state| state as &dyn opm_image::Progress);
    let settings = Settings {
        images: options.parallel_images,
        blobs: options.parallel_blobs,
        timeout: options.timeout,
        signatures: options.signatures,
        platforms: options.platforms.clone(),
        left_out: since.as_ref().map(Inventory::carried).unwrap_or_default(),
        beside: beside(found.from.list(), state.as_ref(), &all),
        stop_at_first: options.stop_at_first,
        dry_run: options.dry_run,
    };
    let mirror = async { Ok(client.mirror(&tasks, &settings, progress).await) };
    let outcome = context.unless_interrupted(mirror).await?;
    let Sorted { mut summary, arrived, items, mut failures } = sorted(all, failures, outcome, since.as_ref());
    if arrived.is_empty() {
        let texts: Vec<String> = failures.iter().map(Failure::text).collect();
        bail!("no image could be mirrored\n{}", texts.join("\n"));
    }
    if !options.dry_run {
        let mut list = Inventory {
            catalog: found.catalog.clone(),
            platforms: options.platforms.iter().map(ToString::to_string).collect(),
            images: items,
            earlier: BTreeMap::new(),
        };
        if let Some(since) = &since {
            list.refer_to(since);
        }
        summary.files = keep(options, (&list, &catalog, &arrived), (to, dir.as_deref()), context)?;
    } else if matches!(to, End::Registry(_)) {
        write_manifests(options, &catalog, &arrived)?;
    }
    if options.allow_missing {
        failures.retain(|failure| {
            if failure.missing {
                tracing::warn!("{}", failure.text());
            }
            !failure.missing
        });
    }
    if !failures.is_empty() {
        return Err(Incomplete(report(&failures, arrived.len(), hint(options, found, to))).into());
    }
    if let Some(state) = state {
        state.remove();
    }
    if let (End::Archive(_), Some(dir)) = (to, &dir)
        && !options.dry_run
    {
        std::fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    Ok(summary)
}

/// The directory that is filled. An archive is made of a layout beside it, so that one that was interrupted goes on where it ended.
fn directory(to: &End) -> Option<PathBuf> {
    match to {
        End::Registry(_) => None,
        End::Layout(dir) | End::Tree { root: dir, .. } => Some(dir.clone()),
        End::Archive(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            Some(file.with_file_name(format!("{name}.store")))
        }
    }
}

/// What may help after some images failed.
fn hint(options: &Options, found: &Found, to: &End) -> &'static str {
    if found.from.list().is_some_and(Inventory::is_later) {
        "the store was made with --since: mirror the earlier one to the same place first"
    } else if !options.platforms.is_empty() && matches!(to, End::Registry(_)) {
        "if the registry takes no lists without all of their platforms, leave --platforms out"
    } else {
        ""
    }
}

/// What became of all images.
struct Sorted {
    summary: Summary,
    arrived: Vec<Mapped>,
    items: Vec<Item>,
    failures: Vec<Failure>,
}

fn sorted(all: Vec<Mapped>, mut failures: Vec<Failure>, outcome: Outcome, since: Option<&Inventory>) -> Sorted {
    let (mut arrived, mut items) = (Vec::new(), Vec::new());
    let mut summary =
        Summary { blobs: outcome.blobs, bytes: outcome.bytes, mounted: outcome.mounted, ..Summary::default() };
    let mut all = all.into_iter();
    // Images first: of those that were not tried, none must be lost.
    for (result, image) in outcome.images.into_iter().zip(all.by_ref()) {
        match result {
            Ok(copied) => {
                *match copied.arrival {
                    Arrival::Copied => &mut summary.copied,
                    Arrival::Before => &mut summary.there,
                    Arrival::LeftOut => &mut summary.earlier,
                } += 1;
                items.push(Item::arrived(&image, &copied, since));
                arrived.push(image);
            }
            Err(error) => failures.push(Failure {
                missing: matches!(error.kind(), ErrorKind::NotFound(_)),
                image: image.source.to_string(),
                why: opm_model::with_causes(error.kind()),
                named: image.named,
            }),
        }
    }
    failures.extend(all.map(|image| Failure {
        image: image.source.to_string(),
        why: "it was not tried, as another one failed before".to_owned(),
        named: image.named,
        missing: false,
    }));
    items.extend(failures.iter().map(Item::failed));
    Sorted { summary, arrived, items, failures }
}

/// Writes what tells of the images that arrived.
fn keep(
    options: &Options,
    (list, catalog, arrived): (&Inventory, &Reference, &[Mapped]),
    (to, dir): (&End, Option<&Path>),
    context: &Context,
) -> anyhow::Result<Vec<PathBuf>> {
    match (to, dir) {
        (End::Archive(file), Some(dir)) => {
            list.write(dir)?;
            let asked = || context.stop().is_asked();
            let fold = || opm_image::mirror::fold(dir, file, options.archive_size, store::FILE, &asked);
            let files = tokio::task::block_in_place(fold).with_context(|| {
                format!("all images are in {}, which becomes the archive when this is run again", dir.display())
            })?;
            return Ok(files);
        }
        (End::Layout(_), Some(dir)) => list.write(dir)?,
        (End::Tree { root, .. }, _) => {
            let index = arrived.iter().find(|image| image.source == *catalog);
            let repository = index.and_then(|index| index.repository.strip_prefix(NOWHERE));
            if let Some(repository) = repository {
                list.write(&root.join("v2").join(repository.trim_start_matches('/')))?;
            }
            let in_tree = |image: &Mapped| Mapped {
                repository: image.repository.replacen(NOWHERE, "file:/", 1),
                ..image.clone()
            };
            let images: Vec<Mapped> = arrived.iter().map(in_tree).collect();
            write_manifests(&Options { kinds: Vec::new(), ..options.clone() }, catalog, &images)?;
        }
        (End::Registry(_), _) => write_manifests(options, catalog, arrived).context("the images were copied")?,
        (End::Layout(_) | End::Archive(_), None) => {}
    }
    Ok(Vec::new())
}

/// The list of an earlier store.
fn earlier(text: &str, dir: &Path, context: &Context) -> anyhow::Result<Inventory> {
    let read = || match End::parse(text, dir)? {
        End::Layout(dir) => Inventory::read(&dir),
        End::Archive(file) => Inventory::read(unpack(&file, context)?.path()),
        End::Tree { root, path } => Inventory::read(&root.join("v2").join(end::in_tree(&path)?.0)),
        End::Registry(_) => bail!("`{text}` is no store: write oci:DIR, oci-archive:FILE or file://PATH"),
    };
    read().context("--since")
}

/// Where in the registry the blobs are that earlier stores or earlier runs brought there.
fn beside(list: Option<&Inventory>, state: Option<&State<'_>>, all: &[Mapped]) -> BTreeMap<Digest, Vec<Reference>> {
    let places: BTreeMap<String, &Mapped> = all.iter().map(|image| (image.source.to_string(), image)).collect();
    let place = |name: &String| {
        let image = places.get(name)?;
        format!("{}:{}", image.repository, image.tag).parse().ok()
    };
    let mut beside = state.map(|state| state.blobs().clone()).unwrap_or_default();
    for (blob, names) in list.iter().flat_map(|list| &list.earlier) {
        beside.entry(blob.clone()).or_default().extend(names.iter().filter_map(place));
    }
    beside
}

fn task(image: &Mapped, catalog: &Reference, from: &From, (to, dir): (&End, Option<&Path>)) -> anyhow::Result<Task> {
    // What an image is called in a store is what it is called by the catalog.
    let name = image.source.to_string();
    let source = match from {
        From::Registry => Source::Registry(image.source.clone()),
        From::Store { dir, .. } => Source::OciLayout { dir: dir.clone(), tag: Some(name.clone()) },
        From::Tree { root, index, object, .. } if image.source == *catalog => {
            Source::Tree { root: root.clone(), repository: index.clone(), object: object.clone() }
        }
        From::Tree { root, index, .. } => {
            let digest = image.source.digest().map(ToString::to_string);
            Source::Tree {
                root: root.clone(),
                repository: format!("{index}/{}", image.source.repository()),
                object: digest.unwrap_or_else(|| image.source.object().to_owned()),
            }
        }
    };
    let place = match (to, dir) {
        (End::Tree { root, .. }, _) => Place::Tree {
            root: root.clone(),
            repository: image.repository.trim_start_matches(NOWHERE).trim_start_matches('/').to_owned(),
            object: image.tag.clone(),
        },
        (_, Some(dir)) => Place::Layout { dir: dir.to_owned(), name: name.clone() },
        (_, None) => Place::Registry(format!("{}:{}", image.repository, image.tag).parse()?),
    };
    let known = from.list().and_then(|list| list.images.iter().find(|item| item.path == name)?.digest.clone());
    Ok(Task { from: source, to: place, known })
}
