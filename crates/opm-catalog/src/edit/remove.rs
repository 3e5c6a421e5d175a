//! Taking packages out of a catalog.

use std::collections::BTreeSet;

use opm_model::edit::Refusal;

use super::{Edit, EditError};

impl Edit {
    /// Removes packages with all that belongs to them. All names are looked at first: where the catalog lacks one, nothing is
    /// removed; with `permissive` the others are, and those that are missing are returned.
    pub fn remove<S: AsRef<str>>(&mut self, packages: &[S], permissive: bool) -> Result<Vec<EditError>, EditError> {
        let names: BTreeSet<&str> = packages.iter().map(AsRef::as_ref).collect();
        let mut missing = self.missing(packages.iter().map(AsRef::as_ref));
        if !permissive {
            EditError::all(std::mem::take(&mut missing))?;
        }
        self.after.retain(|package, _| package.is_empty() || !names.contains(package.as_str()));
        Ok(missing)
    }

    /// Removes all packages but these. Returns which of these the catalog lacks, for a warning.
    pub fn prune<S: AsRef<str>>(&mut self, keep: &[S]) -> Vec<EditError> {
        let kept: BTreeSet<&str> = keep.iter().map(AsRef::as_ref).collect();
        let missing = self.missing(keep.iter().map(AsRef::as_ref).filter(|name| !name.is_empty()));
        self.after.retain(|package, _| package.is_empty() || kept.contains(package.as_str()));
        missing
    }

    /// Those of the names that no package has.
    fn missing<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<EditError> {
        let mut seen = BTreeSet::new();
        let is_missing = |name: &&str| name.is_empty() || !self.after.contains_key(*name);
        let missing = names.filter(|name| seen.insert(*name)).filter(is_missing);
        missing.map(|name| Refusal::NoPackage(name.to_owned()).into()).collect()
    }
}
