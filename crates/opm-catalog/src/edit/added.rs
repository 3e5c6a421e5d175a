//! Bundles to add.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::icon;
use crate::blob::{Bundle, ChannelEntry, Icon, property_type};
use crate::properties::{self, null_as_default};
use crate::{Error, raw};

/// The annotation of a CSV that holds a range of versions which it updates directly.
const SKIP_RANGE: &str = "olm.skipRange";
/// The annotation of a CSV that names the bundle which it stands in for.
const SUBSTITUTES_FOR: &str = "olm.substitutesFor";

/// A bundle to add: its blob, as `opm render` shows it, and what is to be known of it besides. Its package and version are
/// those of the blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedBundle {
    /// The blob.
    pub blob: Bundle,
    /// The channels that its annotations name.
    pub channels: Vec<String>,
    /// The default channel that its annotations name; empty where they name none.
    pub default_channel: String,
    /// The bundle that it replaces (`spec.replaces`); empty where it replaces none.
    pub replaces: String,
    /// The bundles that it skips (`spec.skips`).
    pub skips: Vec<String>,
    /// The versions that it updates directly (`olm.skipRange`); empty where there is no such range.
    pub skip_range: String,
    /// The bundle that it stands in for (`olm.substitutesFor`); empty where it stands in for none.
    pub substitutes_for: String,
    /// The first icon of its CSV.
    pub icon: Option<Icon>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Facts {
    #[serde(deserialize_with = "null_as_default")]
    metadata: Metadata,
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, Option<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "null_as_default")]
    replaces: String,
    #[serde(deserialize_with = "null_as_default")]
    skips: Vec<String>,
}

impl Metadata {
    fn annotation(&mut self, name: &str) -> String {
        self.annotations.remove(name).flatten().unwrap_or_default()
    }
}

impl AddedBundle {
    /// A bundle whose blob has its manifests still (`olm.bundle.object`): what else is to be known is in its CSV. The channels
    /// and the default channel are those of its annotations.
    pub fn of_blob(blob: Bundle, channels: Vec<String>, default_channel: String) -> Result<Self, Error> {
        let fault = |message: String| Error::Bundle { bundle: blob.name.clone(), message };
        let csv = blob.csv_json().ok_or_else(|| fault("has no CSV".to_owned()))?;
        let facts: Result<Facts, _> = serde_json::from_slice(&csv);
        let mut facts = facts.map_err(|e| fault(format!("cannot read its CSV: {}", raw::plain(&e))))?;
        Ok(Self {
            channels,
            default_channel,
            replaces: facts.spec.replaces,
            skips: facts.spec.skips,
            skip_range: facts.metadata.annotation(SKIP_RANGE),
            substitutes_for: facts.metadata.annotation(SUBSTITUTES_FOR),
            icon: icon::of(&blob).and_then(|found| found.icon),
            blob,
        })
    }

    /// Its entry in a channel that follows from what its CSV says.
    pub(super) fn entry(&self) -> ChannelEntry {
        ChannelEntry {
            name: self.blob.name.clone(),
            replaces: self.replaces.clone(),
            skips: self.skips.clone(),
            skip_range: self.skip_range.clone(),
        }
    }

    /// Its version, with its release as build metadata, which have the same order.
    pub(super) fn version(&self) -> Result<String, Error> {
        version(&self.blob)
    }
}

/// The version of a bundle, with its release as build metadata, which have the same order.
pub(super) fn version(bundle: &Bundle) -> Result<String, Error> {
    let (version, value) = properties::version(bundle)?;
    Ok(if value.release.is_empty() { version.to_string() } else { format!("{version}+{}", value.release) })
}

/// Names each skipped bundle once, and not that which is replaced.
pub(super) fn normalize(entry: &mut ChannelEntry) {
    let mut seen = BTreeSet::from([entry.replaces.clone()]);
    entry.skips.retain(|skip| seen.insert(skip.clone()));
}

/// The bundle for which one that is in a catalog stands in, as far as its blob says; empty where it stands in for none.
pub(super) fn substitutes_for(bundle: &Bundle) -> String {
    let metadata = bundle.properties.iter().find(|p| p.kind == property_type::CSV_METADATA);
    let mut metadata = if let Some(metadata) = metadata {
        serde_json::from_str::<Metadata>(&metadata.value).unwrap_or_default()
    } else {
        let csv = bundle.csv_json();
        csv.and_then(|csv| serde_json::from_slice::<Facts>(&csv).ok()).unwrap_or_default().metadata
    };
    metadata.annotation(SUBSTITUTES_FOR)
}
