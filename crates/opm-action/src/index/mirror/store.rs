//! What a store says of the images in it, so that whoever carries it needs nothing else: `opm-mirror.json` beside the layout.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::collect::Images;
use crate::index::pipeline::write_atomically;

/// The file in a store.
const FILE: &str = "opm-mirror.json";
/// The largest that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// What is in a store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Inventory {
    /// The index image, as it was named when the store was filled.
    pub(super) catalog: String,
    /// The images that arrived, by their names.
    pub(super) images: Vec<Item>,
}

/// An image in a store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Item {
    /// As the catalog names it.
    pub(super) source: String,
    /// What it is called in the layout.
    pub(super) path: String,
    /// Of its manifest.
    pub(super) digest: String,
    /// The packages and bundles that name it.
    #[serde(default)]
    pub(super) bundles: Vec<(String, String)>,
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

    /// The images of the catalog, the index itself left out.
    pub(super) fn images(&self) -> Images {
        let others = self.images.iter().filter(|item| item.source != self.catalog);
        others.map(|item| (item.source.clone(), item.bundles.iter().cloned().collect())).collect()
    }
}
