//! The same edits on a database, rendered, give the same catalog.

use std::collections::BTreeSet;
use std::path::Path;

use opm_model::{Cursor, Package, Query as _, Stop};
use opm_sqlite::{Content, SchemaUpgrade, StoreError};

use super::{AddOptions, Catalog, Edit, EditError, Mode, added, bundle, graph, text};
use crate::edit::DeprecateOptions;
use crate::edit::graph::{chain, heads};
use crate::{Index, Level, Listing, property_type};

/// An edit of a catalog.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Add(AddOptions, Vec<String>),
    Remove(Vec<String>),
    Prune(Vec<String>),
    Deprecate(DeprecateOptions, Vec<String>),
}

impl Step {
    /// The step on a copy of a database.
    fn on_database(&self, path: &Path, from: &Path) -> Result<Vec<StoreError>, StoreError> {
        opm_sqlite::create(path, Some(from), &Stop::new(), |edit| match self {
            Self::Add(options, bundles) => {
                let bundles: Vec<_> = bundles.iter().map(|text| bundle(text).0).collect();
                let AddOptions { mode, overwrite_latest, alpha, permissive, .. } = *options;
                edit.add(&bundles, opm_sqlite::AddOptions { mode, overwrite_latest, alpha, permissive })
            }
            Self::Remove(packages) => edit.remove_packages(packages).map(|()| Vec::new()),
            Self::Prune(kept) => {
                let all = edit.packages()?;
                let gone: Vec<_> = all.into_iter().filter(|package| !kept.contains(package)).collect();
                edit.discard_packages(&gone).map(|()| Vec::new())
            }
            Self::Deprecate(options, images) => {
                let DeprecateOptions { permissive, allow_package_removal } = *options;
                edit.deprecate_truncate(images, opm_sqlite::DeprecateOptions { permissive, allow_package_removal })
            }
        })
    }

    fn on_files(&self, edit: &mut Edit) -> Result<Vec<EditError>, EditError> {
        match self {
            Self::Add(options, bundles) => {
                edit.add(bundles.iter().map(|text| added(&bundle(text))).collect(), *options)
            }
            Self::Remove(packages) => edit.remove(packages, false),
            Self::Prune(kept) => Ok(edit.prune(kept)),
            Self::Deprecate(options, images) => edit.deprecate(images, *options),
        }
    }
}

/// What `opm render` shows of a database.
fn render(path: &Path) -> Result<Catalog, crate::Error> {
    let stop = Stop::new();
    let store = opm_sqlite::Catalog::open(path, Content::Once, SchemaUpgrade::Copy).unwrap();
    let package = |name: &String| -> (Package, String) {
        let package = store.package(name, &stop).unwrap();
        let head = store.channel_head(name, &package.default_channel, &stop);
        (package, head.map(|head| head.csv_json).unwrap_or_default())
    };
    let packages: Vec<_> = store.list_packages(&stop).unwrap().iter().map(package).collect();
    let images = store.related_images(&stop).unwrap();
    let mut index = Index::default();
    let mut next = Some(Cursor::default());
    index.add_listing(Listing::new(packages, &images)?, Level::None, || {
        let Some(from) = next.take() else { return Ok(Vec::new()) };
        let page = store.list_bundles(from, &stop).unwrap();
        next = page.next;
        Ok::<_, crate::Error>(page.items)
    })?;
    index.load_all()
}

/// What is compared: the modes by version make databases forget the manifests of bundles that head no channel, and with them
/// icons, and take the one bundle that another skips for what it replaces, in all channels of a package that they edit.
fn comparable(catalog: &Catalog, with_content: bool) -> Catalog {
    let mut catalog = catalog.clone();
    catalog.packages.sort_by(|a, b| a.name.cmp(&b.name));
    catalog.channels.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    catalog.bundles.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    if !with_content {
        catalog.packages.iter_mut().for_each(|package| package.icon = None);
        for bundle in &mut catalog.bundles {
            bundle.properties.retain(|property| property.kind != property_type::BUNDLE_OBJECT);
        }
        for entries in catalog.channels.iter_mut().filter_map(|channel| channel.entries.as_mut()) {
            let is_one = |entry: &&mut crate::ChannelEntry| entry.replaces.is_empty() && entry.skips.len() == 1;
            for entry in entries.iter_mut().filter(is_one) {
                entry.replaces = std::mem::take(&mut entry.skips).concat();
            }
        }
    }
    catalog
}

/// The beginning of an error, by which scripts know it.
fn kind(text: &str) -> String {
    text.split(' ').take(4).collect::<Vec<_>>().join(" ")
}

/// The names of bundles that are links of no chain.
fn only_skipped(catalog: &Catalog) -> BTreeSet<&str> {
    let mut names: BTreeSet<&str> = catalog.bundles.iter().map(|bundle| bundle.name.as_str()).collect();
    for channel in &catalog.channels {
        let by_name = channel.entries().iter().map(|entry| (entry.name.as_str(), entry)).collect();
        for link in heads(channel.entries()).into_iter().flat_map(|head| chain(&by_name, head)) {
            names.remove(link);
        }
    }
    names
}

/// Whether no channel has a bundle of a higher version than that of its head.
fn are_heads_highest(catalog: &Catalog) -> bool {
    let version = |name: &str| {
        let bundle = catalog.bundles.iter().find(|bundle| bundle.name == name).unwrap();
        crate::properties::version(bundle).unwrap().0
    };
    catalog.channels.iter().all(|channel| {
        let head = version(heads(channel.entries())[0]);
        channel.entries().iter().all(|entry| version(&entry.name).cmp_with_build(&head).unwrap().is_le())
    })
}

/// How steps went on the database and on files.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) done: usize,
    pub(super) refused: usize,
}

/// Does the steps one after the other on a database and on what it renders as; those that fail change neither.
pub(super) fn agree(steps: &[Step], tally: &mut Tally) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.db");
    opm_sqlite::create(&path, None, &Stop::new(), |_| Ok(())).unwrap();
    let mut catalog = render(&path).unwrap();
    let mut with_content = true;
    let mut deprecated: Vec<&String> = Vec::new();
    for step in steps {
        // A database knows what was deprecated: it does not take it again, but deprecates it again. Files do not know it.
        let is_deprecated = |image: &String| deprecated.contains(&image);
        let is_again = match step {
            Step::Add(AddOptions { mode, .. }, bundles) => {
                bundles.iter().any(|text| is_deprecated(&bundle(text).0.image))
                    || *mode != Mode::Replaces && !deprecated.is_empty()
            }
            Step::Deprecate(_, images) => images.iter().any(is_deprecated),
            _ => false,
        };
        if is_again {
            return;
        }
        if let Step::Add(options @ AddOptions { mode: Mode::Replaces, .. }, bundles) = step {
            // A database remembers what bundles replace that are only skipped by now; the entries of files do not say it.
            let forgotten = only_skipped(&catalog);
            let is_forgotten = |text: &String| forgotten.contains(bundle(text).0.replaces.as_str());
            if bundles.iter().any(is_forgotten) || options.overwrite_latest && !forgotten.is_empty() {
                return;
            }
        }
        if matches!(step, Step::Add(..)) && !are_heads_highest(&catalog) {
            // A database is built anew with the highest versions at the heads, also in channels that are not concerned.
            return;
        }
        let draft = dir.path().join("draft.db");
        let by_database = step.on_database(&draft, &path);
        let mut edit = Edit::new(catalog.clone());
        let by_files = step.on_files(&mut edit);
        let context = || format!("{step:?} of\n{}", graph(&catalog));
        let rendered = match by_database {
            Err(error) => {
                let whole = text(&error.flatten().remove(0));
                let error = whole.as_str();
                // A database keeps bundles that are in no channel; files do not.
                if error.contains("prune-stranded") {
                    return;
                }
                let found = match by_files {
                    Err(found) => text(&found.flatten().remove(0)),
                    Ok(_) => panic!("{}\nonly the database refuses: {error}", context()),
                };
                let error =
                    error.split_once(": ").filter(|(about, _)| about.starts_with("error adding operator bundle"));
                let error = error.map_or_else(|| whole.clone(), |(_, error)| error.to_owned());
                if !found.starts_with("failed to add bundle") {
                    assert_eq!(kind(&error), kind(&found), "{}\n{error}\n{found}", context());
                }
                tally.refused += 1;
                continue;
            }
            Ok(_) => render(&draft),
        };
        let rendered = match rendered {
            Err(error) => {
                let is_found = by_files.map_or(true, |findings| !findings.is_empty());
                assert!(is_found, "{}\nonly the database cannot be rendered: {error}", context());
                tally.refused += 1;
                continue;
            }
            Ok(rendered) => rendered,
        };
        if let Err(error) = by_files {
            panic!("{}\nonly files refuse: {}", context(), text(&error));
        }
        tally.done += 1;
        if let Step::Deprecate(_, images) = step {
            deprecated.extend(images);
        }
        std::fs::rename(&draft, &path).unwrap();
        let edited = edit.finish();
        assert!(edited.invalid_before().is_valid());
        let after = edited.into_catalog();
        with_content &= !matches!(step, Step::Add(AddOptions { mode: Mode::SemVer | Mode::SkipPatch, .. }, _));
        let (one, other) = (comparable(&after, with_content), comparable(&rendered, with_content));
        assert_eq!(graph(&one), graph(&other), "{}", context());
        assert_eq!(one.packages, other.packages, "{}", context());
        assert_eq!(one.bundles, other.bundles, "{}", context());
        assert_eq!(one, other, "{}", context());
        catalog = after;
    }
}
