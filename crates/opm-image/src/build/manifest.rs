//! The manifest of an image that has one layer more than its base.

use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE,
    IMAGE_LAYER_GZIP_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};
use serde_json::{Map, Value, json};

use super::config::array;
use super::layer::Built;
use crate::digest::Digest;
use crate::error::ErrorKind;

/// Whose media types an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// OCI image specification 1.1.
    Oci,
    /// Docker image manifest version 2, schema 2.
    Docker,
}

impl Family {
    /// That of a manifest with this media type.
    pub fn of(media_type: &str) -> Self {
        if media_type == IMAGE_MANIFEST_MEDIA_TYPE { Self::Docker } else { Self::Oci }
    }

    /// The media type of its manifests.
    pub(super) fn manifest(self) -> &'static str {
        self.media_types().0
    }

    /// The media types of manifest, configuration and layer.
    fn media_types(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Oci => (OCI_IMAGE_MEDIA_TYPE, IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE),
            Self::Docker => {
                (IMAGE_MANIFEST_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE)
            }
        }
    }
}

/// The manifest of `base` (none for an image from scratch) with a new configuration and one layer more, its keys sorted.
///
/// # Errors
/// [`ErrorKind::Manifest`] when `base` is malformed.
pub fn extend_manifest(
    base: Option<&[u8]>,
    family: Family,
    config: &[u8],
    layer: &Built,
) -> Result<Vec<u8>, ErrorKind> {
    let bad = |why: &str| ErrorKind::Manifest(format!("the manifest of the base is malformed: {why}"));
    let mut root: Map<String, Value> = match base {
        Some(base) => serde_json::from_slice(base).map_err(|error| bad(&error.to_string()))?,
        None => Map::new(),
    };
    let (manifest, configuration, layers) = family.media_types();
    root.insert("schemaVersion".to_owned(), json!(2));
    root.insert("mediaType".to_owned(), json!(manifest));
    // What the base was made about is nothing to this one.
    root.remove("subject");
    let described = json!({"mediaType": configuration, "digest": Digest::of(config).as_str(), "size": config.len()});
    root.insert("config".to_owned(), described);
    let all = array(&mut root, "layers").ok_or_else(|| bad("`layers` is not a list"))?;
    all.push(json!({"mediaType": layers, "digest": layer.digest.as_str(), "size": layer.size}));
    Ok(bytes(Value::Object(root)))
}

/// Compact JSON with sorted keys, whatever order the parser keeps.
pub(super) fn bytes(mut value: Value) -> Vec<u8> {
    value.sort_all_objects();
    value.to_string().into_bytes()
}
