//! From a name to an image.

mod all;
mod kept;
mod places;
mod whole;

pub(crate) use all::{All, List, all};
pub(crate) use places::Places;
pub(crate) use whole::{Whole, whole};

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use oci_distribution::manifest::{IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE, ImageIndexEntry, OciImageIndex, OciImageManifest};

use crate::client::Client;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::image::{Check, Image, Inner, Layer, Store};
use crate::layout::{Entry, Files, Layout};
use crate::manifest::{self, Manifest};
use crate::platform::{self, Platform};
use crate::progress::Progress;
use crate::source::Source;
use crate::transport::{Answer, Call};
use crate::unpack::check_content;

/// No image has more indexes in its index.
const MOST_INDEXES: usize = 32;

/// A manifest that was read and checked.
struct Document {
    bytes: Bytes,
    digest: Digest,
    served_as: Option<String>,
}

/// The images in one place.
struct Resolver<'a> {
    client: &'a Client,
    store: &'a Arc<Store>,
    progress: &'a dyn Progress,
}

pub(crate) async fn resolve(client: &Client, source: &Source, progress: &dyn Progress) -> Result<Image, ErrorKind> {
    let store = match open(client, source).await? {
        Opened::Store(store) => store,
        Opened::Image(image) => return Ok(image),
    };
    let resolver = Resolver { client, store: &store, progress };
    let (chosen, index) = match resolver.top(source).await? {
        Top::Platforms(index) => (resolver.choose(index).await?, None),
        Top::Document(top) => match manifest::decode(&top.bytes, top.served_as.as_deref())? {
            Manifest::Image(..) => (top, None),
            Manifest::Index(list) => (resolver.choose(list).await?, Some(top.digest)),
        },
    };
    match manifest::decode(&chosen.bytes, chosen.served_as.as_deref())? {
        Manifest::Image(image, media_type) => resolver.image(source, chosen, index, &image, media_type).await,
        Manifest::Index(_) => Err(index_as_image()),
    }
}

fn index_as_image() -> ErrorKind {
    ErrorKind::Manifest("an index calls another index an image".to_owned())
}

/// A place that was opened, or the one image in it.
enum Opened {
    Store(Arc<Store>),
    Image(Image),
}

/// What a name leads to.
enum Top {
    Document(Document),
    /// The index of a layout, which is the image.
    Platforms(OciImageIndex),
}

async fn open(client: &Client, source: &Source) -> Result<Opened, ErrorKind> {
    let (limits, temp) = (client.limits(), client.temp_dir());
    let full = match source {
        Source::Registry(reference) => Some(client.registries()?.full(reference)?),
        _ => None,
    };
    if let Some(policy) = client.policy()? {
        policy.check(source, full.as_ref())?;
    }
    let store = match source {
        Source::Registry(written) => {
            Store::Registry(Places::of(client, written, full.unwrap_or_else(|| written.clone()))?)
        }
        Source::OciLayout { dir, .. } => Store::Disk(Layout::Oci(Files::dir(dir)?)),
        Source::Tree { root, repository, .. } => {
            let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
            Store::Disk(Layout::Tree { files: Files::dir(root)?, repository: repository.clone() })
        }
        Source::OciArchive { file, .. } => Store::Disk(Layout::Oci(Files::archive(file, temp, limits).await?)),
        Source::DockerArchive { file, tag } => {
            let files = Files::archive(file, temp, limits).await?;
            return docker_image(source, files, tag.as_deref(), client).map(Opened::Image);
        }
    };
    Ok(Opened::Store(Arc::new(store)))
}

type Contents = (Bytes, std::collections::BTreeMap<String, String>, Vec<Layer>);

impl Resolver<'_> {
    async fn top(&self, source: &Source) -> Result<Top, ErrorKind> {
        let tag = match source {
            Source::OciLayout { tag, .. } | Source::OciArchive { tag, .. } => tag.as_deref(),
            Source::Registry(_) | Source::DockerArchive { .. } | Source::Tree { .. } => None,
        };
        match &**self.store {
            Store::Registry(places) => self.named(places).await.map(Top::Document),
            Store::Disk(Layout::Tree { files, repository }) => {
                self.of_tree(source, files, repository).map(Top::Document)
            }
            Store::Disk(layout) => match layout.files().oci_entry(tag, self.client.limits())? {
                Entry::One(entry) => self.child(&entry).await.map(Top::Document),
                Entry::Platforms(index) => Ok(Top::Platforms(index)),
            },
        }
    }

    /// The manifest that a tag or digest leads to in a tree.
    fn of_tree(&self, source: &Source, files: &Files, repository: &str) -> Result<Document, ErrorKind> {
        let Source::Tree { object, .. } = source else { return Err(files.bad("it is no tree")) };
        let path = format!("v2/{repository}/manifests/{object}");
        let bytes = files.read(&path, self.client.limits().manifest, "the size of the manifest in bytes")?;
        let digest = match object.parse::<Digest>() {
            Ok(digest) => {
                check_content(
                    "the manifest",
                    &digest,
                    bytes.len() as u64,
                    digest.same_kind_of(&bytes),
                    bytes.len() as u64,
                )?;
                digest
            }
            Err(_) => Digest::of(&bytes),
        };
        Ok(Document { bytes, digest, served_as: None })
    }

    /// An image whose manifest was read.
    async fn image(
        &self,
        source: &Source,
        document: Document,
        index: Option<Digest>,
        image: &OciImageManifest,
        media_type: String,
    ) -> Result<Image, ErrorKind> {
        let (config, labels, layers) = self.contents(image).await?;
        let Document { bytes: manifest, digest, .. } = document;
        let (source, store) = (source.clone(), Arc::clone(self.store));
        Ok(Image(Arc::new(Inner { source, digest, index, media_type, manifest, config, labels, layers, store })))
    }

    /// The manifest that the image's name leads to. A digest may lead to the cache.
    async fn named(&self, places: &Places) -> Result<Document, ErrorKind> {
        if let Some(digest) = places.wanted().digest()
            && let Some(bytes) = self.cached(digest, self.client.limits().manifest).await
        {
            return Ok(Document { bytes, digest: digest.clone(), served_as: None });
        }
        let document = places.manifest(self.client, self.progress).await?;
        self.keep(&document).await;
        Ok(document)
    }

    /// The manifest that an entry of an index names.
    async fn child(&self, entry: &ImageIndexEntry) -> Result<Document, ErrorKind> {
        let digest = manifest::digest(&entry.digest)?;
        let size = manifest::size(entry.size)?;
        let limit = self.client.limits().manifest;
        let what = "the size of the manifest in bytes";
        let check = |bytes: &Bytes| {
            check_content("the manifest", &digest, size, digest.same_kind_of(bytes), bytes.len() as u64)
        };
        let (bytes, served_as) = match &**self.store {
            Store::Registry(places) => {
                if let Some(bytes) = self.cached(&digest, limit).await {
                    check(&bytes)?;
                    return Ok(Document { bytes, digest, served_as: None });
                }
                let place = places.chosen(self.client, self.progress).await?;
                let missing = "the registry lacks a manifest that the image's index names";
                let mut call = Call::pull(&place.reference, format!("manifests/{digest}"), missing);
                call.accept = Some(manifest::ACCEPT);
                let answer = place.transport.fetch(&call, limit, what, self.progress).await?;
                (answer.body.clone(), served_as(&answer))
            }
            Store::Disk(layout) => (layout.read(&digest, limit, what)?, Some(entry.media_type.clone())),
        };
        check(&bytes)?;
        let document = Document { bytes, digest, served_as };
        if matches!(**self.store, Store::Registry(_)) {
            self.keep(&document).await;
        }
        Ok(document)
    }

    /// The best manifest of an index and of the indexes in it.
    async fn choose(&self, top: OciImageIndex) -> Result<Document, ErrorKind> {
        let preferences = Platform::preferences(self.client.options().platform.as_ref());
        let mut known = Known { indexes: vec![(None, top)] };
        for wanted in &preferences {
            // Indexes to search and their depth, the next one last; the outermost has no entry.
            let mut ahead: Vec<(Option<ImageIndexEntry>, usize)> = vec![(None, 1)];
            while let Some((entry, depth)) = ahead.pop() {
                let at = match entry {
                    None => 0,
                    Some(entry) => self.nested(&mut known, &entry, depth).await?,
                };
                let entries = &known.indexes[at].1.manifests;
                let best = platform::choose(entries, wanted);
                if let Some(best) = best
                    && !manifest::is_index(&best.media_type)
                {
                    return self.child(best).await;
                }
                let unnamed =
                    entries.iter().filter(|entry| entry.platform.is_none() && manifest::is_index(&entry.media_type));
                ahead.extend(unnamed.rev().chain(best).map(|entry| (Some(entry.clone()), depth + 1)));
            }
        }
        let mut offered: Vec<String> = known
            .indexes
            .iter()
            .flat_map(|(_, index)| platform::offered(&index.manifests))
            .map(|p| p.to_string())
            .collect();
        offered.sort();
        offered.dedup();
        let wanted: Vec<String> = preferences.iter().map(ToString::to_string).collect();
        Err(ErrorKind::NoPlatform {
            wanted: wanted.join(" or "),
            offered: if offered.is_empty() { "nothing that names its platform".to_owned() } else { offered.join(", ") },
        })
    }

    /// Reads an index in an index, once.
    async fn nested(&self, known: &mut Known, entry: &ImageIndexEntry, depth: usize) -> Result<usize, ErrorKind> {
        let most = self.client.limits().index_depth;
        if depth > most {
            return Err(ErrorKind::Limit { what: "the depth of indexes in indexes", limit: most as u64 });
        }
        if let Some(at) = known.indexes.iter().position(|(digest, _)| digest.as_ref() == Some(&entry.digest)) {
            return Ok(at);
        }
        if known.indexes.len() >= MOST_INDEXES {
            return Err(ErrorKind::Limit { what: "the number of indexes in an index", limit: MOST_INDEXES as u64 });
        }
        let document = self.child(entry).await?;
        match manifest::decode(&document.bytes, document.served_as.as_deref())? {
            Manifest::Index(index) => {
                known.indexes.push((Some(entry.digest.clone()), index));
                Ok(known.indexes.len() - 1)
            }
            Manifest::Image(..) => Err(ErrorKind::Manifest("an index calls an image an index".to_owned())),
        }
    }

    /// The configuration and the layers of an image.
    async fn contents(&self, image: &OciImageManifest) -> Result<Contents, ErrorKind> {
        let layers = image.layers.iter().map(manifest::layer).collect::<Result<_, ErrorKind>>()?;
        let digest = manifest::digest(&image.config.digest)?;
        let size = manifest::size(image.config.size)?;
        let limit = self.client.limits().config;
        let what = "the size of the configuration in bytes";
        let bytes = match &**self.store {
            Store::Registry(places) => match self.cached(&digest, limit).await {
                Some(bytes) => bytes,
                None => self.configuration(places, &digest, size).await?,
            },
            Store::Disk(layout) => layout.read(&digest, limit, what)?,
        };
        check_content("the configuration", &digest, size, digest.same_kind_of(&bytes), bytes.len() as u64)?;
        let config = manifest::config(&bytes, &image.config.media_type)?;
        Ok((bytes, config.labels, layers))
    }
}

/// The indexes read so far, and the digests they were found by.
struct Known {
    indexes: Vec<(Option<String>, OciImageIndex)>,
}

fn served_as(answer: &Answer) -> Option<String> {
    answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn docker_image(source: &Source, files: Files, tag: Option<&str>, client: &Client) -> Result<Image, ErrorKind> {
    let image = files.docker_image(tag, client.limits())?;
    let mut layers = Vec::new();
    for (digest, path) in &image.layers {
        let at = files.locate(path)?;
        layers.push(Layer {
            check: Check { stored: None, unpacked: Some(digest.clone()) },
            digest: digest.clone(),
            size: std::fs::metadata(&at).map_err(ErrorKind::io(&at))?.len(),
            media_type: IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE.to_owned(),
            foreign: None,
        });
    }
    Ok(Image(Arc::new(Inner {
        source: source.clone(),
        digest: image.digest,
        index: None,
        media_type: "application/json".to_owned(),
        manifest: image.manifest,
        config: image.config,
        labels: image.decoded.labels,
        layers,
        store: Arc::new(Store::Disk(Layout::Docker { files, layers: image.layers })),
    })))
}
