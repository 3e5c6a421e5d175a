//! Packages on their way into a graph.

use std::collections::BTreeMap;

use opm_model::Gvk;

use super::graph::{ApiRow, ChannelRow, Graph, PackageRow, Place, PlaceRow};
use super::names::Name;

/// A package.
#[derive(Debug, Default)]
pub(super) struct PackageDraft {
    pub(super) name: String,
    pub(super) default_channel: String,
    pub(super) deprecation: Option<String>,
    pub(super) channels: Vec<ChannelDraft>,
}

#[derive(Debug, Default)]
pub(super) struct ChannelDraft {
    pub(super) name: String,
    pub(super) head: String,
    pub(super) deprecation: Option<String>,
    pub(super) entries: Vec<EntryDraft>,
}

#[derive(Debug, Default)]
pub(super) struct EntryDraft {
    pub(super) name: String,
    pub(super) replaces: String,
    pub(super) skips: Vec<String>,
}

/// Gathers a [`Graph`], package by package in the order of their names. Names are numbered as they come, and again at the end.
#[derive(Default)]
pub(super) struct Builder {
    graph: Graph,
    numbers: BTreeMap<Box<str>, Name>,
    apis: BTreeMap<(Name, Name, Name), Vec<Place>>,
}

/// A number for something of which there cannot be more than memory holds.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Builder {
    fn name(&mut self, text: &str) -> Name {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = number(self.numbers.len());
        self.numbers.insert(text.into(), number);
        number
    }

    /// Adds a package, sorts its channels and entries, and returns its first place.
    pub(super) fn add(&mut self, package: &mut PackageDraft) -> Place {
        let first = number(self.graph.places.len());
        package.channels.sort_by(|a, b| a.name.cmp(&b.name));
        let row = PackageRow {
            name: self.name(&package.name),
            default_channel: self.name(&package.default_channel),
            deprecation: package.deprecation.as_deref().map(|text| self.name(text)),
            channels: number(self.graph.channels.len()),
        };
        self.graph.packages.push(row);
        for channel in &mut package.channels {
            channel.entries.sort_by(|a, b| a.name.cmp(&b.name));
            let row = ChannelRow {
                name: self.name(&channel.name),
                head: self.name(&channel.head),
                deprecation: channel.deprecation.as_deref().map(|text| self.name(text)),
                places: number(self.graph.places.len()),
            };
            self.graph.channels.push(row);
            for entry in &channel.entries {
                let row = PlaceRow {
                    bundle: self.name(&entry.name),
                    replaces: self.name(&entry.replaces),
                    skips: number(self.graph.skips.len()),
                };
                self.graph.places.push(row);
                for skip in &entry.skips {
                    let skip = self.name(skip);
                    self.graph.skips.push(skip);
                }
            }
        }
        first
    }

    /// Notes that the bundle at a place provides an API.
    pub(super) fn provide(&mut self, place: Place, api: &Gvk) {
        let key = (self.name(&api.group), self.name(&api.version), self.name(&api.kind));
        self.apis.entry(key).or_default().push(place);
    }

    pub(super) fn finish(self) -> Graph {
        let Self { mut graph, numbers, apis } = self;
        let mut renumbered = vec![0; numbers.len()];
        for (sorted, old) in (0..).zip(numbers.values()) {
            renumbered[*old as usize] = sorted;
        }
        let new = |old: Name| renumbered[old as usize];
        graph.names = numbers.keys().map(AsRef::as_ref).collect();
        for row in &mut graph.packages {
            row.name = new(row.name);
            row.default_channel = new(row.default_channel);
            row.deprecation = row.deprecation.map(new);
        }
        for row in &mut graph.channels {
            row.name = new(row.name);
            row.head = new(row.head);
            row.deprecation = row.deprecation.map(new);
        }
        for row in &mut graph.places {
            row.bundle = new(row.bundle);
            row.replaces = new(row.replaces);
        }
        for skip in &mut graph.skips {
            *skip = new(*skip);
        }
        let renamed = apis.into_iter().map(|((g, v, k), places)| ((new(g), new(v), new(k)), places));
        for ((group, version, kind), mut places) in renamed.collect::<BTreeMap<_, _>>() {
            places.sort_unstable();
            places.dedup();
            graph.apis.push(ApiRow { group, version, kind, providers: number(graph.providers.len()) });
            graph.providers.extend(places);
        }
        graph.indexed()
    }
}
