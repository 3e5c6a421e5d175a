//! The modes `semver` and `semver-skippatch`: the graph follows from the versions alone.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use opm_bundle::Bundle;
use opm_model::Version;
use opm_model::edit::{Mode, Refusal};
use rusqlite::{Connection, OptionalExtension};

use super::AddOptions;
use crate::StoreError;
use crate::edit::Edit;
use crate::package::{add_entry, point_entry};
use crate::remove::texts;

/// The graph of one channel: bundles with content, and for each what it replaces or skips.
#[derive(Default)]
struct Graph {
    head: String,
    nodes: BTreeMap<String, Edges>,
    /// Those of the nodes that are in the channel only since another one skips them.
    skipped: BTreeSet<String>,
}

/// What a bundle points to, in the order in which it is written.
type Edges = Vec<String>;

impl Edit<'_> {
    pub(super) fn add_by_version(
        &self,
        package: &str,
        bundles: &[&Bundle],
        options: AddOptions,
    ) -> Result<Vec<StoreError>, StoreError> {
        let before = self.listed(package)?;
        for bundle in bundles {
            let mut graphs = self.graphs(package)?;
            let default_channel = self.default_channel(package, bundle)?;
            for channel in bundle.annotations.channel_names() {
                let graph = graphs.entry(channel.clone()).or_default();
                self.place(graph, bundle, options.mode, package, &channel)?;
            }
            self.insert_bundle(bundle, options.alpha)?;
            self.write(package, &default_channel, &graphs)?;
        }
        self.check_reachable(package, bundles)?;
        let vanished = self.vanished(package, &before)?;
        if options.permissive {
            return Ok(vanished);
        }
        StoreError::all(vanished)?;
        Ok(Vec::new())
    }

    /// The default channel that the package has once the bundle is added.
    fn default_channel(&self, package: &str, bundle: &Bundle) -> Result<String, StoreError> {
        let declared = bundle.annotations.default_channel.clone();
        if !declared.is_empty() {
            return Ok(declared);
        }
        let query = "SELECT default_channel FROM package WHERE name = ?1 AND default_channel IS NOT NULL";
        if let Some(current) = texts(self.conn, query, [package])?.pop() {
            return Ok(current);
        }
        let first = bundle.annotations.channel_names().into_iter().min();
        first.filter(|c| !c.is_empty()).ok_or_else(|| Refusal::NoChannels(bundle.name.clone()).into())
    }

    /// The graphs of the channels of a package.
    fn graphs(&self, package: &str) -> Result<BTreeMap<String, Graph>, StoreError> {
        let mut graphs: BTreeMap<String, Graph> = BTreeMap::new();
        for (channel, name) in self.listed(package)? {
            graphs.entry(channel).or_default().nodes.insert(name, Edges::new());
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT e.channel_name, e.operatorbundle_name, r.operatorbundle_name
            FROM channel_entry e JOIN channel_entry r ON e.replaces = r.entry_id
            WHERE e.package_name = ?1 ORDER BY e.entry_id",
        )?;
        let mut rows = statement.query([package])?;
        while let Some(row) = rows.next()? {
            let (channel, from, to): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let edges = graphs.get_mut(&channel).and_then(|g| g.nodes.get_mut(&from));
            if let Some(edges) = edges.filter(|edges| !edges.contains(&to)) {
                edges.push(to);
            }
        }
        let chains = self.chains(package)?;
        for (channel, graph) in &mut graphs {
            let chain = chains.get(channel);
            let off_chain = |name: &String| chain.is_none_or(|chain| !chain.contains(name));
            let targets = graph.nodes.values().flatten().filter(|n| graph.nodes.get(*n).is_some_and(Edges::is_empty));
            graph.skipped = targets.filter(|n| off_chain(n)).cloned().collect();
            // All that a bundle points to is taken for what it replaces, as other tools of the format have it.
            for edges in graph.nodes.values() {
                if let [only] = &edges[..] {
                    graph.skipped.remove(only);
                }
            }
            let replaced: BTreeSet<&String> = graph.nodes.values().flatten().collect();
            let mut heads: Vec<String> = graph.nodes.keys().filter(|n| !replaced.contains(n)).cloned().collect();
            graph.head = match heads.len() {
                1 => heads.remove(0),
                n => {
                    let what = if n == 0 { "no channel head" } else { "multiple candidate channel heads" };
                    let bundles = if n == 0 { graph.nodes.keys().cloned().collect() } else { heads };
                    let (package, channel) = (package.to_owned(), channel.clone());
                    return Err(StoreError::Heads { what, package, channel, bundles });
                }
            };
        }
        Ok(graphs)
    }

    /// The names on the chains from the heads of the channels down.
    fn chains(&self, package: &str) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT entry_id, channel_name, operatorbundle_name, replaces FROM channel_entry
            WHERE package_name = ?1 AND operatorbundle_name IS NOT NULL ORDER BY channel_name, depth, entry_id",
        )?;
        let mut rows = statement.query([package])?;
        let mut entries: BTreeMap<i64, (String, Option<i64>)> = BTreeMap::new();
        let mut tops: BTreeMap<String, i64> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            tops.entry(row.get(1)?).or_insert(id);
            entries.insert(id, (row.get(2)?, row.get(3)?));
        }
        let follow = |top| {
            let mut seen = BTreeSet::new();
            let mut names = BTreeSet::new();
            let mut next = Some(top);
            while let Some((name, below)) = next.filter(|id| seen.insert(*id)).and_then(|id| entries.get(&id)) {
                names.insert(name.clone());
                next = *below;
            }
            names
        };
        Ok(tops.into_iter().map(|(channel, top)| (channel, follow(top))).collect())
    }

    /// Puts a bundle into the graph of a channel at the place that its version gives it.
    fn place(
        &self,
        graph: &mut Graph,
        bundle: &Bundle,
        mode: Mode,
        package: &str,
        channel: &str,
    ) -> Result<(), StoreError> {
        let version = version_of(&bundle.name, &bundle.version)?;
        let mut lower: Vec<(Version, String)> = Vec::new();
        let mut higher: Option<(Version, String)> = None;
        for name in graph.nodes.keys() {
            let query = "SELECT version FROM operatorbundle WHERE name = ?1";
            let text =
                self.conn.prepare_cached(query)?.query_row([name], |r| r.get::<_, Option<String>>(0)).optional()?;
            let other = version_of(name, &text.flatten().unwrap_or_default())?;
            match other.cmp_precedence(&version) {
                Ordering::Less => lower.push((other, name.clone())),
                Ordering::Greater if graph.skipped.contains(name) => {}
                Ordering::Greater => {
                    if higher.as_ref().is_none_or(|(lowest, _)| other.cmp_precedence(lowest).is_lt()) {
                        higher = Some((other, name.clone()));
                    }
                }
                Ordering::Equal => {
                    return Err(Refusal::VersionAlreadyAdded {
                        version: bundle.version.clone(),
                        existing: name.clone(),
                        bundle: bundle.name.clone(),
                        package: package.to_owned(),
                        channel: channel.to_owned(),
                    }
                    .into());
                }
            }
        }
        lower.sort_by(|(a, _), (b, _)| b.cmp_precedence(a));
        let is_patch = |v: &Version| mode == Mode::SkipPatch && v.minor_line() == version.minor_line();
        // What remains a node below the new one: the highest lower version, but none that is skipped.
        let mut edges: Edges = lower
            .iter()
            .find(|(v, name)| !is_patch(v) && !graph.skipped.contains(name))
            .map(|(_, name)| name.clone())
            .into_iter()
            .collect();
        for (_, patch) in lower.iter().filter(|(v, _)| is_patch(v)) {
            // What it skipped itself, its replacement skips now.
            let kept = graph.nodes.remove(patch).unwrap_or_default();
            let kept = kept.into_iter().filter(|edge| graph.skipped.contains(edge));
            for edge in [patch.clone()].into_iter().chain(kept) {
                if !edges.contains(&edge) {
                    edges.push(edge);
                }
            }
            graph.skipped.insert(patch.clone());
        }
        match higher {
            Some((_, ahead)) => {
                let kept = graph.nodes.remove(&ahead).unwrap_or_default();
                let kept = kept.into_iter().filter(|edge| graph.skipped.contains(edge) && !edges.contains(edge));
                let above = [bundle.name.clone()].into_iter().chain(kept).collect();
                graph.nodes.insert(ahead, above);
            }
            None => graph.head.clone_from(&bundle.name),
        }
        graph.nodes.insert(bundle.name.clone(), edges);
        Ok(())
    }

    /// Writes the channels of a package anew from their graphs.
    fn write(&self, package: &str, default_channel: &str, graphs: &BTreeMap<String, Graph>) -> Result<(), StoreError> {
        let conn = self.conn;
        conn.prepare_cached("INSERT OR IGNORE INTO package (name) VALUES (?1)")?.execute([package])?;
        for (channel, graph) in graphs {
            conn.prepare_cached(
                "INSERT INTO channel (name, package_name, head_operatorbundle_name) VALUES (?1, ?2, ?3)
                ON CONFLICT (name, package_name) DO UPDATE SET head_operatorbundle_name = excluded.head_operatorbundle_name",
            )?
            .execute([channel, package, &graph.head])?;
            crate::bundle::delete_entries(conn, package, channel)?;
            write_chain(conn, package, channel, graph)?;
        }
        if !graphs.contains_key(default_channel) {
            return Err(Refusal::NoDefaultChannel(package.to_owned()).into());
        }
        conn.prepare_cached("UPDATE package SET default_channel = ?1 WHERE name = ?2")?
            .execute([default_channel, package])?;
        Ok(())
    }
}

/// Writes the entries of a channel: the chain of nodes at depths 0, 1, 2…, and behind each a pair of entries for every edge
/// to something that is no node.
fn write_chain(conn: &Connection, package: &str, channel: &str, graph: &Graph) -> Result<(), StoreError> {
    let is_node = |name: &String| graph.nodes.contains_key(name) && !graph.skipped.contains(name);
    let mut unreached: BTreeSet<&String> = graph.nodes.keys().filter(|name| is_node(name)).collect();
    let mut next = Some(&graph.head);
    let mut above: Option<i64> = None;
    let mut depth = 0;
    while let Some(name) = next.filter(|name| unreached.remove(name)) {
        let entry = add_entry(conn, package, channel, name, depth)?;
        if let Some(above) = above {
            point_entry(conn, above, entry)?;
        }
        let edges = graph.nodes.get(name).map(Vec::as_slice).unwrap_or_default();
        let (nodes, skips): (Vec<&String>, Vec<&String>) = edges.iter().partition(|edge| is_node(edge));
        for (skipped, depth) in skips.into_iter().zip(depth + 1..) {
            let target = add_entry(conn, package, channel, skipped, depth)?;
            let from = add_entry(conn, package, channel, name, depth)?;
            point_entry(conn, from, target)?;
        }
        next = nodes.first().copied();
        above = Some(entry);
        depth += 1;
    }
    if unreached.is_empty() {
        return Ok(());
    }
    Err(StoreError::InvalidGraph {
        package: package.to_owned(),
        channel: channel.to_owned(),
        bundles: unreached.into_iter().cloned().collect(),
    })
}

fn version_of(bundle: &str, version: &str) -> Result<Version, StoreError> {
    Version::parse(version).map_err(|source| Refusal::Version { bundle: bundle.to_owned(), source }.into())
}

/// Drops the stored content of bundles that have an image and head no channel: clients take it from the image.
pub(super) fn clear_content_of_non_heads(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "UPDATE operatorbundle SET csv = NULL, bundle = NULL
        WHERE bundlepath <> '' AND bundle IS NOT NULL
            AND name NOT IN (SELECT head_operatorbundle_name FROM channel WHERE head_operatorbundle_name IS NOT NULL);",
    )
}
