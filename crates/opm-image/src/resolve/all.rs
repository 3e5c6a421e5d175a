//! Every image behind a name, whatever its platform.

use std::collections::BTreeMap;

use oci_distribution::manifest::{IMAGE_MANIFEST_LIST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE};

use super::{MOST_INDEXES, Opened, Resolver, Top, index_as_image, open};
use crate::client::Client;
use crate::error::ErrorKind;
use crate::image::Image;
use crate::manifest::{self, Manifest};
use crate::progress::{Event, Progress};
use crate::source::Source;

/// No image has more platforms.
const MOST_IMAGES: usize = 128;

/// What attestations are marked with.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// What a name leads to.
#[derive(Debug)]
pub(crate) enum All {
    One(Image),
    List(List),
}

/// The images of an index and of the indexes in it, in their order; what is no image is left out.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) media_type: &'static str,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    pub(crate) images: Vec<(ImageIndexEntry, Image)>,
}

/// Looks all images up. What is left out is told to `progress`.
pub(crate) async fn all(client: &Client, source: &Source, progress: &dyn Progress) -> Result<All, ErrorKind> {
    let store = match open(client, source).await? {
        Opened::Store(store) => store,
        Opened::Image(image) => return Ok(All::One(image)),
    };
    let resolver = Resolver { client, store: &store, progress };
    let (index, digest, served_as) = match resolver.top(source).await? {
        Top::Platforms(index) => (index, None, None),
        Top::Document(top) => match manifest::decode(&top.bytes, top.served_as.as_deref())? {
            Manifest::Image(image, media_type) => {
                return resolver.image(source, top, None, &image, media_type).await.map(All::One);
            }
            Manifest::Index(index) => (index, Some(top.digest), top.served_as),
        },
    };
    let docker =
        index.media_type.as_deref().or(served_as.as_deref()).is_some_and(|served| {
            served.split(';').next().unwrap_or_default().trim() == IMAGE_MANIFEST_LIST_MEDIA_TYPE
        });
    let media_type = if docker { IMAGE_MANIFEST_LIST_MEDIA_TYPE } else { OCI_IMAGE_INDEX_MEDIA_TYPE };
    let annotations = index.annotations;
    let skip = |entry: &ImageIndexEntry, why: &str| {
        progress.event(Event::Skipped { what: &format!("{} in the base is {why} and is left out", entry.digest) });
    };

    let (mut images, mut indexes) = (Vec::new(), 1);
    // What is still to be looked at, with its depth, the next one last.
    let mut ahead: Vec<(ImageIndexEntry, usize)> = index.manifests.into_iter().rev().map(|entry| (entry, 1)).collect();
    while let Some((entry, depth)) = ahead.pop() {
        if is_attestation(&entry) {
            skip(&entry, "an attestation or for an unknown platform");
            continue;
        }
        if images.len() >= MOST_IMAGES {
            return Err(ErrorKind::Limit { what: "the number of images in an index", limit: MOST_IMAGES as u64 });
        }
        let nested = manifest::is_index(&entry.media_type);
        let most = client.limits().index_depth;
        if nested && depth >= most {
            return Err(ErrorKind::Limit { what: "the depth of indexes in indexes", limit: most as u64 });
        }
        let document = resolver.child(&entry).await?;
        match manifest::decode(&document.bytes, document.served_as.as_deref())? {
            Manifest::Index(_) if !nested => return Err(index_as_image()),
            Manifest::Index(index) => {
                indexes += 1;
                if indexes > MOST_INDEXES {
                    let limit = MOST_INDEXES as u64;
                    return Err(ErrorKind::Limit { what: "the number of indexes in an index", limit });
                }
                ahead.extend(index.manifests.into_iter().rev().map(|entry| (entry, depth + 1)));
            }
            Manifest::Image(image, _) if !manifest::is_config(&image.config.media_type) => {
                skip(&entry, "not an image");
            }
            Manifest::Image(image, media_type) => {
                let image = resolver.image(source, document, digest.clone(), &image, media_type).await?;
                images.push((entry, image));
            }
        }
    }
    if images.is_empty() {
        return Err(ErrorKind::Manifest("the index has no image in it".to_owned()));
    }
    Ok(All::List(List { media_type, annotations, images }))
}

fn is_attestation(entry: &ImageIndexEntry) -> bool {
    let marked = entry.annotations.as_ref().is_some_and(|all| all.contains_key(ATTESTATION));
    marked || entry.platform.as_ref().is_some_and(|platform| platform.os.to_string() == "unknown")
}
