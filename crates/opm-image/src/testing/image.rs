//! Images made of a few files.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tar::{Entry, archive, gzip};
use crate::digest::Digest;

/// One layer as it is stored.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The stored bytes.
    pub bytes: Vec<u8>,
    /// The digest of what they decompress to.
    pub diff_id: Digest,
    /// What the manifest calls it.
    pub media_type: String,
    /// Where else the manifest says it is.
    pub urls: Vec<String>,
}

impl Layer {
    fn files<P: AsRef<[u8]>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Vec<u8> {
        let entries: Vec<Entry> = files.into_iter().map(|(path, content)| Entry::file(path, content)).collect();
        archive(&entries)
    }

    /// Files in a gzip-compressed layer.
    pub fn gzip<P: AsRef<[u8]>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        let tar = Self::files(files);
        Self { bytes: gzip(&tar), diff_id: Digest::of(&tar), ..Self::raw([]) }
    }

    /// Any entries in a gzip-compressed layer.
    pub fn entries<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let tar = archive(entries);
        Self { bytes: gzip(&tar), diff_id: Digest::of(&tar), ..Self::raw([]) }
    }

    /// Files in a zstd-compressed layer.
    pub fn zstd<P: AsRef<[u8]>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        let tar = Self::files(files);
        let bytes = zstd::encode_all(&tar[..], 1).unwrap();
        let media_type = "application/vnd.oci.image.layer.v1.tar+zstd".to_owned();
        Self { bytes, diff_id: Digest::of(&tar), media_type, urls: Vec::new() }
    }

    /// Files in an uncompressed layer.
    pub fn plain<P: AsRef<[u8]>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        Self::raw(Self::files(files))
    }

    /// Any bytes, called a gzip-compressed layer.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip".to_owned();
        Self { diff_id: Digest::of(&bytes), bytes, media_type, urls: Vec::new() }
    }
}

/// An image to be pushed or written.
#[derive(Debug, Clone)]
pub struct TestImage {
    /// Lowest first.
    pub layers: Vec<Layer>,
    /// In the configuration.
    pub labels: BTreeMap<String, String>,
    /// `os/architecture` in the configuration.
    pub platform: String,
    /// Docker's media types instead of OCI's.
    pub docker: bool,
}

impl TestImage {
    /// An image of these layers for `linux/amd64`.
    pub fn new(layers: impl IntoIterator<Item = Layer>) -> Self {
        Self {
            layers: layers.into_iter().collect(),
            labels: BTreeMap::new(),
            platform: "linux/amd64".to_owned(),
            docker: false,
        }
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// For another platform.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        platform.clone_into(&mut self.platform);
        self
    }

    /// The bytes of its configuration.
    pub fn config(&self) -> Vec<u8> {
        let (os, architecture) = self.platform.split_once('/').unwrap_or(("linux", "amd64"));
        let diff_ids: Vec<&str> = self.layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        to_bytes(&json!({
            "os": os, "architecture": architecture,
            "config": {"Labels": self.labels},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }))
    }

    /// The bytes of its manifest, and their media type.
    pub fn manifest(&self) -> (Vec<u8>, &'static str) {
        let (manifest, config) = if self.docker {
            ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.container.image.v1+json")
        } else {
            ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json")
        };
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| {
                let mut value = descriptor(&layer.bytes, &layer.media_type);
                if !layer.urls.is_empty() {
                    value["urls"] = json!(layer.urls);
                }
                value
            })
            .collect();
        let value = json!({
            "schemaVersion": 2, "mediaType": manifest, "config": descriptor(&self.config(), config), "layers": layers,
        });
        (to_bytes(&value), manifest)
    }

    /// What an index says of this image.
    pub fn entry(&self) -> Value {
        let (bytes, media_type) = self.manifest();
        let (os, architecture) = self.platform.split_once('/').unwrap_or(("linux", "amd64"));
        let mut value = descriptor(&bytes, media_type);
        value["platform"] = json!({"os": os, "architecture": architecture});
        value
    }

    /// Everything the manifest refers to.
    pub fn blobs(&self) -> Vec<Vec<u8>> {
        self.layers.iter().map(|layer| layer.bytes.clone()).chain([self.config()]).collect()
    }
}

pub(super) fn descriptor(bytes: &[u8], media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).as_str(), "size": bytes.len()})
}

pub(super) fn to_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
