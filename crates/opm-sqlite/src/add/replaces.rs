//! The mode `replaces`: the graph follows from what the CSVs say.

use std::collections::BTreeMap;

use opm_bundle::Bundle;
use opm_model::edit::Refusal;
use opm_model::{Candidate, PackageManifest};

use super::{AddOptions, overwrite};
use crate::StoreError;
use crate::edit::Edit;
use crate::remove::texts;

impl Edit<'_> {
    /// Adds bundles of one package; returns what an edit that is permissive may go on with.
    pub(super) fn add_by_replaces(
        &self,
        package: &str,
        bundles: &[&Bundle],
        overwritten: Option<&str>,
        options: AddOptions,
    ) -> Result<Vec<StoreError>, StoreError> {
        let mut before = self.listed(package)?;
        if let Some(name) = overwritten {
            before.retain(|(_, listed)| listed != name);
            overwrite::take_out(self.conn, package, name)?;
        }
        let mut errors = Vec::new();
        for bundle in bundles {
            if let Err(error) = self.insert_bundle(bundle, options.alpha) {
                errors.push(error.finding()?);
            }
        }
        StoreError::all(errors)?;

        let mut candidates = self.existing_candidates(package)?;
        candidates.retain(|c| !bundles.iter().any(|b| b.name == c.name));
        candidates.extend(bundles.iter().map(|b| Candidate {
            name: b.name.clone(),
            version: b.version.clone(),
            channels: b.annotations.channel_names(),
            default_channel: b.annotations.default_channel.clone(),
        }));
        let manifest = PackageManifest::by_version(package, &candidates)
            .map_err(|source| Refusal::Manifest { package: package.to_owned(), source })?;
        self.load_package(&manifest)?;

        self.check_reachable(package, bundles)?;
        let vanished = self.vanished(package, &before)?;
        if options.permissive {
            return Ok(vanished);
        }
        StoreError::all(vanished)?;
        Ok(Vec::new())
    }

    /// The bundles of a package that are in the catalog already, in the order of their entries.
    fn existing_candidates(&self, package: &str) -> Result<Vec<Candidate>, StoreError> {
        let query = "SELECT default_channel FROM package WHERE name = ?1";
        let default_channel = texts(self.conn, query, [package])?.pop().unwrap_or_default();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (channel, name) in self.listed(package)? {
            let place = if let Some(place) = places.get(&name) {
                *place
            } else {
                let version = texts(self.conn, "SELECT version FROM operatorbundle WHERE name = ?1", [&name])?.pop();
                candidates.push(Candidate {
                    name: name.clone(),
                    version: version.unwrap_or_default(),
                    channels: Vec::new(),
                    default_channel: default_channel.clone(),
                });
                places.insert(name, candidates.len() - 1);
                candidates.len() - 1
            };
            candidates[place].channels.push(channel);
        }
        Ok(candidates)
    }
}
