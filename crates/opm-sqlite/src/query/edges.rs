//! What each bundle of a channel replaces and skips there, from the channel's entries.

use std::collections::{BTreeMap, BTreeSet};

/// A channel entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) name: String,
    /// The row of the bundle, where it is stored.
    pub(super) bundle: Option<i64>,
    /// The id of the entry that this one points to.
    pub(super) points_to: Option<i64>,
    /// The name of the bundle of that entry.
    pub(super) replaced: Option<String>,
    /// The distance from the head.
    pub(super) depth: i64,
}

/// A stored bundle at its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) bundle: i64,
    pub(super) replaces: &'a str,
    pub(super) skips: Vec<&'a str>,
}

/// The stored bundles among the entries of one channel. What an entry of the chain from the head down points to is replaced;
/// what any other entry points to is skipped.
pub(super) fn edges(entries: &[Entry]) -> Vec<Place<'_>> {
    let by_id: BTreeMap<i64, &Entry> = entries.iter().map(|e| (e.id, e)).collect();
    let head_depth = entries.iter().map(|e| e.depth).min().unwrap_or_default();
    let mut chain: BTreeSet<i64> = BTreeSet::new();
    for head in entries.iter().filter(|e| e.depth == head_depth) {
        let mut next = Some(head);
        while let Some(entry) = next.filter(|e| chain.insert(e.id)) {
            next = entry.points_to.and_then(|id| by_id.get(&id).copied());
        }
    }
    let mut order: Vec<i64> = Vec::new();
    let mut of_bundle: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        if let Some(bundle) = entry.bundle {
            let own = of_bundle.entry(bundle).or_default();
            if own.is_empty() {
                order.push(bundle);
            }
            own.push(entry);
        }
    }
    let place = |bundle: i64| {
        let own = of_bundle.get(&bundle).map(Vec::as_slice).unwrap_or_default();
        let in_chain = own.iter().filter(|e| chain.contains(&e.id)).filter_map(|e| e.replaced.as_deref());
        let replaces = in_chain.max().unwrap_or_default();
        let mut chosen = false;
        let mut skips: Vec<&str> = Vec::new();
        for entry in own {
            let Some(target) = entry.replaced.as_deref() else { continue };
            if !chosen && target == replaces && chain.contains(&entry.id) {
                chosen = true;
            } else if !skips.contains(&target) && target != replaces {
                skips.push(target);
            }
        }
        Place { bundle, replaces, skips }
    };
    order.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries as (id, name, points to, depth); a bundle is stored unless its name begins with `-`.
    fn places(entries: &[(i64, &str, i64, i64)]) -> Vec<String> {
        let name_of = |id| entries.iter().find(|e| e.0 == id).map(|e| e.1.trim_start_matches('-').to_owned());
        let row_of =
            |name: &str| entries.iter().position(|e| e.1 == name).map(|p| i64::try_from(p).unwrap_or_default());
        let entries: Vec<Entry> = entries
            .iter()
            .map(|(id, name, to, depth)| Entry {
                id: *id,
                name: name.trim_start_matches('-').to_owned(),
                bundle: row_of(name).filter(|_| !name.starts_with('-')),
                points_to: (*to > 0).then_some(*to),
                replaced: name_of(*to),
                depth: *depth,
            })
            .collect();
        let text = |p: Place<'_>| {
            let name = &entries[usize::try_from(p.bundle).unwrap_or_default()].name;
            format!("{name}:{}:{}", p.replaces, p.skips.join(","))
        };
        edges(&entries).into_iter().map(text).collect()
    }

    #[test]
    fn chain_and_skips() {
        let etcd =
            [(1, "0.9.2", 4, 0), (2, "-0.9.1", 0, 1), (3, "0.9.2", 2, 1), (4, "0.9.0", 5, 2), (5, "0.6.1", 0, 3)];
        assert_eq!(places(&etcd), ["0.9.2:0.9.0:0.9.1", "0.9.0:0.6.1:", "0.6.1::"]);
        let skip_patch = [(1, "0.9.2", 0, 0), (2, "0.9.0", 0, 1), (3, "0.9.2", 2, 1)];
        assert_eq!(places(&skip_patch), ["0.9.2::0.9.0", "0.9.0::"]);
        let deeper = [(1, "b", 2, 3), (2, "a", 0, 4)];
        assert_eq!(places(&deeper), ["b:a:", "a::"]);
        let cycle = [(1, "b", 2, 0), (2, "a", 1, 1)];
        assert_eq!(places(&cycle), ["b:a:", "a:b:"]);
    }
}
