//! The mode `replaces`: the graph follows from what CSVs say.

use std::collections::{BTreeMap, BTreeSet};

use opm_model::edit::Refusal;
use opm_model::{Candidate, PackageManifest};

use super::add::set_default_channel;
use super::graph::{self, Graph};
use super::{AddOptions, AddedBundle, EditError};
use crate::blob::{Catalog, ChannelEntry};

/// Puts bundles of one package into its channels; returns what an edit that is permissive may go on with.
pub(super) fn add(
    part: &mut Catalog,
    package: &str,
    bundles: &[AddedBundle],
    overwritten: Option<&str>,
    options: AddOptions,
) -> Result<Vec<EditError>, EditError> {
    let mut touched: BTreeSet<String> = bundles.iter().flat_map(|bundle| bundle.channels.clone()).collect();
    if let Some(name) = overwritten {
        touched.extend(take_out(part, name));
    }
    let mut graph = Graph::read(package, part, options.alpha)?;
    let mut candidates = heads(part, &graph);
    for bundle in bundles {
        graph.insert(bundle)?;
        if options.alpha {
            graph.substitute(&bundle.blob.name)?;
        }
        candidates.push(Candidate {
            name: bundle.blob.name.clone(),
            version: bundle.version()?,
            channels: bundle.channels.clone(),
            default_channel: bundle.default_channel.clone(),
        });
    }
    // What was skipped where it was not in the catalog yet is so where it is.
    let is_new = |name: &str| bundles.iter().any(|bundle| bundle.blob.name == name);
    let names_new = |entries: &[ChannelEntry]| entries.iter().flat_map(graph::targets).any(is_new);
    let naming = part.channels.iter().filter(|channel| names_new(channel.entries()));
    touched.extend(naming.chain(graph.changed(part)).map(|channel| channel.name.clone()));
    let manifest = PackageManifest::by_version(package, &candidates)
        .map_err(|source| Refusal::Manifest { package: package.to_owned(), source })?;

    let mut errors = Vec::new();
    let mut channels: BTreeMap<&str, (&str, Entries)> = BTreeMap::new();
    for channel in manifest.channels.iter().filter(|channel| touched.contains(&channel.name)) {
        match graph.entries(&channel.name, &channel.current_csv) {
            Ok(entries) => drop(channels.insert(&channel.name, (&channel.current_csv, entries))),
            Err(error) => errors.push(error),
        }
    }
    EditError::all(errors)?;
    check_reachable(package, bundles, &channels)?;
    let mut vanished = vanished(package, part, &channels);
    if !options.permissive {
        EditError::all(std::mem::take(&mut vanished))?;
    }

    set_default_channel(part, package, &manifest.default_channel);
    let mut channels: BTreeMap<&str, Entries> = channels.into_iter().map(|(name, (_, all))| (name, all)).collect();
    for channel in &touched {
        graph::write(part, package, channel, channels.remove(channel.as_str()).unwrap_or_default());
    }
    Ok(vanished)
}

/// The entries of a channel by name.
type Entries = BTreeMap<String, ChannelEntry>;

/// The bundles that are there, each with the channels that it heads.
fn heads(part: &Catalog, graph: &Graph) -> Vec<Candidate> {
    let default_channel = part.packages.first().map(|package| package.default_channel.clone()).unwrap_or_default();
    let mut headed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for channel in &part.channels {
        for head in graph::heads(channel.entries()) {
            headed.entry(head).or_default().push(channel.name.clone());
        }
    }
    let candidate = |name: &String| Candidate {
        name: name.clone(),
        version: graph.nodes.get(name).map(|node| node.version.clone()).unwrap_or_default(),
        channels: headed.remove(name.as_str()).unwrap_or_default(),
        default_channel: default_channel.clone(),
    };
    graph.order.iter().map(candidate).collect()
}

/// Takes a bundle, which nothing replaces, out of its package. Returns the channels where it was.
fn take_out(part: &mut Catalog, name: &str) -> Vec<String> {
    part.bundles.retain(|bundle| bundle.name != name);
    let mut channels = Vec::new();
    for channel in &mut part.channels {
        let Some(entries) = &mut channel.entries else { continue };
        let former = entries.len();
        entries.retain(|entry| entry.name != name);
        if entries.len() < former {
            channels.push(channel.name.clone());
        }
    }
    channels
}

/// Checks that every added bundle can be reached from the heads of its channels.
fn check_reachable(
    package: &str,
    added: &[AddedBundle],
    channels: &BTreeMap<&str, (&str, Entries)>,
) -> Result<(), EditError> {
    let mut errors = Vec::new();
    for AddedBundle { blob, channels: own, .. } in added {
        for channel in own {
            let found = channels.get(channel.as_str());
            if found.is_some_and(|(_, entries)| entries.contains_key(&blob.name)) {
                continue;
            }
            errors.push(
                Refusal::Prunes {
                    bundle: blob.name.clone(),
                    image: blob.image.clone(),
                    package: package.to_owned(),
                    channel: channel.clone(),
                    head: found.map(|(head, _)| (*head).to_owned()).unwrap_or_default(),
                    listed: found.into_iter().flat_map(|(_, entries)| entries.keys().cloned()).collect(),
                }
                .into(),
            );
        }
    }
    EditError::all(errors)
}

/// What is in a channel and would no longer be.
fn vanished(package: &str, part: &Catalog, channels: &BTreeMap<&str, (&str, Entries)>) -> Vec<EditError> {
    let mut errors = Vec::new();
    for channel in &part.channels {
        let Some((head, entries)) = channels.get(channel.name.as_str()) else { continue };
        let lost = channel.entries().iter().filter(|entry| !entries.contains_key(&entry.name));
        let bundles: Vec<String> = lost.map(|entry| entry.name.clone()).collect();
        if !bundles.is_empty() {
            errors.push(EditError::Vanishes {
                package: package.to_owned(),
                channel: channel.name.clone(),
                head: (*head).to_owned(),
                bundles,
            });
        }
    }
    errors
}
