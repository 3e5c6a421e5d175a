//! Upgrade graphs as Mermaid flowcharts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use opm_document::sort;
use opm_model::Version;

use crate::blob::{Bundle, Catalog, Channel, ChannelEntry, schema};
use crate::{Error, Range, properties};

/// What of a catalog is drawn, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphOptions {
    /// Only this package; empty for all.
    pub package: String,
    /// Only what leads to this bundle or beyond, in its package; empty for all.
    pub minimum_edge: String,
    /// Whether to mark what OLM v0 does not take because it is skipped.
    pub v0_semantics: bool,
}

/// A drawn graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The text of the flowchart.
    pub mermaid: String,
    /// What was left out because it cannot be read.
    pub warnings: Vec<String>,
}

const HEAD: &str = "graph LR
  classDef deprecated fill:#E8960F
  classDef skipped stroke:#FF0000,stroke-width:4px
  classDef deprecatedskipped fill:#E8960F,stroke:#FF0000,stroke-width:4px
";

/// Draws the channels of a catalog, which need not be valid.
pub fn graph(catalog: &Catalog, options: &GraphOptions) -> Result<Graph, Error> {
    let mut channels: Vec<&Channel> = catalog.channels.iter().collect();
    sort::sort(&mut channels, |a, b| a.name < b.name);
    let versions = versions(&catalog.bundles)?;
    let filter = Filter::new(options, &versions, &channels)?;
    let mut drawing = Drawing::new(catalog, &versions, options.v0_semantics);
    for channel in channels {
        if let Some(entries) = filter.entries(channel) {
            drawing.channel(channel, &entries);
        }
    }
    Ok(drawing.finish())
}

fn versions(bundles: &[Bundle]) -> Result<BTreeMap<&str, Version>, Error> {
    let mut versions = BTreeMap::new();
    for bundle in bundles {
        if !versions.contains_key(bundle.name.as_str()) {
            versions.insert(bundle.name.as_str(), properties::version(bundle)?.0);
        }
    }
    Ok(versions)
}

struct Filter<'a> {
    options: &'a GraphOptions,
    versions: &'a BTreeMap<&'a str, Version>,
    minimum: Version,
    /// The package of the minimum edge.
    package: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn new(
        options: &'a GraphOptions,
        versions: &'a BTreeMap<&'a str, Version>,
        channels: &[&'a Channel],
    ) -> Result<Self, Error> {
        let mut filter = Self { options, versions, minimum: Version::zero(), package: None };
        let edge = &options.minimum_edge;
        if !edge.is_empty() {
            let minimum = versions.get(edge.as_str());
            let unknown = || Error::NotFound(format!("unknown minimum edge name: {edge:?}"));
            filter.minimum = minimum.ok_or_else(unknown)?.clone();
            let has_edge = |channel: &&&Channel| channel.entries().iter().any(|entry| entry.name == *edge);
            filter.package = channels.iter().find(has_edge).map(|channel| channel.package.as_str());
        }
        Ok(filter)
    }

    /// The entries of a channel that are drawn; `None` if it is not drawn at all.
    fn entries(&self, channel: &Channel) -> Option<Vec<ChannelEntry>> {
        let GraphOptions { package, minimum_edge, .. } = self.options;
        if package.is_empty() && minimum_edge.is_empty() {
            return Some(channel.entries().to_vec());
        }
        let is_other = !package.is_empty() && channel.package != *package;
        if is_other || self.package.is_some_and(|package| package != channel.package) {
            return None;
        }
        let entries: Vec<ChannelEntry> = channel.entries().iter().filter_map(|entry| self.entry(entry)).collect();
        (!entries.is_empty()).then_some(entries)
    }

    fn entry(&self, entry: &ChannelEntry) -> Option<ChannelEntry> {
        let mut kept = ChannelEntry { name: entry.name.clone(), ..ChannelEntry::default() };
        if entry.name == self.options.minimum_edge {
            return Some(kept);
        }
        let reaches = |name: &str| version_of(self.versions, name).cmp_precedence(&self.minimum).is_ge();
        if !entry.replaces.is_empty() && reaches(&entry.replaces) {
            kept.replaces.clone_from(&entry.replaces);
        }
        kept.skips = entry.skips.iter().filter(|skip| reaches(skip)).cloned().collect();
        if Range::parse(&entry.skip_range).is_ok_and(|range| range.contains(&self.minimum)) {
            kept.skip_range.clone_from(&entry.skip_range);
        }
        let refers = |e: &ChannelEntry| !(e.replaces.is_empty() && e.skips.is_empty() && e.skip_range.is_empty());
        (refers(&kept) || !refers(entry) && reaches(&entry.name)).then_some(kept)
    }
}

fn version_of(versions: &BTreeMap<&str, Version>, name: &str) -> Version {
    versions.get(name).cloned().unwrap_or_else(Version::zero)
}

struct Drawing<'a> {
    versions: &'a BTreeMap<&'a str, Version>,
    v0_semantics: bool,
    deprecated_packages: BTreeSet<&'a str>,
    deprecated_channels: BTreeSet<&'a str>,
    deprecated_bundles: BTreeSet<&'a str>,
    /// The text of each package.
    packages: BTreeMap<&'a str, String>,
    /// The last deprecated package that was drawn.
    deprecated_package: Option<&'a str>,
    /// The ids of deprecated channels that were drawn.
    channel_ids: Vec<String>,
    /// The ids of entries by their class.
    classes: BTreeMap<&'static str, BTreeSet<String>>,
    links: usize,
    skipped_links: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Drawing<'a> {
    fn new(catalog: &'a Catalog, versions: &'a BTreeMap<&'a str, Version>, v0_semantics: bool) -> Self {
        let entries = || catalog.deprecations.iter().flat_map(|d| d.entries().iter().map(move |e| (d, e)));
        let names = |of: &'static str| entries().filter(move |(_, e)| e.schema == of).map(|(_, e)| e.name.as_str());
        let packages = entries().filter(|(_, e)| e.schema == schema::PACKAGE).map(|(d, _)| d.package.as_str());
        Self {
            versions,
            v0_semantics,
            deprecated_packages: packages.collect(),
            deprecated_channels: names(schema::CHANNEL).collect(),
            deprecated_bundles: names(schema::BUNDLE).collect(),
            packages: BTreeMap::new(),
            deprecated_package: None,
            channel_ids: Vec::new(),
            classes: BTreeMap::new(),
            links: 0,
            skipped_links: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn channel(&mut self, channel: &'a Channel, entries: &[ChannelEntry]) {
        let Channel { name, package, .. } = channel;
        let id = format!("{package}-{name}");
        if self.deprecated_packages.contains(package.as_str()) {
            self.deprecated_package = Some(package);
        }
        if self.deprecated_channels.contains(name.as_str()) {
            self.channel_ids.push(id.clone());
        }
        let mut text = format!("    %% channel {name:?}\n    subgraph {id}[{name:?}]\n");
        let mut by_version: Vec<&ChannelEntry> = entries.iter().collect();
        let of = |entry: &ChannelEntry| version_of(self.versions, &entry.name);
        sort::sort(&mut by_version, |a, b| of(a).cmp_precedence(&of(b)).is_gt());
        let mut skipped: BTreeSet<&str> = BTreeSet::new();
        for entry in by_version {
            self.entry(channel, &id, entry, entries, &mut skipped, &mut text);
        }
        text.push_str("    end\n");
        self.packages.entry(package).or_default().push_str(&text);
    }

    fn entry<'e>(
        &mut self,
        channel: &Channel,
        channel_id: &str,
        entry: &'e ChannelEntry,
        all: &[ChannelEntry],
        skipped: &mut BTreeSet<&'e str>,
        text: &mut String,
    ) {
        let node = |name: &str| format!("{channel_id}-{name}[{name:?}]");
        let own = node(&entry.name);
        // Writing to a string, as it is done here throughout, cannot fail.
        let _ = writeln!(text, "      {own}");
        let mut link = |from: &str, label: &str| {
            let _ = writeln!(text, "      {}-- {label} --> {own}", node(from));
        };
        let class = match (self.deprecated_bundles.contains(entry.name.as_str()), skipped.contains(entry.name.as_str()))
        {
            (true, true) => Some("deprecatedskipped"),
            (true, false) => Some("deprecated"),
            (false, true) => Some("skipped"),
            (false, false) => None,
        };
        if let Some(class) = class {
            self.classes.entry(class).or_default().insert(format!("{channel_id}-{}", entry.name));
        }
        for skip in &entry.skips {
            link(skip, "skip");
            let is_new = !self.v0_semantics || skipped.insert(skip);
            self.count_link(!is_new);
        }
        let is_skipped = skipped.contains(entry.name.as_str());
        match Range::parse(&entry.skip_range) {
            _ if entry.skip_range.is_empty() => {}
            Ok(range) => {
                for other in all.iter().filter(|e| range.contains(&version_of(self.versions, &e.name))) {
                    link(&other.name, &format!("\"skipRange({})\"", entry.skip_range));
                    self.count_link(is_skipped);
                }
            }
            Err(why) => self.warnings.push(format!(
                "ignoring invalid SkipRange for package/edge {:?}/{:?}: {why}",
                channel.package, entry.name
            )),
        }
        if !entry.replaces.is_empty() {
            link(&entry.replaces, "replace");
            self.count_link(is_skipped);
        }
    }

    fn count_link(&mut self, is_skipped: bool) {
        if is_skipped {
            self.skipped_links.push(self.links.to_string());
        }
        self.links += 1;
    }

    fn finish(self) -> Graph {
        let mut text = HEAD.to_owned();
        for (name, channels) in &self.packages {
            let _ = write!(text, "  %% package {name:?}\n  subgraph {name:?}\n{channels}  end\n");
        }
        if let Some(package) = self.deprecated_package {
            let _ = writeln!(text, "style {package} fill:#989695");
        }
        for id in &self.channel_ids {
            let _ = writeln!(text, "style {id} fill:#DCD0FF");
        }
        for (class, ids) in &self.classes {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let _ = writeln!(text, "class {} {class}", ids.join(","));
        }
        if !self.skipped_links.is_empty() {
            let skipped = self.skipped_links.join(",");
            let _ = writeln!(text, "linkStyle {skipped} stroke:#FF0000,stroke-width:3px,stroke-dasharray:5;");
        }
        Graph { mermaid: text, warnings: self.warnings }
    }
}
