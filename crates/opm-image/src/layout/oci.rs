//! The OCI image layout 1.0: `index.json`, and `blobs` by digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use oci_distribution::manifest::{ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OciImageIndex};
use serde_json::{Map, Value, json};

use super::Files;
use crate::build::Document;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::manifest::{self, Manifest};
use crate::options::Limits;

/// So many names of images are told where another one is asked for: some layouts hold thousands.
const TOLD: usize = 10;

/// The annotation that names an image in a layout.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The content of the file `oci-layout`.
pub(super) const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// What a layout holds under a name.
#[derive(Debug)]
pub(crate) enum Entry {
    One(Box<ImageIndexEntry>),
    /// The layout itself is the index: it has one image for each of several platforms and names none.
    Platforms(OciImageIndex),
}

/// So much of the `index.json` of a layout, if there is one.
pub(super) fn index(dir: &Path, most: u64) -> Result<Option<Vec<u8>>, ErrorKind> {
    let place = dir.join("index.json");
    match File::open(&place) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes).map_err(ErrorKind::io(&place))?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ErrorKind::io(&place)(error)),
    }
}

/// What `index.json` says of an image called `tag`.
pub(super) fn described(top: &Document, tag: Option<&str>) -> Value {
    let mut entry = json!({"mediaType": top.media_type, "digest": top.digest.as_str(), "size": top.bytes.len()});
    if let Some(tag) = tag {
        entry["annotations"] = json!({REF_NAME: tag});
    }
    entry
}

/// Where in an `index.json` an image comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Behind all others.
    Last,
    /// By its name: where many come at a time, the order in which they came tells nothing.
    ByName,
}

/// `index.json` with one image more, in place of the one of the same name.
pub(super) fn indexed(old: Option<&[u8]>, entry: Value, order: Order) -> Result<Vec<u8>, String> {
    let mut root: Map<String, Value> = match old {
        Some(old) => serde_json::from_slice(old).map_err(|error| error.to_string())?,
        None => Map::from_iter([("mediaType".to_owned(), json!(OCI_IMAGE_INDEX_MEDIA_TYPE))]),
    };
    root.insert("schemaVersion".to_owned(), json!(2));
    let all = root.entry("manifests").or_insert_with(|| json!([]));
    let all = all.as_array_mut().ok_or("`manifests` is not a list")?;
    let name = |entry: &Value| entry.get("annotations").and_then(|all| all.get(REF_NAME)).cloned();
    let wanted = name(&entry);
    all.retain(|other| name(other) != wanted);
    all.push(entry);
    if order == Order::ByName {
        all.sort_by_cached_key(|entry| (entry["annotations"][REF_NAME].to_string(), entry["digest"].to_string()));
    }
    let mut root = Value::Object(root);
    root.sort_all_objects();
    Ok(root.to_string().into_bytes())
}

/// The images in an `index.json` that have names.
pub(super) fn names(index: &[u8]) -> Result<BTreeMap<String, ImageIndexEntry>, ErrorKind> {
    let Manifest::Index(index) = manifest::decode(index, None)? else {
        return Err(ErrorKind::Manifest("index.json is no index".to_owned()));
    };
    let named = |entry: ImageIndexEntry| Some((entry.annotations.as_ref()?.get(REF_NAME)?.clone(), entry));
    Ok(index.manifests.into_iter().filter_map(named).collect())
}

pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

impl Files {
    /// The image called `tag`, or the only one.
    pub(crate) fn oci_entry(&self, tag: Option<&str>, limits: &Limits) -> Result<Entry, ErrorKind> {
        let bytes = self.read("index.json", limits.manifest, "the size of index.json in bytes")?;
        let index = match manifest::decode(&bytes, None) {
            Ok(Manifest::Index(index)) => index,
            Ok(Manifest::Image(..)) => return Err(self.bad("index.json is no index")),
            Err(error) => return Err(self.bad(format!("index.json: {error}"))),
        };
        let name = |entry: &ImageIndexEntry| entry.annotations.as_ref().and_then(|all| all.get(REF_NAME).cloned());
        let names: Vec<String> = index.manifests.iter().filter_map(name).collect();
        let held = || {
            let list = if names.is_empty() {
                "none with a name".to_owned()
            } else {
                names[..names.len().min(TOLD)].join(", ")
            };
            let more = if names.len() > TOLD { ", …" } else { "" };
            format!("it holds {} images: {list}{more}", index.manifests.len())
        };
        if let Some(tag) = tag {
            let found = index.manifests.iter().find(|entry| name(entry).as_deref() == Some(tag));
            return match found {
                Some(entry) => Ok(Entry::One(Box::new(entry.clone()))),
                None => Err(self.bad(format!("there is no image `{tag}` in it; {}", held()))),
            };
        }
        match &index.manifests[..] {
            [] => Err(self.bad("it holds no image")),
            [entry] => Ok(Entry::One(Box::new(entry.clone()))),
            entries if names.is_empty() && entries.iter().all(|entry| entry.platform.is_some()) => {
                Ok(Entry::Platforms(index))
            }
            _ => Err(self.bad(format!("say which image is meant by adding `:TAG`; {}", held()))),
        }
    }
}
