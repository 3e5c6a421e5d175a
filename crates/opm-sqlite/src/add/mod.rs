//! Adding bundles to a catalog, in one of three modes.

mod check;
mod overwrite;
mod replaces;
mod semver;
pub(crate) mod substitutes;

use std::collections::{BTreeMap, BTreeSet};

use opm_bundle::Bundle;
use opm_model::Version;
use opm_model::edit::{self, Mode, Refusal};

use crate::edit::Edit;
use crate::{StoreError, bundle};

/// What `registry add` and `index add` may be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddOptions {
    /// The mode.
    pub mode: Mode,
    /// Whether the head of a channel may be replaced by another image with the same CSV name.
    pub overwrite_latest: bool,
    /// Whether `olm.substitutesFor` is allowed.
    pub alpha: bool,
    /// Whether packages that cannot be edited are left as they are, instead of failing the whole edit.
    pub permissive: bool,
}

impl Edit<'_> {
    /// Adds bundles. Every package is edited as a whole or not at all.
    ///
    /// Without `permissive` any finding is an error; with it, the findings are returned, and packages that have none are edited.
    pub fn add(&self, bundles: &[Bundle], options: AddOptions) -> Result<Vec<StoreError>, StoreError> {
        let mut findings: Vec<StoreError> = Vec::new();
        let mut refused = check::edges(self.conn, bundles)?;
        for (package, group) in by_package(bundles) {
            if let Some(errors) = refused.remove(package) {
                findings.extend(errors.into_iter().map(StoreError::from));
                continue;
            }
            let edit = self.atomically(|| {
                let overwritten = check::duplicates(self.conn, package, &group, options)?;
                match options.mode {
                    Mode::Replaces => self.add_by_replaces(package, &group, overwritten.as_deref(), options),
                    Mode::SemVer | Mode::SkipPatch => self.add_by_version(package, &group, options),
                }
            });
            match edit {
                Ok(warnings) => findings.extend(warnings),
                Err(error) => findings.extend(error.finding()?.flatten()),
            }
        }
        if !options.permissive {
            StoreError::all(std::mem::take(&mut findings))?;
        }
        if options.mode != Mode::Replaces && !bundles.is_empty() {
            semver::clear_content_of_non_heads(self.conn)?;
        }
        Ok(findings)
    }
}

/// The bundles of each package, in the order in which they are added.
fn by_package(bundles: &[Bundle]) -> BTreeMap<&str, Vec<&Bundle>> {
    edit::by_package(
        bundles
            .iter()
            .map(|bundle| (bundle.annotations.package.as_str(), Version::parse(&bundle.version).ok(), bundle)),
    )
}

/// The place of a listed bundle: its channel and its name.
type Listed = (String, String);

impl Edit<'_> {
    /// The bundles with content that the channels of a package list, each once, in the order of their entries.
    fn listed(&self, package: &str) -> rusqlite::Result<Vec<Listed>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT e.channel_name, e.operatorbundle_name FROM channel_entry e
            JOIN operatorbundle b ON b.name = e.operatorbundle_name
            WHERE e.package_name = ?1 GROUP BY e.channel_name, e.operatorbundle_name ORDER BY min(e.entry_id)",
        )?;
        statement.query_map([package], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
    }

    /// The name of the bundle at the head of a channel; empty where there is none.
    fn head(&self, package: &str, channel: &str) -> rusqlite::Result<String> {
        let query = "SELECT head_operatorbundle_name FROM channel WHERE package_name = ?1 AND name = ?2";
        Ok(crate::remove::texts(self.conn, query, [package, channel])?.pop().unwrap_or_default())
    }

    /// What was listed before and is no longer, by channel.
    fn vanished(&self, package: &str, before: &[Listed]) -> Result<Vec<StoreError>, StoreError> {
        let after: BTreeSet<Listed> = self.listed(package)?.into_iter().collect();
        let mut lost: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for listed in before.iter().filter(|l| !after.contains(l)) {
            // Channels that a deprecated bundle heads are not made again.
            if bundle::is_deprecated(self.conn, &listed.1)? {
                continue;
            }
            lost.entry(&listed.0).or_default().push(listed.1.clone());
        }
        let fault = |(channel, bundles): (&str, Vec<String>)| {
            Ok(StoreError::Vanishes {
                package: package.to_owned(),
                channel: channel.to_owned(),
                head: self.head(package, channel)?,
                bundles,
            })
        };
        lost.into_iter().map(fault).collect()
    }

    /// Checks that every added bundle can be reached from the heads of its channels.
    fn check_reachable(&self, package: &str, added: &[&Bundle]) -> Result<(), StoreError> {
        let listed = self.listed(package)?;
        let mut errors = Vec::new();
        for bundle in added {
            for channel in bundle.annotations.channel_names() {
                if listed.iter().any(|(c, name)| *c == channel && *name == bundle.name) {
                    continue;
                }
                errors.push(
                    Refusal::Prunes {
                        bundle: bundle.name.clone(),
                        image: bundle.image.clone(),
                        package: package.to_owned(),
                        head: self.head(package, &channel)?,
                        listed: listed.iter().filter(|(c, _)| *c == channel).map(|(_, name)| name.clone()).collect(),
                        channel,
                    }
                    .into(),
                );
            }
        }
        StoreError::all(errors)
    }
}
