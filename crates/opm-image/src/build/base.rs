//! What is built upon.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use flate2::{Compression, GzBuilder};
use oci_distribution::manifest::{IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, ImageIndexEntry};
use serde::Deserialize;
use serde_json::json;

use super::copy::Copy;
use super::layer::Meter;
use super::made::{Blob, Blobs, Origin};
use super::manifest::Family;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::image::{Image, Layer, Store};
use crate::layout::Layout;
use crate::manifest;
use crate::platform::Platform;
use crate::progress::{Event, Progress};
use crate::resolve::{self, All, List};
use crate::source::Source;
use crate::unpack::{Stop, Worker, decompress, unreadable};

/// One image or several.
pub(super) struct Base {
    /// Media type and annotations of the index, if there is one.
    pub(super) list: Option<(&'static str, Option<BTreeMap<String, String>>)>,
    pub(super) images: Vec<BaseImage>,
}

/// One image.
pub(super) struct BaseImage {
    pub(super) entry: Option<ImageIndexEntry>,
    pub(super) family: Family,
    pub(super) manifest: Option<Vec<u8>>,
    pub(super) config: Vec<u8>,
    pub(super) layers: Vec<Blob>,
    /// What the layers decompress to.
    pub(super) diff_ids: Vec<Digest>,
}

impl Base {
    /// An image without layers.
    pub(super) fn scratch(platform: Option<&Platform>) -> Self {
        let Platform { os, architecture, variant } = platform.cloned().unwrap_or_else(Platform::host);
        let mut config =
            json!({"architecture": architecture, "os": os, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}});
        if let Some(variant) = variant {
            config["variant"] = json!(variant);
        }
        let config = config.to_string().into_bytes();
        let (layers, diff_ids) = (Vec::new(), Vec::new());
        let image = BaseImage { entry: None, family: Family::Oci, manifest: None, config, layers, diff_ids };
        Self { list: None, images: vec![image] }
    }

    /// What a name leads to: for one platform, or for all there are.
    pub(super) async fn find(
        blobs: &Blobs<'_>,
        source: &Source,
        platform: Option<&Platform>,
        progress: &dyn Progress,
    ) -> Result<Self, ErrorKind> {
        progress.event(Event::Resolving { image: &source.to_string() });
        let found = match platform {
            None => resolve::all(blobs.client, source, progress).await?,
            Some(platform) => {
                let image = resolve::resolve(blobs.client, source, progress).await?;
                serves(&image, platform)?;
                All::One(image)
            }
        };
        match found {
            All::One(image) => {
                let image = BaseImage::of(blobs, image, None).await?;
                Ok(Self { list: None, images: vec![image] })
            }
            All::List(List { media_type, annotations, images }) => {
                let mut all = Vec::new();
                for (entry, image) in images {
                    all.push(BaseImage::of(blobs, image, Some(entry)).await?);
                }
                Ok(Self { list: Some((media_type, annotations)), images: all })
            }
        }
    }
}

#[derive(Deserialize)]
struct WirePlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// An index says what its images are for; an image by itself must say so itself.
fn serves(image: &Image, wanted: &Platform) -> Result<(), ErrorKind> {
    if image.index_digest().is_some() {
        return Ok(());
    }
    let WirePlatform { os, architecture, variant } = serde_json::from_slice(image.config())
        .map_err(|error| ErrorKind::Manifest(format!("the configuration of the image is malformed: {error}")))?;
    let variant = variant.filter(|variant| !variant.is_empty());
    // Configurations rarely name a variant.
    let variant = variant.or_else(|| wanted.variant.clone());
    let offered = Platform { os, architecture, variant };
    if wanted.fit(&offered).is_some() {
        return Ok(());
    }
    let offered = if offered.os.is_empty() {
        "an image that does not say what it is for".to_owned()
    } else {
        offered.to_string()
    };
    Err(ErrorKind::NoPlatform { wanted: wanted.to_string(), offered })
}

impl BaseImage {
    async fn of(blobs: &Blobs<'_>, image: Image, entry: Option<ImageIndexEntry>) -> Result<Self, ErrorKind> {
        let diff_ids = manifest::config(image.config(), IMAGE_DOCKER_CONFIG_MEDIA_TYPE)?.diff_ids;
        let diff_ids = diff_ids.iter().map(|id| manifest::digest(id)).collect::<Result<Vec<_>, _>>()?;
        if diff_ids.len() != image.layers().len() {
            return Err(ErrorKind::Manifest(format!(
                "the base has {} layers, but its configuration names {}; only images can be built upon",
                image.layers().len(),
                diff_ids.len()
            )));
        }
        let config = image.config().to_vec();
        if let Store::Disk(layout @ Layout::Docker { .. }) = &*image.0.store {
            let (mut layers, mut described) = (Vec::new(), Vec::new());
            for layer in image.layers() {
                let layer = pack(blobs, layout, layer).await?;
                described.push(json!({
                    "mediaType": IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, "digest": layer.digest.as_str(), "size": layer.size,
                }));
                layers.push(layer);
            }
            let manifest = Some(json!({"layers": described}).to_string().into_bytes());
            return Ok(Self { entry, family: Family::Docker, manifest, config, layers, diff_ids });
        }
        let layers = image.layers().iter().map(|layer| Blob {
            digest: layer.digest().clone(),
            size: layer.size(),
            origin: match &layer.foreign {
                Some(url) if is_foreign(layer.media_type()) => Origin::Elsewhere(url.clone()),
                _ => Origin::Base(image.clone(), layer.clone()),
            },
        });
        let layers = layers.collect();
        let (family, manifest) = (Family::of(image.media_type()), Some(image.manifest().to_vec()));
        Ok(Self { entry, family, manifest, config, layers, diff_ids })
    }
}

/// Whether a layer is not to be copied. Docker: "foreign", OCI: "non-distributable".
fn is_foreign(media_type: &str) -> bool {
    media_type.contains(".foreign.") || media_type.contains(".nondistributable.")
}

/// A layer of a docker archive as a registry keeps it: compressed, always to the same bytes.
async fn pack(blobs: &Blobs<'_>, layout: &Layout, layer: &Layer) -> Result<Blob, ErrorKind> {
    let from = layout.blob(layer.digest())?;
    let into = blobs.place(&format!("{}.gz", layer.digest().hex()));
    let (expected, stop) = (layer.digest().clone(), Stop::default());
    let (asked, limit) = (stop.clone(), blobs.client.limits().unpacked);
    let work = move || {
        let unread = |error| unreadable(&error);
        let written = |error| ErrorKind::io(&into)(error);
        let file = BufReader::with_capacity(128 << 10, File::open(&from).map_err(ErrorKind::io(&from))?);
        let mut stream = decompress(file).map_err(unread)?;
        let out = BufWriter::new(File::create(&into).map_err(written)?);
        let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Meter::new(out), Compression::new(6));
        let copy = Copy { hasher: expected.hasher(), limit, stop: &asked };
        let found = copy.run((&mut stream, &unread), (&mut gzip, &written))?;
        if found != expected {
            return Err(ErrorKind::Digest { what: "the layer", expected, found });
        }
        let mut out = gzip.finish().map_err(written)?;
        out.flush().map_err(written)?;
        let (digest, size) = out.finish();
        Ok(Blob { digest, size, origin: Origin::File(into.clone()) })
    };
    Worker::start(&stop, work).end().await
}
