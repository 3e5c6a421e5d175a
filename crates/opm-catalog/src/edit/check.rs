//! What is looked at before anything is added.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use opm_model::edit::{Refusal, Wanted};

use super::{AddOptions, AddedBundle, Edit, EditError, graph};
use crate::blob::Catalog;

impl Edit {
    /// Finds edges between the new bundles and others that would join two packages; returns the faults by package.
    pub(super) fn foreign_edges(&self, bundles: &[AddedBundle]) -> BTreeMap<String, Vec<Refusal>> {
        let mut wanted = Wanted::default();
        for bundle in bundles {
            let names = bundle.skips.iter().chain([&bundle.blob.name, &bundle.replaces]);
            wanted.add(&bundle.blob.package, names.map(String::as_str));
        }
        let mut known = self.owners_of(&wanted);
        let Ok(faults) = wanted.faults(|bundle| Ok::<_, Infallible>(known.remove(bundle).unwrap_or_default()));
        faults
    }

    /// The packages whose channels have these names.
    fn owners_of<'a>(&'a self, wanted: &Wanted<'a>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (package, part) in &self.after {
            let entries = part.channels.iter().flat_map(crate::Channel::entries);
            let all = entries.flat_map(|entry| graph::targets(entry).chain([entry.name.as_str()]));
            for name in all.filter(|name| wanted.contains(name)) {
                owners.entry(name).or_default().insert(package);
            }
        }
        for name in wanted.names() {
            if let Some(packages) = self.elsewhere.owners.get(name) {
                owners.entry(name).or_default().extend(packages.iter().map(String::as_str));
            }
        }
        owners
    }
}

/// Checks that neither the images nor the CSVs of the new bundles of a package are in it already. Returns the CSV that is to be
/// overwritten, if any.
pub(super) fn duplicates(
    package: &str,
    part: &Catalog,
    bundles: &[AddedBundle],
    options: AddOptions,
) -> Result<Option<String>, EditError> {
    let images: BTreeSet<&str> = part.bundles.iter().map(|bundle| bundle.image.as_str()).collect();
    let mut errors = Vec::new();
    let mut overwritten: Vec<String> = Vec::new();
    for AddedBundle { blob, .. } in bundles {
        if !blob.image.is_empty() && images.contains(blob.image.as_str()) {
            errors.push(Refusal::ImageAlreadyAdded(blob.image.clone()).into());
            continue;
        }
        let Some(existing) = part.bundles.iter().find(|bundle| bundle.name == blob.name) else { continue };
        if !options.overwrite_latest {
            let is_in = |entries: &[crate::ChannelEntry]| entries.iter().any(|entry| entry.name == blob.name);
            let channels = part.channels.iter().filter(|channel| is_in(channel.entries()));
            errors.push(
                Refusal::CsvAlreadyAdded {
                    package: package.to_owned(),
                    csv: blob.name.clone(),
                    channel: channels.map(|channel| channel.name.clone()).min().unwrap_or_default(),
                    image: blob.image.clone(),
                }
                .into(),
            );
        } else if existing.image.is_empty() {
            errors.push(Refusal::OverwriteWithoutImage(blob.name.clone()).into());
        } else if let Some((channel, replaced_by)) = replaced_in(part, &blob.name) {
            errors.push(
                Refusal::OverwriteNotHead {
                    package: package.to_owned(),
                    bundle: blob.name.clone(),
                    channel,
                    replaced_by,
                }
                .into(),
            );
        } else {
            overwritten.push(blob.name.clone());
        }
    }
    if overwritten.len() > 1 {
        errors.push(Refusal::OverwriteTwice { package: package.to_owned(), bundles: overwritten.clone() }.into());
    }
    EditError::all(errors)?;
    Ok(overwritten.pop())
}

/// A channel of the package where another bundle replaces or skips this one, and that bundle.
fn replaced_in(part: &Catalog, bundle: &str) -> Option<(String, String)> {
    part.channels.iter().find_map(|channel| {
        let above = channel.entries().iter().find(|entry| graph::targets(entry).any(|name| name == bundle))?;
        Some((channel.name.clone(), above.name.clone()))
    })
}
