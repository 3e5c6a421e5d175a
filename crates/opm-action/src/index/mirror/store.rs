//! What a store says of the images in it, so that whoever carries it needs nothing else: `opm-mirror.json` beside the layout, or
//! beside the index image of a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use opm_image::Digest;
use opm_image::mirror::{Arrival, Copied};
use serde::{Deserialize, Serialize};

use super::mapping::Mapped;
use super::report::Failure;
use crate::index::pipeline::write_atomically;

/// The file in a store.
pub(super) const FILE: &str = "opm-mirror.json";
/// The largest that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// What is in a store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Inventory {
    /// The index image, as it was named when the store was filled.
    pub(super) catalog: String,
    /// The platforms that were copied of images that have several; all if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) platforms: Vec<String>,
    /// The images of the catalog, by their names.
    pub(super) images: Vec<Item>,
    /// Blobs of them that are not here because an earlier store has them, with the names of the images that they came with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) earlier: BTreeMap<Digest, BTreeSet<String>>,
}

/// An image in a store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Item {
    /// As the catalog names it.
    pub(super) source: String,
    /// What it is called in the store.
    pub(super) path: String,
    /// Of its manifest; absent when it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    /// Why it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Whether an earlier store has it, and this one does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) earlier: bool,
    /// The packages and bundles that name it.
    #[serde(default)]
    pub(super) bundles: Vec<(String, String)>,
    /// What it consists of: its manifests, configurations and layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Digest>,
}

impl Item {
    /// One that arrived.
    pub(super) fn arrived(image: &Mapped, copied: &Copied, since: Option<&Inventory>) -> Self {
        let earlier = copied.arrival == Arrival::LeftOut;
        let parts = if earlier {
            let same = |item: &&Self| item.digest.as_ref() == Some(&copied.digest);
            since.and_then(|since| since.images.iter().find(same)).map(|item| item.parts.clone()).unwrap_or_default()
        } else {
            copied.parts.iter().map(|(digest, _)| digest.clone()).collect()
        };
        Self {
            source: image.written.clone(),
            path: image.source.to_string(),
            digest: Some(copied.digest.clone()),
            error: None,
            earlier,
            bundles: image.named.iter().cloned().collect(),
            parts,
        }
    }

    /// One that did not.
    pub(super) fn failed(failure: &Failure) -> Self {
        Self {
            source: failure.image.clone(),
            path: failure.image.clone(),
            digest: None,
            error: Some(failure.why.clone()),
            earlier: false,
            bundles: failure.named.iter().cloned().collect(),
            parts: Vec::new(),
        }
    }
}

impl Inventory {
    pub(super) fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        let about = fs::metadata(&path)
            .with_context(|| format!("{} is no store of `opm index mirror`: read {FILE}", dir.display()))?;
        ensure!(about.len() <= LARGEST, "{} is too large", path.display());
        let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is malformed", path.display()))
    }

    pub(super) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let path = dir.join(FILE);
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_atomically(&path, &text).with_context(|| format!("write {}", path.display()))
    }

    /// Whether it relies on an earlier one.
    pub(super) fn is_later(&self) -> bool {
        !self.earlier.is_empty() || self.images.iter().any(|item| item.earlier)
    }

    /// All that whoever got this store, and those before it, has: images and what they consist of.
    pub(super) fn carried(&self) -> BTreeSet<Digest> {
        let images = self.images.iter().flat_map(|item| item.digest.iter().chain(&item.parts));
        images.chain(self.earlier.keys()).cloned().collect()
    }

    /// Notes of those parts of images that are in `since` and not here with which images they came.
    pub(super) fn refer_to(&mut self, since: &Self) {
        let mut came: BTreeMap<&Digest, BTreeSet<&String>> = BTreeMap::new();
        for item in &since.images {
            for part in &item.parts {
                came.entry(part).or_default().insert(&item.path);
            }
        }
        for (part, names) in &since.earlier {
            came.entry(part).or_default().extend(names);
        }
        for part in self.images.iter().filter(|item| !item.earlier).flat_map(|item| &item.parts) {
            if let Some(names) = came.get(part) {
                self.earlier.entry(part.clone()).or_default().extend(names.iter().map(|name| (*name).clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_store_knows_what_earlier_ones_brought() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let item = |path: &str, parts: &[&str], earlier| Item {
            source: path.to_owned(),
            path: path.to_owned(),
            digest: Some(digest(path)),
            error: None,
            earlier,
            bundles: Vec::new(),
            parts: parts.iter().map(|part| digest(part)).collect(),
        };
        let first = Inventory { images: vec![item("a", &["base", "a1"], false)], ..Inventory::default() };
        let mut second = Inventory {
            images: vec![item("a", &["base", "a1"], true), item("b", &["base", "b1"], false)],
            ..Inventory::default()
        };
        second.refer_to(&first);
        assert_eq!(second.earlier, BTreeMap::from([(digest("base"), BTreeSet::from(["a".to_owned()]))]));
        let mut third = Inventory { images: vec![item("c", &["base", "b1"], false)], ..Inventory::default() };
        third.refer_to(&second);
        assert_eq!(third.earlier[&digest("base")], BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert_eq!(third.earlier[&digest("b1")], BTreeSet::from(["b".to_owned()]));
        assert!(second.carried().contains(&digest("a1")) && third.carried().contains(&digest("base")));
    }
}
