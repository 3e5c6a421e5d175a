//! Manifests, indexes and configurations: OCI image specification 1.1 and Docker image manifest version 2, schema 2.

use std::collections::BTreeMap;

use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE,
    OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageIndex, OciImageManifest,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::image::{Check, Layer};

/// What registries are asked for.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, */*";

/// A manifest of either kind, and the media type it is known by.
#[derive(Debug)]
pub(crate) enum Manifest {
    Image(Box<OciImageManifest>, String),
    Index(OciImageIndex),
}

/// As much as tells the kinds apart. Unknown members are of no interest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

/// Whether a media type is that of an index.
pub(crate) fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE)
}

/// Whether a media type is that of an image's configuration, and not of some artifact's.
pub(crate) fn is_config(media_type: &str) -> bool {
    matches!(media_type, IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE)
}

fn is_image(media_type: &str) -> bool {
    matches!(media_type, OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE)
}

/// Decodes a manifest. Its content decides what it is; a media type that says otherwise is an error, because two readers
/// could then take it for two different images.
pub(crate) fn decode(bytes: &[u8], served_as: Option<&str>) -> Result<Manifest, ErrorKind> {
    let malformed = |error: serde_json::Error| ErrorKind::Manifest(format!("the manifest is malformed: {error}"));
    let shape: Shape = serde_json::from_slice(bytes).map_err(malformed)?;
    let served_as = served_as.map(|text| text.split(';').next().unwrap_or_default().trim());
    if shape.fs_layers.is_some() || shape.schema_version == Some(1) {
        return Err(ErrorKind::SchemaOne);
    }
    let contradicted = |other: fn(&str) -> bool| shape.media_type.as_deref().or(served_as).is_some_and(other);
    match (&shape.manifests, &shape.config, &shape.layers) {
        (Some(_), None, None) if !contradicted(is_image) => {
            serde_json::from_slice(bytes).map(Manifest::Index).map_err(malformed)
        }
        (None, Some(_), Some(_)) if !contradicted(is_index) => {
            let media_type = shape
                .media_type
                .clone()
                .or_else(|| served_as.filter(|served| is_image(served)).map(str::to_owned))
                .unwrap_or_else(|| OCI_IMAGE_MEDIA_TYPE.to_owned());
            serde_json::from_slice(bytes).map(|image| Manifest::Image(Box::new(image), media_type)).map_err(malformed)
        }
        (None, None, None) => Err(ErrorKind::Manifest("what was served is not the manifest of an image".to_owned())),
        _ => Err(ErrorKind::Manifest(
            "the manifest is ambiguous: its content and its media type make it both an image and an index".to_owned(),
        )),
    }
}

/// Whether a manifest says itself what it is, so that nothing is lost when it is read without the type it was served as.
pub(crate) fn is_plain(bytes: &[u8], served_as: Option<&str>) -> bool {
    let oci = |served: &str| matches!(served, OCI_IMAGE_MEDIA_TYPE | OCI_IMAGE_INDEX_MEDIA_TYPE);
    served_as.is_none_or(oci) || serde_json::from_slice::<Shape>(bytes).is_ok_and(|shape| shape.media_type.is_some())
}

/// A digest in a manifest.
pub(crate) fn digest(text: &str) -> Result<Digest, ErrorKind> {
    text.parse().map_err(|error| ErrorKind::Manifest(format!("the manifest is malformed: {error}")))
}

/// A size in a manifest, in bytes.
pub(crate) fn size(size: i64) -> Result<u64, ErrorKind> {
    u64::try_from(size).map_err(|_| ErrorKind::Manifest(format!("the manifest is malformed: a size of {size} bytes")))
}

/// A layer from its descriptor.
pub(crate) fn layer(descriptor: &OciDescriptor) -> Result<Layer, ErrorKind> {
    let digest = digest(&descriptor.digest)?;
    let size = size(descriptor.size)?;
    Ok(Layer {
        check: Check { stored: Some((digest.clone(), size)), unpacked: None },
        digest,
        size,
        media_type: descriptor.media_type.clone(),
        foreign: descriptor.urls.as_ref().and_then(|urls| urls.first().cloned()),
    })
}

/// What matters of an image's configuration.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) labels: BTreeMap<String, String>,
    /// The digests of the layers' decompressed content, lowest first.
    pub(crate) diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct WireConfig {
    #[serde(default)]
    config: Option<WireRun>,
    #[serde(default)]
    rootfs: Option<WireRoot>,
}

#[derive(Deserialize)]
struct WireRun {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct WireRoot {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

/// Decodes a configuration. Artifacts may have anything in its place; those have no labels.
pub(crate) fn config(bytes: &[u8], media_type: &str) -> Result<Config, ErrorKind> {
    match serde_json::from_slice::<WireConfig>(bytes) {
        Ok(wire) => Ok(Config {
            labels: wire.config.and_then(|run| run.labels).unwrap_or_default(),
            diff_ids: wire.rootfs.and_then(|root| root.diff_ids).unwrap_or_default(),
        }),
        Err(error) if is_config(media_type) => {
            Err(ErrorKind::Manifest(format!("the configuration of the image is malformed: {error}")))
        }
        Err(_) => Ok(Config::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_contradictions_are_refused() {
        const IMAGE: &str = r#"{"schemaVersion":2,"config":{"mediaType":"","digest":"","size":1},"layers":[]"#;
        const INDEX: &str = r#"{"schemaVersion":2,"manifests":[]"#;
        let typed = |text: &str, media_type: &str| format!(r#"{text},"mediaType":"{media_type}"}}"#);
        let cases = [
            (format!("{IMAGE}}}"), None, "image"),
            (format!("{IMAGE}}}"), Some("application/json"), "image"),
            (format!("{INDEX}}}"), Some(OCI_IMAGE_INDEX_MEDIA_TYPE), "index"),
            (typed(INDEX, IMAGE_MANIFEST_LIST_MEDIA_TYPE), None, "index"),
            (format!("{IMAGE}}}"), Some(OCI_IMAGE_INDEX_MEDIA_TYPE), "ambiguous"),
            (typed(INDEX, OCI_IMAGE_MEDIA_TYPE), None, "ambiguous"),
            (format!(r#"{IMAGE},"manifests":[]}}"#), None, "ambiguous"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(), None, "schema 1"),
            (r#"{"errors":[]}"#.to_owned(), None, "not the manifest"),
            ("<html>".to_owned(), None, "malformed"),
        ];
        for (text, served_as, expected) in cases {
            let found = match decode(text.as_bytes(), served_as) {
                Ok(Manifest::Image(..)) => "image".to_owned(),
                Ok(Manifest::Index(_)) => "index".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(found.contains(expected), "{text}: {found}");
        }
    }

    #[test]
    fn configurations_may_lack_labels() {
        for (text, labels) in
            [("{}", 0), (r#"{"config":{"Labels":null}}"#, 0), (r#"{"config":{"Labels":{"a":"b"}}}"#, 1)]
        {
            assert_eq!(
                config(text.as_bytes(), IMAGE_CONFIG_MEDIA_TYPE).map(|config| config.labels.len()).ok(),
                Some(labels)
            );
        }
        assert!(config(b"[1]", IMAGE_CONFIG_MEDIA_TYPE).is_err());
        assert!(config(b"[1]", "application/vnd.other").is_ok());
    }
}
