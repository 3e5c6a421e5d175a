//! Docker's media types into OCI's. The content is the same.

use bytes::Bytes;
use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE,
    IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE,
    IMAGE_LAYER_NONDISTRIBUTABLE_GZIP_MEDIA_TYPE, IMAGE_LAYER_NONDISTRIBUTABLE_MEDIA_TYPE,
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};
use serde_json::{Value, json};

use super::made::{Document, Made};
use crate::digest::Digest;
use crate::error::ErrorKind;

/// By OCI image specification 1.1, "Compatibility matrix".
const TYPES: [(&str, &str); 8] = [
    (IMAGE_MANIFEST_LIST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE),
    (IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE),
    (IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_CONFIG_MEDIA_TYPE),
    (IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE),
    (IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE),
    ("application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", IMAGE_LAYER_NONDISTRIBUTABLE_GZIP_MEDIA_TYPE),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar", IMAGE_LAYER_NONDISTRIBUTABLE_MEDIA_TYPE),
];

impl Made {
    /// The same with OCI's media types, which is what readers of OCI image layouts look for. Nothing changes if it has them.
    pub(super) fn as_oci(&self) -> Result<Self, ErrorKind> {
        let children = self.children.iter().map(|child| convert(child, &[])).collect::<Result<Vec<_>, _>>()?;
        let top = convert(&self.top, &children)?;
        Ok(Self { top, children, images: self.images.clone(), blobs: self.blobs.clone() })
    }
}

fn convert(document: &Document, children: &[Document]) -> Result<Document, ErrorKind> {
    let mut root: Value =
        serde_json::from_slice(&document.bytes).map_err(|error| ErrorKind::Manifest(error.to_string()))?;
    rename(&mut root);
    root.get_mut("config").map(rename);
    for layer in root.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten() {
        rename(layer);
    }
    // The entries of an index were made of these manifests, in this order.
    for (entry, child) in root.get_mut("manifests").and_then(Value::as_array_mut).into_iter().flatten().zip(children) {
        rename(entry);
        entry["digest"] = json!(child.digest.as_str());
        entry["size"] = json!(child.bytes.len());
    }
    let media_type = renamed(&document.media_type).to_owned();
    let bytes: Bytes = super::manifest::bytes(root).into();
    Ok(Document { digest: Digest::of(&bytes), bytes, media_type })
}

fn renamed(media_type: &str) -> &str {
    TYPES.iter().find(|(docker, _)| *docker == media_type).map_or(media_type, |(_, oci)| oci)
}

fn rename(described: &mut Value) {
    if let Some(Value::String(text)) = described.get_mut("mediaType") {
        *text = renamed(text).to_owned();
    }
}
