//! The upgrade graphs of a package, bundle by bundle, so that channels can be built from them anew.

use std::collections::{BTreeMap, BTreeSet};

use opm_document::sort;

use opm_model::edit::Refusal;

use super::{AddedBundle, EditError, added};
use crate::blob::{Catalog, Channel, ChannelEntry, Package};

/// The names of the entries that no other replaces or skips.
pub(super) fn heads(entries: &[ChannelEntry]) -> Vec<&str> {
    let below: BTreeSet<&str> = entries.iter().flat_map(targets).collect();
    entries.iter().map(|entry| entry.name.as_str()).filter(|name| !below.contains(name)).collect()
}

/// What an entry replaces, and what it skips.
pub(super) fn targets(entry: &ChannelEntry) -> impl Iterator<Item = &str> {
    let replaces = Some(entry.replaces.as_str()).filter(|name| !name.is_empty());
    replaces.into_iter().chain(entry.skips.iter().map(String::as_str))
}

/// The names on the chain of replacements from a head down, as far as there are entries.
pub(super) fn chain<'a>(entries: &BTreeMap<&'a str, &'a ChannelEntry>, head: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut next = entries.get(head);
    while let Some(entry) = next.filter(|entry| !names.contains(&entry.name.as_str())) {
        names.push(entry.name.as_str());
        next = entries.get(entry.replaces.as_str());
    }
    names
}

/// What the graphs need to know of a bundle.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Its entry in channels where it is not yet.
    pub(super) own: ChannelEntry,
    /// Its entries in the channels where it is.
    places: BTreeMap<String, Place>,
    pub(super) version: String,
    /// The bundle for which it stands in; empty where it stands in for none, or nobody asks.
    pub(super) substitutes_for: String,
}

#[derive(Clone, Debug)]
struct Place {
    entry: ChannelEntry,
    /// Whether it is on the chain of replacements; else it is only skipped.
    is_in_chain: bool,
}

/// All bundles of a package.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    package: String,
    pub(super) nodes: BTreeMap<String, Node>,
    /// The names of the bundles in the order in which they came.
    pub(super) order: Vec<String>,
    /// What is replaced, but is not in the catalog: there, channels were truncated.
    truncated: BTreeSet<String>,
    /// Whether edges may have been rewritten.
    with_substitutes: bool,
}

impl Graph {
    /// The graph of a package that is valid.
    pub(super) fn read(package: &str, part: &Catalog, with_substitutes: bool) -> Result<Self, EditError> {
        let mut graph = Self { package: package.to_owned(), with_substitutes, ..Self::default() };
        for bundle in &part.bundles {
            let substitutes_for = if with_substitutes { added::substitutes_for(bundle) } else { String::new() };
            let node = Node { version: added::version(bundle)?, substitutes_for, ..Node::default() };
            graph.nodes.insert(bundle.name.clone(), node);
            graph.order.push(bundle.name.clone());
        }
        for channel in &part.channels {
            let by_name = channel.entries().iter().map(|entry| (entry.name.as_str(), entry)).collect();
            let chained: BTreeSet<&str> =
                heads(channel.entries()).into_iter().flat_map(|head| chain(&by_name, head)).collect();
            for entry in channel.entries() {
                if !entry.replaces.is_empty() && !graph.nodes.contains_key(&entry.replaces) {
                    graph.truncated.insert(entry.replaces.clone());
                }
                let is_in_chain = chained.contains(entry.name.as_str());
                if let Some(node) = graph.nodes.get_mut(&entry.name) {
                    node.places.insert(channel.name.clone(), Place { entry: entry.clone(), is_in_chain });
                }
            }
        }
        // Where a bundle is a link of a chain says most about it; of those places, the default channel.
        let default = part.packages.first().map(|package| package.default_channel.as_str()).unwrap_or_default();
        for node in graph.nodes.values_mut() {
            let best = node.places.iter().min_by_key(|(channel, place)| (!place.is_in_chain, *channel != default));
            node.own = best.map(|(_, place)| place.entry.clone()).unwrap_or_default();
        }
        if with_substitutes {
            graph.order_substitutes()?;
        }
        Ok(graph)
    }

    /// Adds a bundle, which is in no channel yet.
    pub(super) fn insert(&mut self, bundle: &AddedBundle) -> Result<(), EditError> {
        let own = bundle.entry();
        self.order.push(own.name.clone());
        let node = Node {
            version: bundle.version()?,
            substitutes_for: bundle.substitutes_for.clone(),
            places: BTreeMap::new(),
            own,
        };
        self.nodes.insert(bundle.blob.name.clone(), node);
        Ok(())
    }

    /// The channels where an entry is no longer what it is in the package.
    pub(super) fn changed<'a>(&'a self, part: &'a Catalog) -> impl Iterator<Item = &'a Channel> {
        let is_changed = |channel: &&Channel, entry: &ChannelEntry| {
            let place = self.nodes.get(&entry.name).and_then(|node| node.places.get(&channel.name));
            place.is_some_and(|place| place.entry != *entry)
        };
        part.channels.iter().filter(move |channel| channel.entries().iter().any(|entry| is_changed(channel, entry)))
    }

    /// The entries of a channel with this head: the chain of replacements, and what is skipped on the way.
    pub(super) fn entries(&self, channel: &str, head: &str) -> Result<BTreeMap<String, ChannelEntry>, EditError> {
        let mut entries: BTreeMap<String, ChannelEntry> = BTreeMap::new();
        let mut skipped: Vec<&str> = Vec::new();
        let mut next = head;
        while let Some(node) = self.nodes.get(next) {
            let place = node.places.get(channel);
            let entry = place.map_or(&node.own, |place| &place.entry);
            skipped.extend(entry.skips.iter().map(String::as_str));
            let mut written = entry.clone();
            if place.is_none() || self.with_substitutes {
                added::normalize(&mut written);
            }
            entries.insert(entry.name.clone(), written);
            next = &entry.replaces;
            let fault = || (self.package.clone(), channel.to_owned(), entry.name.clone(), entry.replaces.clone());
            if entries.contains_key(next) {
                let (package, channel, bundle, replaces) = fault();
                return Err(Refusal::Cycle { package, channel, bundle, replaces }.into());
            }
            if !next.is_empty() && !self.nodes.contains_key(next) && !self.truncated.contains(next) {
                let (package, channel, bundle, replaces) = fault();
                return Err(Refusal::ReplacesNothing { package, channel, bundle, replaces }.into());
            }
        }
        while let Some(name) = skipped.pop() {
            let Some(node) = self.nodes.get(name).filter(|_| !entries.contains_key(name)) else { continue };
            let entry = match node.places.get(channel) {
                Some(place) if !place.is_in_chain => {
                    skipped.extend(place.entry.skips.iter().map(String::as_str));
                    place.entry.clone()
                }
                // A link of a chain that becomes one that is skipped is its end.
                place => ChannelEntry {
                    name: name.to_owned(),
                    skip_range: place.map_or(&node.own, |place| &place.entry).skip_range.clone(),
                    ..ChannelEntry::default()
                },
            };
            entries.insert(name.to_owned(), entry);
        }
        Ok(entries)
    }
}

impl Node {
    /// Changes its edges everywhere where it has any.
    pub(super) fn edges_mut(&mut self) -> impl Iterator<Item = &mut ChannelEntry> {
        let places = self.places.values_mut().filter(|place| place.is_in_chain);
        std::iter::once(&mut self.own).chain(places.map(|place| &mut place.entry))
    }
}

/// Writes the entries of a channel. Those that it had stay at their places; new ones come by name where all are in that order,
/// else at the end. A channel without entries goes.
pub(super) fn write(part: &mut Catalog, package: &str, name: &str, mut entries: BTreeMap<String, ChannelEntry>) {
    if entries.is_empty() {
        return part.channels.retain(|channel| channel.name != name);
    }
    let origin = part.packages.first().map(added_beside).unwrap_or_default();
    let Some(channel) = part.channels.iter_mut().find(|channel| channel.name == name) else {
        let (name, package) = (name.to_owned(), package.to_owned());
        let entries = Some(entries.into_values().collect());
        return part.channels.push(Channel { name, package, entries, origin, ..Channel::default() });
    };
    let list = channel.entries.get_or_insert_default();
    let is_sorted = list.is_sorted_by(|a, b| a.name <= b.name);
    list.retain_mut(|entry| match entries.remove(&entry.name) {
        Some(new) => {
            *entry = new;
            true
        }
        None => false,
    });
    list.extend(entries.into_values());
    if is_sorted {
        sort::sort(list, |a, b| a.name < b.name);
    }
}

/// Where a blob is that comes to a package.
pub(super) fn added_beside(package: &Package) -> crate::Origin {
    crate::Origin { file: package.origin.file.clone(), line: 0 }
}
