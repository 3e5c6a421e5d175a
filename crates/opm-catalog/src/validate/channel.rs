//! Rules about the upgrade graph of a channel.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{Findings, Rule};
use crate::blob::{Channel, ChannelEntry};

/// The head of a channel: the one entry that no other replaces or skips. The error says what is wrong instead.
pub(crate) fn head<'a>(entries: &BTreeMap<&str, &'a ChannelEntry>) -> Result<&'a ChannelEntry, String> {
    let mut below: BTreeSet<&str> = BTreeSet::new();
    for entry in entries.values() {
        below.extend(entry.skips.iter().map(String::as_str));
        below.extend(Some(entry.replaces.as_str()).filter(|name| !name.is_empty()));
    }
    let heads: Vec<&ChannelEntry> = entries.values().filter(|e| !below.contains(e.name.as_str())).copied().collect();
    match heads[..] {
        [head] => Ok(head),
        [] => Err("no channel head found in graph".to_owned()),
        _ => {
            let names: Vec<&str> = heads.iter().map(|head| head.name.as_str()).collect();
            Err(format!("multiple channel heads found in graph: {}", names.join(", ")))
        }
    }
}

/// The entries of a channel by name; of duplicates the first counts.
pub(crate) fn by_name(channel: &Channel) -> BTreeMap<&str, &ChannelEntry> {
    let mut entries = BTreeMap::new();
    for entry in channel.entries() {
        entries.entry(entry.name.as_str()).or_insert(entry);
    }
    entries
}

/// Checks that a channel has one head, from which the chain of replacements, together with what is skipped, leads to
/// every other entry.
pub(super) fn check(channel: &Channel, findings: &mut Findings<'_>) {
    let entries = by_name(channel);
    let head = match head(&entries) {
        Ok(head) => head,
        Err(message) => return findings.add(Rule::ChannelHead, &channel.origin, message),
    };
    let skipped: BTreeSet<&str> = entries.values().flat_map(|e| e.skips.iter().map(String::as_str)).collect();
    let mut chain = vec![head.name.as_str()];
    let mut visited: BTreeSet<&str> = chain.iter().copied().collect();
    let mut current = Some(head);
    while let Some(entry) = current.filter(|entry| !skipped.contains(entry.replaces.as_str())) {
        let next = entry.replaces.as_str();
        if !visited.insert(next) {
            let start = chain.iter().position(|name| *name == next).unwrap_or(0);
            let path = chain[start..].iter().chain([&next]).copied().collect::<Vec<_>>().join(" -> ");
            let message = format!("detected cycle in replaces chain of upgrade graph: {path}");
            return findings.add(Rule::Cycle, &channel.origin, message);
        }
        chain.push(next);
        current = entries.get(next).copied();
    }
    let stranded: Vec<&str> =
        entries.keys().filter(|name| !visited.contains(*name) && !skipped.contains(*name)).copied().collect();
    if !stranded.is_empty() {
        let message = format!("channel contains one or more stranded bundles: {}", stranded.join(", "));
        findings.add(Rule::Stranded, &channel.origin, message);
    }
}
