//! What an edit changed in upgrade graphs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::Serialize;

use super::{changed, graph, split};
use crate::blob::{Bundle, Catalog, ChannelEntry};

/// What changed in the upgrade graphs of packages, in the order of their names. As text it has one line for each change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The packages with changes.
    pub packages: Vec<PackageDifference>,
}

/// What became of a package or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is there no longer.
    Removed,
    /// It is not the same.
    Changed,
}

/// What changed in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageDifference {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// The default channel before.
    pub default_channel_before: Option<String>,
    /// The default channel after.
    pub default_channel_after: Option<String>,
    /// The bundles that came, by name.
    pub bundles_added: Vec<String>,
    /// The bundles that went, by name.
    pub bundles_removed: Vec<String>,
    /// The bundles that have another content, such as another image, by name.
    pub bundles_changed: Vec<String>,
    /// The channels with changes, by name.
    pub channels: Vec<ChannelDifference>,
}

/// What changed in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelDifference {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// The head before; none where there was not just one.
    pub head_before: Option<String>,
    /// The head after.
    pub head_after: Option<String>,
    /// The bundles that came into the channel, by name.
    pub bundles_added: Vec<String>,
    /// The bundles that left it, by name.
    pub bundles_removed: Vec<String>,
    /// The edges that came.
    pub edges_added: Vec<Edge>,
    /// The edges that went.
    pub edges_removed: Vec<Edge>,
}

/// An edge of an upgrade graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// The bundle that is the update.
    pub from: String,
    /// Its kind.
    pub kind: EdgeKind,
    /// The bundle that is updated; for a range, that.
    pub to: String,
}

/// The kinds of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EdgeKind {
    /// The bundle replaces another one.
    Replaces,
    /// The bundle skips another one.
    Skips,
    /// The bundle updates all versions of a range.
    SkipRange,
}

/// What changed from one catalog to another.
pub fn difference(before: &Catalog, after: &Catalog) -> Difference {
    let (before, after) = (split(before.clone()), split(after.clone()));
    Difference::of(changed(&before, &after).filter(|(_, before, after)| before != after))
}

type Part<'a> = Option<&'a Arc<Catalog>>;

impl Difference {
    pub(super) fn of<'a>(parts: impl Iterator<Item = (&'a str, Part<'a>, Part<'a>)>) -> Self {
        let named = parts.filter(|(name, _, _)| !name.is_empty());
        Self { packages: named.filter_map(|(name, before, after)| package(name, before, after)).collect() }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }
}

fn change<T>(before: Option<T>, after: Option<T>) -> Change {
    match (before, after) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    }
}

fn package(name: &str, before: Part<'_>, after: Part<'_>) -> Option<PackageDifference> {
    let empty = Catalog::default();
    let (was, is) = (before.map_or(&empty, AsRef::as_ref), after.map_or(&empty, AsRef::as_ref));
    let default_channel = |part: &Catalog| part.packages.first().map(|package| package.default_channel.clone());
    let bundles = |part: &'_ Catalog| -> BTreeMap<String, usize> {
        part.bundles.iter().enumerate().map(|(index, bundle)| (bundle.name.clone(), index)).collect()
    };
    let (had, has) = (bundles(was), bundles(is));
    let is_changed = |(name, index): (&String, &usize)| {
        let former: Option<&Bundle> = had.get(name).map(|index| &was.bundles[*index]);
        former.is_some_and(|former| *former != is.bundles[*index]).then(|| name.clone())
    };
    let names: BTreeSet<&str> = was.channels.iter().chain(&is.channels).map(|channel| channel.name.as_str()).collect();
    let difference = PackageDifference {
        name: name.to_owned(),
        change: change(before, after),
        default_channel_before: default_channel(was),
        default_channel_after: default_channel(is),
        bundles_added: has.keys().filter(|name| !had.contains_key(*name)).cloned().collect(),
        bundles_removed: had.keys().filter(|name| !has.contains_key(*name)).cloned().collect(),
        bundles_changed: has.iter().filter_map(is_changed).collect(),
        channels: names.into_iter().filter_map(|name| channel(name, was, is)).collect(),
    };
    let PackageDifference { bundles_added, bundles_removed, bundles_changed, channels, .. } = &difference;
    let is_same = difference.change == Change::Changed
        && difference.default_channel_before == difference.default_channel_after
        && [bundles_added, bundles_removed, bundles_changed].iter().all(|names| names.is_empty())
        && channels.is_empty();
    (!is_same).then_some(difference)
}

fn channel(name: &str, was: &Catalog, is: &Catalog) -> Option<ChannelDifference> {
    let entries = |part: &'_ Catalog| -> Option<Vec<ChannelEntry>> {
        part.channels.iter().find(|channel| channel.name == name).map(|channel| channel.entries().to_vec())
    };
    let (before, after) = (entries(was), entries(is));
    let change = change(before.as_ref(), after.as_ref());
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let head = |entries: &[ChannelEntry]| match graph::heads(entries)[..] {
        [head] => Some(head.to_owned()),
        _ => None,
    };
    let names = |entries: &[ChannelEntry]| entries.iter().map(|entry| entry.name.clone()).collect::<BTreeSet<_>>();
    let edges = |entries: &[ChannelEntry]| entries.iter().flat_map(edges).collect::<BTreeSet<_>>();
    let difference = ChannelDifference {
        name: name.to_owned(),
        change,
        head_before: head(&before),
        head_after: head(&after),
        bundles_added: names(&after).difference(&names(&before)).cloned().collect(),
        bundles_removed: names(&before).difference(&names(&after)).cloned().collect(),
        edges_added: edges(&after).difference(&edges(&before)).cloned().collect(),
        edges_removed: edges(&before).difference(&edges(&after)).cloned().collect(),
    };
    let is_same = change == Change::Changed
        && difference.bundles_added.is_empty()
        && difference.bundles_removed.is_empty()
        && difference.edges_added.is_empty()
        && difference.edges_removed.is_empty();
    (!is_same).then_some(difference)
}

fn edges(entry: &ChannelEntry) -> Vec<Edge> {
    let edge = |kind, to: &str| Edge { from: entry.name.clone(), kind, to: to.to_owned() };
    let unless_empty = |kind, to: &str| (!to.is_empty()).then(|| edge(kind, to));
    let skips = entry.skips.iter().map(|skip| edge(EdgeKind::Skips, skip));
    let replaces = unless_empty(EdgeKind::Replaces, &entry.replaces);
    replaces.into_iter().chain(skips).chain(unless_empty(EdgeKind::SkipRange, &entry.skip_range)).collect()
}

/// A name as it is, but for characters that would do something to a terminal.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut write = |c: char| if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) };
        self.0.chars().try_for_each(&mut write)
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            EdgeKind::Replaces => "replaces",
            EdgeKind::Skips => "skips",
            EdgeKind::SkipRange => "skips range",
        };
        write!(f, "{} {kind} {}", Plain(&self.from), Plain(&self.to))
    }
}

/// What follows the name of a package or channel: what it points to before and after, if that changed.
fn from_to(what: &str, change: Change, before: Option<&str>, after: Option<&str>) -> String {
    let name = |name: Option<&str>| name.map_or_else(|| "none".to_owned(), |name| Plain(name).to_string());
    match change {
        Change::Added => format!(" added, {what} {}", name(after)),
        Change::Removed => format!(" removed, {what} was {}", name(before)),
        Change::Changed if before == after => String::new(),
        Change::Changed => format!(", {what} {} -> {}", name(before), name(after)),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for package in &self.packages {
            let (before, after) = (package.default_channel_before.as_deref(), package.default_channel_after.as_deref());
            let about = from_to("default channel", package.change, before, after);
            writeln!(f, "package {}{about}", Plain(&package.name))?;
            let lists =
                [("+", &package.bundles_added), ("-", &package.bundles_removed), ("~", &package.bundles_changed)];
            for (sign, bundles) in lists {
                bundles.iter().try_for_each(|bundle| writeln!(f, "  {sign} bundle {}", Plain(bundle)))?;
            }
            for channel in &package.channels {
                let (before, after) = (channel.head_before.as_deref(), channel.head_after.as_deref());
                let about = from_to("head", channel.change, before, after);
                writeln!(f, "  channel {}{about}", Plain(&channel.name))?;
                for (sign, bundles) in [("+", &channel.bundles_added), ("-", &channel.bundles_removed)] {
                    bundles.iter().try_for_each(|bundle| writeln!(f, "    {sign} {}", Plain(bundle)))?;
                }
                for (sign, edges) in [("+", &channel.edges_added), ("-", &channel.edges_removed)] {
                    edges.iter().try_for_each(|edge| writeln!(f, "    {sign} {edge}"))?;
                }
            }
        }
        Ok(())
    }
}
