//! What `docker save` and `podman save` write: `manifest.json`, and configurations and layers under names it gives.

use bytes::Bytes;
use serde::Deserialize;

use super::Files;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::manifest::{self, Config};
use crate::options::Limits;

/// An image in a docker archive, its configuration checked as far as its name allows.
#[derive(Debug)]
pub(crate) struct DockerImage {
    pub(crate) manifest: Bytes,
    pub(crate) digest: Digest,
    pub(crate) config: Bytes,
    pub(crate) decoded: Config,
    /// The digests of the layers' decompressed content, and their files.
    pub(crate) layers: Vec<(Digest, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl Files {
    /// The image called `tag`, or the only one.
    pub(crate) fn docker_image(&self, tag: Option<&str>, limits: &Limits) -> Result<DockerImage, ErrorKind> {
        let manifest = self.read("manifest.json", limits.manifest, "the size of manifest.json in bytes")?;
        let images: Vec<Wire> = serde_json::from_slice(&manifest)
            .map_err(|error| self.bad(format!("manifest.json is malformed: {error}")))?;
        let image = self.choose(&images, tag)?;
        let config = self.read(&image.config, limits.config, "the size of the configuration in bytes")?;
        let digest = Digest::of(&config);
        if let Some(expected) = named_digest(&image.config)
            && expected != digest
        {
            return Err(ErrorKind::Digest { what: "the configuration", expected, found: digest });
        }
        let decoded = manifest::config(&config, oci_distribution::manifest::IMAGE_DOCKER_CONFIG_MEDIA_TYPE)?;
        let files = image.layers.as_deref().unwrap_or_default();
        if decoded.diff_ids.len() != files.len() {
            return Err(self.bad(format!(
                "manifest.json names {} layers, the configuration {}",
                files.len(),
                decoded.diff_ids.len()
            )));
        }
        let layers = decoded.diff_ids.iter().zip(files);
        let layers =
            layers.map(|(id, file)| Ok((manifest::digest(id)?, file.clone()))).collect::<Result<_, ErrorKind>>()?;
        Ok(DockerImage { manifest, digest, config, decoded, layers })
    }

    fn choose<'a>(&self, images: &'a [Wire], tag: Option<&str>) -> Result<&'a Wire, ErrorKind> {
        let tags = |image: &Wire| image.repo_tags.clone().unwrap_or_default();
        let held = || images.iter().flat_map(tags).collect::<Vec<_>>().join(", ");
        match (tag, images) {
            (Some(tag), _) => images
                .iter()
                .find(|image| {
                    tags(image)
                        .iter()
                        .any(|name| name == tag || name.rsplit_once(':').is_some_and(|(_, last)| last == tag))
                })
                .ok_or_else(|| self.bad(format!("there is no image `{tag}` in it; it holds: {}", held()))),
            (None, [image]) => Ok(image),
            (None, []) => Err(self.bad("it holds no image")),
            (None, _) => Err(self.bad(format!("say which image is meant by adding `:NAME:TAG`; it holds: {}", held()))),
        }
    }
}

/// The digest in a configuration's name: `HEX.json` or `blobs/sha256/HEX`.
fn named_digest(path: &str) -> Option<Digest> {
    let name = path.rsplit('/').next()?;
    format!("sha256:{}", name.strip_suffix(".json").unwrap_or(name)).parse().ok()
}
