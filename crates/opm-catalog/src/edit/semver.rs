//! The modes `semver` and `semver-skippatch`: the graph follows from the versions alone.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use opm_model::Version;
use opm_model::edit::{Mode, Refusal};

use super::add::set_default_channel;
use super::{AddedBundle, EditError, added, graph};
use crate::blob::{Catalog, ChannelEntry};
use crate::validate;

/// Puts bundles of one package into its channels, one after the other.
pub(super) fn add(
    part: &mut Catalog,
    package: &str,
    bundles: &[AddedBundle],
    mode: Mode,
) -> Result<Vec<EditError>, EditError> {
    let mut versions: BTreeMap<String, Version> = BTreeMap::new();
    for bundle in &part.bundles {
        versions.insert(bundle.name.clone(), version_of(&bundle.name, &added::version(bundle)?)?);
    }
    for bundle in bundles {
        let default_channel = default_channel(part, bundle)?;
        let version = version_of(&bundle.blob.name, &bundle.version()?)?;
        let placing = Placing { package, bundle, version: &version, versions: &versions, mode };
        for channel in &bundle.channels {
            let found = part.channels.iter().find(|found| found.name == *channel);
            let entries = placing.place(channel, found.map(crate::Channel::entries).unwrap_or_default())?;
            graph::write(part, package, channel, entries);
        }
        if versions.insert(bundle.blob.name.clone(), version).is_some() {
            let why = "it is in the catalog already, and --overwrite-latest is for the mode replaces".to_owned();
            return Err(Refusal::AddBundle { name: bundle.blob.name.clone(), why }.into());
        }
        if !part.channels.iter().any(|channel| channel.name == default_channel) {
            return Err(Refusal::NoDefaultChannel(package.to_owned()).into());
        }
        set_default_channel(part, package, &default_channel);
    }
    Ok(Vec::new())
}

fn version_of(bundle: &str, version: &str) -> Result<Version, EditError> {
    Version::parse(version).map_err(|source| Refusal::Version { bundle: bundle.to_owned(), source }.into())
}

/// The default channel that the package has once the bundle is added.
fn default_channel(part: &Catalog, bundle: &AddedBundle) -> Result<String, EditError> {
    if !bundle.default_channel.is_empty() {
        return Ok(bundle.default_channel.clone());
    }
    if let Some(package) = part.packages.first() {
        return Ok(package.default_channel.clone());
    }
    let first = bundle.channels.iter().min().filter(|channel| !channel.is_empty());
    first.cloned().ok_or_else(|| Refusal::NoChannels(bundle.blob.name.clone()).into())
}

/// A bundle that is put into channels.
struct Placing<'a> {
    package: &'a str,
    bundle: &'a AddedBundle,
    version: &'a Version,
    /// The versions of the bundles that are there.
    versions: &'a BTreeMap<String, Version>,
    mode: Mode,
}

impl Placing<'_> {
    /// The entries of a channel once the bundle is at the place that its version gives it.
    fn place(&self, channel: &str, entries: &[ChannelEntry]) -> Result<BTreeMap<String, ChannelEntry>, EditError> {
        let name = &self.bundle.blob.name;
        let mut new =
            ChannelEntry { name: name.clone(), skip_range: self.bundle.skip_range.clone(), ..ChannelEntry::default() };
        let mut all: BTreeMap<String, ChannelEntry> =
            entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect();
        let chain = self.chain(channel, &mut all)?;
        let (lower, higher) = self.neighbours(channel, &all, &chain)?;

        let is_patch =
            |name: &str| self.mode == Mode::SkipPatch && self.line_of(name) == Some(self.version.minor_line());
        let mut skipped: BTreeSet<String> = all.keys().filter(|name| !chain.contains(name)).cloned().collect();
        // What remains a link below the new one: the highest lower version, but none that is skipped.
        if let Some(behind) = lower.iter().find(|name| !is_patch(name) && !skipped.contains(*name)) {
            new.replaces.clone_from(behind);
        } else if let Some(bottom) = chain.last().and_then(|bottom| all.get(bottom)).filter(|b| b.replaces != *name) {
            // Where the channel was truncated it stays so.
            new.replaces.clone_from(&bottom.replaces);
        }
        for patch in lower.iter().filter(|name| is_patch(name)) {
            let Some(entry) = all.get_mut(patch) else { continue };
            // What it skipped itself, its replacement skips now.
            let former = std::mem::take(&mut entry.skips);
            let replaced = Some(std::mem::take(&mut entry.replaces)).filter(|name| skipped.contains(name));
            new.skips.push(patch.clone());
            let is_kept = |name: &String| skipped.contains(name) || !all.contains_key(name);
            new.skips.extend(replaced.into_iter().chain(former.into_iter().filter(is_kept)));
            skipped.insert(patch.clone());
        }
        added::normalize(&mut new);
        if let Some(ahead) = higher.and_then(|name| all.remove(&name)) {
            let is_kept = |skip: &String| {
                let is_link = all.contains_key(skip) && !skipped.contains(skip);
                !is_link && *skip != new.replaces && !new.skips.contains(skip)
            };
            let skips = ahead.skips.iter().filter(|skip| is_kept(skip)).cloned().collect();
            let ahead = ChannelEntry { replaces: name.clone(), skips, ..ahead };
            all.insert(ahead.name.clone(), ahead);
        }
        all.insert(name.clone(), new);
        Ok(all)
    }

    /// The links of the chain of a channel from its head down. The one bundle that a bundle points to is taken for what it
    /// replaces, as other tools have it.
    fn chain(&self, channel: &str, all: &mut BTreeMap<String, ChannelEntry>) -> Result<Vec<String>, EditError> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let by_name = all.iter().map(|(name, entry)| (name.as_str(), entry)).collect();
        let fault = |why| EditError::Heads { package: self.package.to_owned(), channel: channel.to_owned(), why };
        let mut next = validate::head(&by_name).map_err(fault)?.name.clone();
        let mut chain: Vec<String> = Vec::new();
        while let Some(mut entry) = all.remove(&next) {
            if let ("", [only]) = (entry.replaces.as_str(), &entry.skips[..])
                && all.contains_key(only)
                && !chain.contains(only)
            {
                entry.replaces = std::mem::take(&mut entry.skips).concat();
            }
            chain.push(std::mem::replace(&mut next, entry.replaces.clone()));
            all.insert(entry.name.clone(), entry);
            if chain.contains(&next) {
                break;
            }
        }
        Ok(chain)
    }

    /// The lower versions of a channel, the highest first, and the lowest higher one that is a link of the chain.
    fn neighbours(
        &self,
        channel: &str,
        all: &BTreeMap<String, ChannelEntry>,
        chain: &[String],
    ) -> Result<(Vec<String>, Option<String>), EditError> {
        let mut lower: Vec<(&Version, &String)> = Vec::new();
        let mut higher: Option<(&Version, &String)> = None;
        for name in all.keys() {
            let Some(other) = self.versions.get(name) else { continue };
            match other.cmp_precedence(self.version) {
                Ordering::Less => lower.push((other, name)),
                Ordering::Greater if !chain.contains(name) => {}
                Ordering::Greater => {
                    if higher.is_none_or(|(lowest, _)| other.cmp_precedence(lowest).is_lt()) {
                        higher = Some((other, name));
                    }
                }
                Ordering::Equal => {
                    return Err(Refusal::VersionAlreadyAdded {
                        version: self.version.to_string(),
                        existing: name.clone(),
                        bundle: self.bundle.blob.name.clone(),
                        package: self.package.to_owned(),
                        channel: channel.to_owned(),
                    }
                    .into());
                }
            }
        }
        lower.sort_by(|(a, _), (b, _)| b.cmp_precedence(a));
        Ok((lower.into_iter().map(|(_, name)| name.clone()).collect(), higher.map(|(_, name)| name.clone())))
    }

    fn line_of(&self, name: &str) -> Option<(u64, u64)> {
        self.versions.get(name).map(Version::minor_line)
    }
}
