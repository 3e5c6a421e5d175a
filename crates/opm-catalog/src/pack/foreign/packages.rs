//! The index of packages in JSON, which both forms have.

use std::collections::BTreeMap;
use std::path::Path;

use opm_model::Gvk;
use serde::Deserialize;

use super::super::draft::{Builder, ChannelDraft, EntryDraft, PackageDraft};
use super::super::error::Error;
use super::super::graph::Graph;
use super::damaged;
use crate::properties::null_as_default;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    name: String,
    default_channel: String,
    #[serde(rename = "Channels", deserialize_with = "null_as_default")]
    channels: BTreeMap<String, Channel>,
    deprecation: Option<Deprecation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Channel {
    name: String,
    head: String,
    #[serde(deserialize_with = "null_as_default")]
    bundles: BTreeMap<String, Bundle>,
    #[serde(rename = "deprecation")]
    deprecation: Option<Deprecation>,
}

#[derive(Deserialize)]
struct Bundle {
    name: String,
    replaces: String,
    #[serde(deserialize_with = "null_as_default")]
    skips: Vec<String>,
}

#[derive(Deserialize)]
struct Deprecation {
    message: String,
}

/// The graph in an index. `apis` tells what the bundle of a package, channel and name provides.
pub(super) fn graph(
    index: &[u8],
    path: &Path,
    mut apis: impl FnMut(&str, &str, &str) -> Result<Vec<Gvk>, Error>,
) -> Result<Graph, Error> {
    let packages: BTreeMap<String, Package> =
        serde_json::from_slice(index).map_err(|error| damaged(path, format!("the index of packages ({error})")))?;
    let mut graph = Builder::default();
    let mut packages: Vec<Package> = packages.into_values().collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages.dedup_by(|a, b| a.name == b.name);
    for package in packages {
        let mut draft = draft(package);
        let mut place = graph.add(&mut draft);
        for channel in &draft.channels {
            for entry in &channel.entries {
                for api in apis(&draft.name, &channel.name, &entry.name)? {
                    graph.provide(place, &api);
                }
                place += 1;
            }
        }
    }
    Ok(graph.finish())
}

fn draft(package: Package) -> PackageDraft {
    let entry = |bundle: Bundle| EntryDraft { name: bundle.name, replaces: bundle.replaces, skips: bundle.skips };
    let channel = |channel: Channel| ChannelDraft {
        name: channel.name,
        head: channel.head,
        deprecation: channel.deprecation.map(|deprecation| deprecation.message),
        entries: channel.bundles.into_values().map(entry).collect(),
    };
    PackageDraft {
        name: package.name,
        default_channel: package.default_channel,
        deprecation: package.deprecation.map(|deprecation| deprecation.message),
        channels: package.channels.into_values().map(channel).collect(),
    }
}
