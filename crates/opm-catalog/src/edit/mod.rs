//! Editing file-based catalogs as `opm index add`, `rm`, `prune` and `deprecatetruncate` edit databases.
//!
//! An [`Edit`] holds packages, changes them, and is finished as an [`Edited`] catalog: checked, with the [`Difference`] that
//! was made to the upgrade graphs, and the files that have to be written ([`Edited::plan`]). Nothing here writes them.
//!
//! What holds in every edit:
//!
//! - What an edit does not concern stays as it is, and in its place: other packages, other channels, the order of entries,
//!   properties of channels, blobs of unknown schemas. These go with their package; those that belong to none stay.
//! - The entries of channels are what counts, not what CSVs in the catalog say. Names that entries replace or skip need not be
//!   in the catalog: there, a channel was truncated.
//! - A bundle that is left without an entry goes, and so does what `olm.deprecations` say of channels and bundles that went.
//! - A package is edited as a whole or not at all. It must be valid before, and is afterwards.
//!
//! ```no_run
//! use opm_catalog::{edit::Edit, load};
//!
//! let mut edit = Edit::new(load("configs")?);
//! edit.remove(&["etcd"], false)?;
//! let edited = edit.finish();
//! println!("{}", edited.difference());
//! for change in edited.plan("configs".as_ref())? {
//!     println!("{}: {} bytes", change.path.display(), change.content.map_or(0, |content| content.len()));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod add;
mod added;
mod check;
mod deprecate;
mod difference;
mod error;
mod graph;
mod icon;
mod plan;
mod remove;
mod replaces;
mod semver;
mod substitutes;
mod sweep;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub use add::AddOptions;
pub use added::AddedBundle;
pub use deprecate::DeprecateOptions;
pub use difference::{Change, ChannelDifference, Difference, Edge, EdgeKind, PackageDifference, difference};
pub use error::EditError;
pub use plan::{FileChange, plan};

use crate::blob::{Blob, Catalog, Kind};
use crate::{Error, Index, Level, Report, validate};

/// The blobs of each package by its name; of those that belong to none under the empty name. What was not edited is shared
/// between the state before and that after.
type Parts = BTreeMap<String, Arc<Catalog>>;

/// A catalog, or some packages of one, while it is edited. Each edit happens as a whole or, where it fails, not at all.
#[derive(Clone, Debug)]
pub struct Edit {
    before: Parts,
    after: Parts,
    elsewhere: Elsewhere,
}

/// What is to be known of packages that are not held.
#[derive(Clone, Debug, Default)]
struct Elsewhere {
    /// They, by the names of their bundles.
    owners: BTreeMap<String, Vec<String>>,
    /// Their files.
    files: BTreeSet<Arc<Path>>,
    /// How far their bundles are migrated; asked only where none are held.
    level: Option<Level>,
}

/// A catalog that was edited.
#[derive(Clone, Debug)]
pub struct Edited {
    before: Parts,
    after: Parts,
    elsewhere: Elsewhere,
    untouched: Report,
}

/// The catalog by packages.
fn split(catalog: Catalog) -> Parts {
    let mut parts: BTreeMap<String, Catalog> = BTreeMap::new();
    let mut push = |blob: Blob| match parts.get_mut(blob.package()) {
        Some(part) => part.push(blob),
        None => drop(parts.insert(blob.package().to_owned(), [blob].into_iter().collect())),
    };
    catalog.packages.into_iter().map(Blob::Package).for_each(&mut push);
    catalog.channels.into_iter().map(Blob::Channel).for_each(&mut push);
    catalog.bundles.into_iter().map(Blob::Bundle).for_each(&mut push);
    catalog.deprecations.into_iter().map(Blob::Deprecation).for_each(&mut push);
    catalog.others.into_iter().map(Blob::Other).for_each(&mut push);
    parts.into_iter().map(|(package, part)| (package, Arc::new(part))).collect()
}

/// The packages that are not the same any more, with their blobs before and after.
fn changed<'a>(
    before: &'a Parts,
    after: &'a Parts,
) -> impl Iterator<Item = (&'a str, Option<&'a Arc<Catalog>>, Option<&'a Arc<Catalog>>)> {
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).map(String::as_str).collect();
    let both = |name| (name, before.get(name), after.get(name));
    names.into_iter().map(both).filter(|(_, before, after)| match (before, after) {
        (Some(before), Some(after)) => !Arc::ptr_eq(before, after),
        _ => true,
    })
}

impl Edit {
    /// An edit of a whole catalog.
    pub fn new(catalog: Catalog) -> Self {
        let before = split(catalog);
        Self { after: before.clone(), before, elsewhere: Elsewhere::default() }
    }

    /// An edit of these packages of a catalog, which need not be in it yet. Only they are read into memory, and packages
    /// that share a file with them; a catalog of a single file is read as a whole.
    pub fn of_packages<S: AsRef<str>>(index: &Index, packages: &[S]) -> Result<Self, Error> {
        let wanted: BTreeSet<&str> = packages.iter().map(AsRef::as_ref).collect();
        let files = |package| index.entries_of(package).filter_map(|entry| entry.origin.file.as_ref());
        let shared: BTreeSet<_> = wanted.iter().flat_map(|package| files(package)).collect();
        let is_single = index.files().nth(1).is_none();
        let (mut before, mut elsewhere) = (Parts::new(), Elsewhere::default());
        let mut smallest: Option<(usize, &str)> = None;
        for package in index.owners() {
            if is_single || wanted.contains(package) || files(package).any(|file| shared.contains(file)) {
                before.insert(package.to_owned(), Arc::new(index.load(package)?));
                continue;
            }
            elsewhere.files.extend(files(package).cloned());
            let bundles = index.entries_of(package).filter(|entry| entry.kind == Kind::Bundle);
            let names: Vec<String> = bundles.map(|entry| entry.name.to_string()).collect();
            if !names.is_empty() && smallest.is_none_or(|(count, _)| names.len() < count) {
                smallest = Some((names.len(), package));
            }
            for name in names {
                elsewhere.owners.entry(name).or_default().push(package.to_owned());
            }
        }
        if let Some((_, package)) = smallest.filter(|_| before.values().all(|part| part.bundles.is_empty())) {
            elsewhere.level = add::level_of(&index.load(package)?);
        }
        Ok(Self { after: before.clone(), before, elsewhere })
    }

    /// The names of the packages that are held.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.after.keys().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Ends the edit. What is wrong with packages that it did not concern can be asked of the result.
    pub fn finish(self) -> Edited {
        let Self { before, after, elsewhere } = self;
        let is_untouched = |(package, part): &(&String, &Arc<Catalog>)| {
            before.get(*package).is_some_and(|before| Arc::ptr_eq(before, part))
        };
        let findings =
            after.iter().filter(is_untouched).flat_map(|(_, part)| validate(part).findings).collect::<Vec<_>>();
        Edited { untouched: Report { findings }, before, after, elsewhere }
    }

    /// Runs an edit, and undoes what it did where it fails.
    fn atomically<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, EditError>) -> Result<T, EditError> {
        let before = self.after.clone();
        let result = work(self);
        if result.is_err() {
            self.after = before;
        }
        result
    }

    /// Changes a package by `work`: a copy of it takes its place if it was valid, or new, and still is.
    fn change<T>(
        &mut self,
        package: &str,
        work: impl FnOnce(&mut Catalog) -> Result<T, EditError>,
    ) -> Result<T, EditError> {
        let before = self.after.get(package).cloned().unwrap_or_default();
        let was = validate(&before);
        if !was.is_valid() {
            return Err(EditError::InvalidBefore { package: package.to_owned(), report: Box::new(was) });
        }
        let mut part = Catalog::clone(&before);
        let result = work(&mut part)?;
        sweep::sweep(&before, &mut part);
        let is = validate(&part);
        if !is.is_valid() {
            return Err(EditError::InvalidAfter { package: package.to_owned(), report: Box::new(is) });
        }
        if part != *before {
            self.after.insert(package.to_owned(), Arc::new(part));
        }
        Ok(result)
    }
}

impl Edited {
    /// Whether nothing was changed.
    pub fn is_same(&self) -> bool {
        changed(&self.before, &self.after).next().is_none()
    }

    /// What changed in the upgrade graphs.
    pub fn difference(&self) -> Difference {
        Difference::of(changed(&self.before, &self.after))
    }

    /// What is wrong with packages that the edit did not concern, and was before it. Those that it changed are valid.
    pub fn invalid_before(&self) -> &Report {
        &self.untouched
    }

    /// The files to write so that the catalog at `root`, from which the packages were read, becomes this one: see [`plan()`].
    pub fn plan(&self, root: &Path) -> Result<Vec<FileChange>, Error> {
        let (before, after) = (self.before.values(), self.after.values());
        plan::of(before.map(AsRef::as_ref), after.map(AsRef::as_ref), &self.elsewhere.files, root)
    }

    /// The blobs that were held, after the edit, by package.
    pub fn into_catalog(self) -> Catalog {
        self.after.into_values().map(Arc::unwrap_or_clone).collect()
    }
}
