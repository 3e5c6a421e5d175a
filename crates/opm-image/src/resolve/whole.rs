//! An image with all there is of it: its manifests of every platform, as they are.

use oci_distribution::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OciDescriptor,
};

use super::{Document, MOST_INDEXES, Opened, Resolver, Top, open};
use crate::build::Document as Manifested;
use crate::client::Client;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::image::Store;
use crate::manifest::{self, Manifest};
use crate::platform::{self, Platform};
use crate::progress::Progress;
use crate::source::Source;

/// No image has more manifests, those of all platforms and of attestations counted.
const MOST_MANIFESTS: usize = 512;

/// What there is of an image.
#[derive(Debug)]
pub(crate) struct Whole {
    /// What each manifest names comes before it; the last is what the name leads to.
    pub(crate) documents: Vec<Manifested>,
    /// Every configuration and every layer once, with its size in bytes.
    pub(crate) blobs: Vec<(Digest, u64)>,
    /// Layers that say of themselves that they are kept elsewhere, which the store may have all the same.
    pub(crate) foreign: Vec<(Digest, u64)>,
    pub(crate) store: std::sync::Arc<Store>,
}

/// Reads all manifests of an image, or those for certain platforms where some are named. What an index names without a
/// platform, or for none such as attestations, is always among them. `entry` is what the `index.json` of a layout says of the image,
/// where somebody has read that already.
pub(crate) async fn whole(
    client: &Client,
    (source, entry): (&Source, Option<&ImageIndexEntry>),
    platforms: &[Platform],
    progress: &dyn Progress,
) -> Result<Whole, ErrorKind> {
    let store = match open(client, source).await? {
        Opened::Store(store) => store,
        Opened::Image(_) => {
            return Err(ErrorKind::Unsupported(
                "a docker-archive keeps no manifests, and cannot be mirrored".to_owned(),
            ));
        }
    };
    let resolver = Resolver { client, store: &store, progress };
    let top = match entry {
        Some(entry) => resolver.child(entry).await?,
        None => match resolver.top(source).await? {
            Top::Document(top) => top,
            Top::Platforms(_) => {
                return Err(ErrorKind::Manifest("the layout names no image that could be mirrored".to_owned()));
            }
        },
    };
    let (mut documents, mut blobs, mut foreign, mut indexes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut ahead = vec![(top, 1)];
    while let Some((document, depth)) = ahead.pop() {
        if documents.len() >= MOST_MANIFESTS {
            return Err(ErrorKind::Limit { what: "the number of manifests of an image", limit: MOST_MANIFESTS as u64 });
        }
        match manifest::decode(&document.bytes, document.served_as.as_deref())? {
            Manifest::Image(image, media_type) => {
                for blob in [&image.config].into_iter().chain(&image.layers) {
                    let elsewhere = blob.urls.as_ref().is_some_and(|urls| !urls.is_empty());
                    add_blob(if elsewhere { &mut foreign } else { &mut blobs }, blob)?;
                }
                documents.push(manifested(document, media_type));
            }
            Manifest::Index(index) => {
                indexes += 1;
                let most = client.limits().index_depth;
                if depth > most {
                    return Err(ErrorKind::Limit { what: "the depth of indexes in indexes", limit: most as u64 });
                }
                if indexes > MOST_INDEXES {
                    let what = "the number of indexes in an index";
                    return Err(ErrorKind::Limit { what, limit: MOST_INDEXES as u64 });
                }
                for entry in index.manifests.iter().filter(|entry| platform::is_among(entry, platforms)) {
                    ahead.push((resolver.child(entry).await?, depth + 1));
                }
                let media_type = index.media_type.clone().or_else(|| document.served_as.clone());
                let media_type = media_type
                    .filter(|served| served == IMAGE_MANIFEST_LIST_MEDIA_TYPE)
                    .unwrap_or_else(|| OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned());
                documents.push(manifested(document, media_type));
            }
        }
    }
    // An index was met before what it names.
    documents.reverse();
    Ok(Whole { documents, blobs, foreign, store })
}

fn manifested(Document { bytes, digest, .. }: Document, media_type: String) -> Manifested {
    Manifested { bytes, media_type, digest }
}

fn add_blob(blobs: &mut Vec<(Digest, u64)>, blob: &OciDescriptor) -> Result<(), ErrorKind> {
    let digest = manifest::digest(&blob.digest)?;
    if !blobs.iter().any(|(known, _)| *known == digest) {
        blobs.push((digest, manifest::size(blob.size)?));
    }
    Ok(())
}
