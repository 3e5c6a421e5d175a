//! An image that has been looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::digest::Digest;
use crate::layout::Layout;
use crate::resolve::Places;
use crate::source::Source;

/// One image: its manifest and configuration, checked, and where its layers are.
///
/// Cheap to clone. An image from an archive keeps the archive's spooled content until its last clone is dropped.
#[derive(Debug, Clone)]
pub struct Image(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) source: Source,
    pub(crate) digest: Digest,
    pub(crate) index: Option<Digest>,
    pub(crate) media_type: String,
    pub(crate) manifest: Bytes,
    pub(crate) config: Bytes,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) store: Arc<Store>,
}

/// Where blobs are read from.
#[derive(Debug)]
pub(crate) enum Store {
    Registry(Places),
    Disk(Layout),
}

/// What a layer must turn out to be.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// The digest and size of the bytes as stored.
    pub(crate) stored: Option<(Digest, u64)>,
    /// The digest of what they decompress to.
    pub(crate) unpacked: Option<Digest>,
}

/// One layer of an image, lowest first.
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) check: Check,

    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) media_type: String,
    pub(crate) foreign: Option<String>,
}

impl Layer {
    /// The digest of the layer as stored; in a `docker-archive:`, that of its decompressed content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// As stored, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// As the manifest says. Unpacking looks at the content instead.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }
}

impl Image {
    /// Where it came from, as the user named it.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// The digest of the manifest that was chosen; for a `docker-archive:`, which has none, that of the configuration.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// The digest of the index the manifest was chosen from, if there is one.
    pub fn index_digest(&self) -> Option<&Digest> {
        self.0.index.as_ref()
    }

    /// The media type of [`manifest`](Self::manifest).
    pub fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// The manifest as it was served; for a `docker-archive:`, the archive's `manifest.json`.
    pub fn manifest(&self) -> &[u8] {
        &self.0.manifest
    }

    /// The configuration as it was served.
    pub fn config(&self) -> &[u8] {
        &self.0.config
    }

    /// The labels in the configuration; empty for artifacts that have none.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.0.labels
    }

    /// Lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.0.layers
    }
}
