//! Catalogs of any size: their blobs as text out of memory, and a small table of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use opm_model::Stop;
use rayon::prelude::*;

use crate::blob::{Blob, Bundle, Catalog, Kind, Meta};
use crate::encode::{Encode, Missing};
use crate::load::each;
use crate::spool::{Slice, Spool};
use crate::{Error, Level, Origin, decode, migrate, raw, validate, walk};

/// A catalog whose blobs are not in memory. Small ones are; of larger ones they are in a temporary file in `$TMPDIR`, which
/// has no name and goes with the process. Memory grows with the number of blobs and the largest few of them, not with their
/// size.
///
/// ```no_run
/// let index = opm_catalog::Index::scan("configs")?;
/// for package in index.packages() {
///     let part = index.load(package)?;
///     println!("{package}: {} bundles", part.bundles.len());
/// }
/// # Ok::<(), opm_catalog::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Index {
    spool: Arc<Spool>,
    files: Vec<Arc<Path>>,
    entries: Vec<Entry>,
    /// The entries of each package, in order; of those that belong to none under the empty name.
    packages: BTreeMap<String, Vec<usize>>,
}

/// A blob.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// The schema, if it is none of those that are understood.
    pub(crate) schema: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) origin: Origin,
    pub(crate) slice: Slice,
}

/// What a catalog is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown as `opm render` does: settled ([`Bundle::settle`]) and migrated.
    Show(Level),
    /// To be taken as it is.
    Take,
    /// To be checked by [`Index::validate`] and by nothing else: manifests and metadata of CSVs that are as they should be are
    /// not kept.
    Check,
}

/// A blob on its way to the table: its text is made on any thread.
pub(crate) struct Item {
    kind: Kind,
    package: String,
    schema: Box<str>,
    name: Box<str>,
    origin: Origin,
    text: Vec<u8>,
}

impl Item {
    pub(crate) fn of(blob: &Blob, missing: Missing) -> Self {
        let mut text = Vec::new();
        blob.encode(missing, &mut text);
        Self {
            kind: blob.kind(),
            package: blob.package().to_owned(),
            schema: blob.other_schema().into(),
            name: blob.name().into(),
            origin: blob.origin().clone(),
            text,
        }
    }
}

impl Purpose {
    /// What is kept of a blob.
    pub(crate) fn item(self, mut blob: Blob) -> Result<Item, Error> {
        match (self, &mut blob) {
            (Self::Show(level), Blob::Bundle(bundle)) => show(bundle, level)?,
            (Self::Check, Blob::Bundle(bundle)) => *bundle = validate::without_content(bundle),
            (Self::Check, Blob::Other(meta)) => meta.json = String::new(),
            _ => {}
        }
        Ok(Item::of(&blob, if matches!(self, Self::Show(_)) { Missing::Null } else { Missing::Left }))
    }
}

fn show(bundle: &mut Bundle, level: Level) -> Result<(), Error> {
    bundle.settle();
    migrate::migrate_bundle(bundle, level)
}

impl Index {
    /// An index whose temporary file is made in this directory.
    pub fn within(directory: &Path) -> Self {
        Self { spool: Arc::new(Spool::within(directory)), ..Self::default() }
    }

    /// An index that shares its temporary file with this one.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self { spool: Arc::clone(&self.spool), ..Self::default() }
    }

    /// Reads the catalog at `root`, a directory (see [`crate::files`]) or a single file, and checks that its blobs are what
    /// their schemas say.
    pub fn scan(root: impl AsRef<Path>) -> Result<Self, Error> {
        let mut index = Self::default();
        index.read(root, Purpose::Take, &Stop::new())?;
        Ok(index)
    }

    /// Adds the catalog at `root`. Ends early with [`Error::Stopped`] when `stop` is asked for.
    pub fn read(&mut self, root: impl AsRef<Path>, purpose: Purpose, stop: &Stop) -> Result<(), Error> {
        let files = walk::files(root)?;
        self.files.extend(files.iter().map(|file| Arc::from(file.as_path())));
        each(&files, stop, |blob| purpose.item(blob), |item| self.add(item))
    }

    /// Adds bundles as `opm render` shows them.
    pub fn show(&mut self, bundles: impl IntoIterator<Item = Bundle>, level: Level) -> Result<(), Error> {
        bundles.into_iter().try_for_each(|bundle| self.add(Purpose::Show(level).item(Blob::Bundle(bundle))?))
    }

    /// Adds all blobs of an index that shares its temporary file with this one.
    pub fn append(&mut self, other: Self) -> Result<(), Error> {
        if !Arc::ptr_eq(&self.spool, &other.spool) {
            return Err(Error::Usage("indexes with different temporary files cannot be joined".to_owned()));
        }
        let before = self.entries.len();
        self.files.extend(other.files);
        self.entries.extend(other.entries);
        for (package, entries) in other.packages {
            self.packages.entry(package).or_default().extend(entries.into_iter().map(|entry| entry + before));
        }
        Ok(())
    }

    /// Names the files below the directory `from` as if they were below `to`.
    pub fn relocate(&mut self, from: &Path, to: &Path) {
        let place = |file: &Arc<Path>| file.strip_prefix(from).ok().map(|below| Arc::from(to.join(below)));
        for file in &mut self.files {
            *file = place(file).unwrap_or_else(|| file.clone());
        }
        for file in self.entries.iter_mut().filter_map(|entry| entry.origin.file.as_mut()) {
            *file = place(file).unwrap_or_else(|| file.clone());
        }
    }

    pub(crate) fn add(&mut self, item: Item) -> Result<(), Error> {
        let Item { kind, package, schema, name, origin, text } = item;
        let slice = self.spool.add(&text)?;
        match self.packages.get_mut(&package) {
            Some(entries) => entries.push(self.entries.len()),
            None => drop(self.packages.insert(package, vec![self.entries.len()])),
        }
        self.entries.push(Entry { kind, schema, name, origin, slice });
        Ok(())
    }

    /// The names of the packages to which blobs belong, sorted by bytes.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The files of the catalog, in the order in which they are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(AsRef::as_ref)
    }

    /// The blobs of a package, or with the empty name those that belong to none, in the order of the catalog. None where
    /// there is no such package.
    pub fn load(&self, package: &str) -> Result<Catalog, Error> {
        self.entries_of(package).map(|entry| self.blob(package, entry)).collect()
    }

    /// All blobs, package by package.
    pub fn load_all(&self) -> Result<Catalog, Error> {
        let mut by_entry = vec![""; self.entries.len()];
        for (package, entries) in &self.packages {
            for entry in entries {
                by_entry[*entry] = package;
            }
        }
        let blobs: Vec<Result<Blob, Error>> =
            self.entries.par_iter().zip(by_entry).map(|(entry, package)| self.blob(package, entry)).collect();
        blobs.into_iter().collect()
    }

    pub(crate) fn entries_of(&self, package: &str) -> impl Iterator<Item = &Entry> {
        self.packages.get(package).into_iter().flatten().map(|entry| &self.entries[*entry])
    }

    /// All names under which there are blobs, with the empty one.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str)
    }

    /// The text of a blob, read into a buffer.
    pub(crate) fn text<'b>(&self, entry: &Entry, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Error> {
        self.spool.read(entry.slice, buffer)
    }

    fn blob(&self, package: &str, entry: &Entry) -> Result<Blob, Error> {
        let mut text = Vec::new();
        self.text(entry, &mut text)?;
        let text = raw::into_text(text);
        let origin = entry.origin.clone();
        let fault = |message| Error::Document { origin: origin.clone(), column: None, message };
        if entry.kind != Kind::Other {
            return decode::written(entry.kind, &text, origin.clone()).map_err(|f| fault(f.to_string()));
        }
        let (schema, name) = (entry.schema.to_string(), entry.name.to_string());
        Ok(Blob::Other(Meta { schema, package: package.to_owned(), name, json: text, origin }))
    }
}

impl Index {
    /// The index of a catalog that is in memory.
    pub fn of(catalog: &Catalog) -> Result<Self, Error> {
        let mut index = Self::default();
        catalog.blobs().try_for_each(|blob| index.add(Item::of(&blob, Missing::Null)))?;
        Ok(index)
    }
}
