//! Which files to write so that one catalog becomes another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use opm_document::json;

use crate::blob::{Bundle, Catalog, Channel, Deprecation, Kind, Meta, Package};
use crate::encode::{Encode, Missing};
use crate::write::write_yaml;
use crate::{Error, Format, Origin};

/// How much of a file is looked at to tell its form, in bytes.
const HEAD: u64 = 4 << 10;

/// A file to write or to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The file, as the origins of blobs name it.
    pub path: PathBuf,
    /// What it holds; `None` where nothing remains in it, and it is to be removed.
    pub content: Option<Vec<u8>>,
}

/// The files to write so that the catalog at `root`, a directory or a single file that holds `before`, becomes `after`; by
/// path.
///
/// Every blob stays in the file where it was read, at its place there. Files in which no blob changed are not written; others
/// are as a whole, in their own form, from the blobs of both catalogs, which therefore must have all that these files hold.
/// Blobs that were made rather than read go to `PACKAGE/catalog.json` below the root (or `.yaml`, as the catalog's first file
/// is), or to the one file that the catalog has as its root.
pub fn plan(before: &Catalog, after: &Catalog, root: &Path) -> Result<Vec<FileChange>, Error> {
    of([before].into_iter(), [after].into_iter(), &BTreeSet::new(), root)
}

/// The same for catalogs in parts, of which others are in these files.
pub(super) fn of<'a>(
    before: impl Iterator<Item = &'a Catalog>,
    after: impl Iterator<Item = &'a Catalog>,
    elsewhere: &BTreeSet<Arc<Path>>,
    root: &Path,
) -> Result<Vec<FileChange>, Error> {
    let before: Vec<Item<'_>> = before.flat_map(items).filter(|item| item.origin().file.is_some()).collect();
    let files_of_others = elsewhere.iter().map(AsRef::as_ref);
    let known: BTreeSet<&Path> =
        before.iter().filter_map(|item| item.origin().file.as_deref()).chain(files_of_others).collect();
    let place = Place { root, known: &known, format: known.first().map_or(Format::Json, |file| format_of(file)) };
    let had = files(before, &place)?;
    let has = files(after.flat_map(items).collect(), &place)?;
    let mut changes = Vec::new();
    for (path, items) in &has {
        if had.get(path) != Some(items) {
            changes.push(FileChange { path: path.clone(), content: Some(content(items, format_of(path))?) });
        }
    }
    let gone = had.keys().filter(|path| !has.contains_key(*path));
    changes.extend(gone.map(|path| FileChange { path: path.clone(), content: None }));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(change) = changes.iter().find(|change| elsewhere.contains(change.path.as_path())) {
        let path = change.path.display();
        return Err(Error::Usage(format!(
            "cannot write {path}: it holds packages, too, that are not edited with this one"
        )));
    }
    Ok(changes)
}

/// A blob that is somewhere else.
#[derive(Clone, Copy, PartialEq)]
enum Item<'a> {
    Package(&'a Package),
    Channel(&'a Channel),
    Bundle(&'a Bundle),
    Other(&'a Meta),
    Deprecation(&'a Deprecation),
}

fn items(catalog: &Catalog) -> impl Iterator<Item = Item<'_>> {
    let packages = catalog.packages.iter().map(Item::Package);
    let channels = catalog.channels.iter().map(Item::Channel);
    let bundles = catalog.bundles.iter().map(Item::Bundle);
    let others = catalog.others.iter().map(Item::Other);
    let deprecations = catalog.deprecations.iter().map(Item::Deprecation);
    packages.chain(channels).chain(bundles).chain(others).chain(deprecations)
}

impl<'a> Item<'a> {
    fn origin(self) -> &'a Origin {
        match self {
            Self::Package(package) => &package.origin,
            Self::Channel(channel) => &channel.origin,
            Self::Bundle(bundle) => &bundle.origin,
            Self::Other(meta) => &meta.origin,
            Self::Deprecation(deprecation) => &deprecation.origin,
        }
    }

    /// Its package, kind and name.
    fn key(self) -> (&'a str, Kind, &'a str) {
        match self {
            Self::Package(package) => (&package.name, Kind::Package, ""),
            Self::Channel(channel) => (&channel.package, Kind::Channel, &channel.name),
            Self::Bundle(bundle) => (&bundle.package, Kind::Bundle, &bundle.name),
            Self::Other(meta) => (&meta.package, Kind::Other, &meta.schema),
            Self::Deprecation(deprecation) => (&deprecation.package, Kind::Deprecation, ""),
        }
    }

    fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Package(package) => package.encode(Missing::Left, out),
            Self::Channel(channel) => channel.encode(Missing::Left, out),
            Self::Bundle(bundle) => bundle.encode(Missing::Left, out),
            Self::Other(meta) => meta.encode(Missing::Left, out),
            Self::Deprecation(deprecation) => deprecation.encode(Missing::Left, out),
        }
    }
}

/// Where blobs go that have no place yet.
struct Place<'a> {
    root: &'a Path,
    /// The files of the catalog.
    known: &'a BTreeSet<&'a Path>,
    format: Format,
}

impl Place<'_> {
    fn of(&self, package: &str) -> Result<PathBuf, Error> {
        if self.known.contains(self.root) || self.root.is_file() {
            return Ok(self.root.to_path_buf());
        }
        let mut parts = Path::new(package).components();
        let is_plain = matches!((parts.next(), parts.next()), (None | Some(Component::Normal(_)), None));
        if !is_plain || package.contains(['/', '\0']) {
            return Err(Error::Usage(format!("invalid package name {package:?}: must be a single local path element")));
        }
        let path = self.root.join(package).join(format!("catalog.{}", self.format.extension()));
        if !self.known.contains(path.as_path()) && path.symlink_metadata().is_ok() {
            let path = path.display();
            return Err(Error::Usage(format!("cannot add package {package:?}: {path} is there, but not read with it")));
        }
        Ok(path)
    }
}

/// The blobs of every file in the order in which they are, those that are new at the end.
fn files<'a>(items: Vec<Item<'a>>, place: &Place<'_>) -> Result<BTreeMap<PathBuf, Vec<Item<'a>>>, Error> {
    let mut files: BTreeMap<PathBuf, Vec<Item<'a>>> = BTreeMap::new();
    for item in items {
        let path = match &item.origin().file {
            Some(file) => file.to_path_buf(),
            None => place.of(item.key().0)?,
        };
        files.entry(path).or_default().push(item);
    }
    for items in files.values_mut() {
        items.sort_by(|a, b| {
            let (one, other) = (a.origin(), b.origin());
            let is_new = |origin: &Origin| origin.file.is_none() || origin.line == 0;
            (is_new(one), one.line).cmp(&(is_new(other), other.line)).then_with(|| {
                // Those of one line stay as they were read.
                if is_new(one) { a.key().cmp(&b.key()) } else { std::cmp::Ordering::Equal }
            })
        });
    }
    Ok(files)
}

/// The form of a file: by its name or, where that says nothing, by its content.
fn format_of(path: &Path) -> Format {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => return Format::Json,
        Some("yaml" | "yml") => return Format::Yaml,
        _ => {}
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if read.is_ok() && first.is_some_and(|byte| *byte != b'{') { Format::Yaml } else { Format::Json }
}

fn content(items: &[Item<'_>], format: Format) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut compact = Vec::new();
    for item in items {
        compact.clear();
        item.encode(&mut compact);
        match format {
            Format::Json => {
                json::indent(&compact, &mut out);
                out.push(b'\n');
            }
            Format::Yaml => {
                out.extend_from_slice(b"---\n");
                write_yaml(&compact, &mut out)?;
            }
        }
    }
    Ok(out)
}
