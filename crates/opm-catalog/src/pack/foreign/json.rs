//! The older form: a file of JSON for each bundle.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use opm_document::{Value, json};
use opm_model::{Bundle, BundleKey, Cursor, Gvk, Page, Property, Reply, Stop};
use rayon::prelude::*;
use serde::Deserialize;

use super::super::error::{Error, read_fault};
use super::super::graph::{Graph, Place};
use super::super::query::{Served, Store};
use super::fnv::Fnv;
use super::{Digested, PAGE, damaged, packages, tar};
use crate::properties::null_as_default;

/// The directory of the files, and the places in the order of listings.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    digest_file: PathBuf,
    listing: Vec<Place>,
}

pub(super) fn open(directory: &Path) -> Result<Served<Files>, Error> {
    let digest_file = directory.join("digest");
    let directory = directory.join("cache");
    let path = directory.join("packages.json");
    let index = fs::read(&path).map_err(read_fault(&path))?;
    let graph = packages::graph(&index, &path, |_, _, _| Ok(Vec::new()))?;
    let places: Vec<Place> = graph.listing();
    let read = |place: &Place| {
        let key = graph.key(*place);
        let path = file_of(&directory, &key)?;
        let provided: Provided = parse(&path)?;
        let owned = (key.package.to_owned(), key.channel.to_owned(), key.csv_name.to_owned());
        Ok((owned, provided.provided_apis.into_iter().map(Into::into).collect()))
    };
    let mut apis: BTreeMap<(String, String, String), Vec<Gvk>> =
        places.par_iter().map(read).collect::<Result<_, Error>>()?;
    let graph = packages::graph(&index, &path, |package, channel, name| {
        Ok(apis.remove(&(package.to_owned(), channel.to_owned(), name.to_owned())).unwrap_or_default())
    })?;
    Ok(Served { store: Files { directory, digest_file, listing: graph.listing() }, graph })
}

/// The file of a bundle.
fn file_of(directory: &Path, key: &BundleKey<'_>) -> Result<PathBuf, Error> {
    let name = format!("{}_{}_{}.json", key.package, key.channel, key.csv_name);
    if name.contains(['/', '\0']) {
        return Err(damaged(&directory.join("packages.json"), format!("the name {name:?} in it")));
    }
    Ok(directory.join(name))
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Error> {
    let text = fs::read(path).map_err(read_fault(path))?;
    serde_json::from_slice(&text).map_err(|error| damaged(path, format!("its content ({error})")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provided {
    #[serde(default, deserialize_with = "null_as_default")]
    provided_apis: Vec<Api>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Api {
    group: String,
    version: String,
    kind: String,
    plural: String,
}

impl From<Api> for Gvk {
    fn from(api: Api) -> Self {
        Self { plural: api.plural, ..Self::new(api.group, api.version, api.kind) }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pair {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

#[derive(Deserialize)]
struct Deprecation {
    #[serde(default)]
    message: String,
}

/// `api.Bundle` in JSON.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    csv_name: String,
    package_name: String,
    channel_name: String,
    csv_json: String,
    object: Vec<String>,
    bundle_path: String,
    provided_apis: Vec<Api>,
    required_apis: Vec<Api>,
    version: String,
    skip_range: String,
    dependencies: Vec<Pair>,
    properties: Vec<Pair>,
    replaces: String,
    skips: Vec<String>,
    deprecation: Option<Deprecation>,
}

impl From<File> for Bundle {
    fn from(file: File) -> Self {
        let pairs = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| Property::new(pair.kind, pair.value)).collect();
        let apis = |apis: Vec<Api>| apis.into_iter().map(Into::into).collect();
        Self {
            csv_name: file.csv_name,
            package: file.package_name,
            channel: file.channel_name,
            csv_json: file.csv_json,
            objects: file.object,
            image: file.bundle_path,
            provided_apis: apis(file.provided_apis),
            required_apis: apis(file.required_apis),
            version: file.version,
            skip_range: file.skip_range,
            dependencies: pairs(file.dependencies),
            properties: pairs(file.properties),
            replaces: file.replaces,
            skips: file.skips,
            deprecation: file.deprecation.map(|deprecation| deprecation.message),
        }
    }
}

impl Files {
    fn bundle_at(&self, graph: &Graph, place: Place) -> Result<Bundle, Error> {
        parse::<File>(&file_of(&self.directory, &graph.key(place))?).map(Into::into)
    }
}

impl Store for Files {
    fn bundle(&self, graph: &Graph, place: Place, _: &Stop) -> Result<Reply<Bundle>, Error> {
        let mut bundle = self.bundle_at(graph, place)?;
        bundle.replaces = String::new();
        bundle.skips = Vec::new();
        Ok(Reply::Value(bundle))
    }

    fn list(&self, graph: &Graph, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, Error> {
        let mut at = usize::try_from(from.0).unwrap_or(usize::MAX);
        let (mut bundles, mut size) = (Vec::new(), 0);
        while let Some(place) = self.listing.get(at) {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            if size >= PAGE {
                return Ok(Page { items: Reply::Value(bundles), next: Some(Cursor(at as u64)) });
            }
            let mut bundle = self.bundle_at(graph, *place)?;
            if !bundle.image.is_empty() {
                bundle.csv_json = String::new();
                bundle.objects = Vec::new();
            }
            // Small bundles must not make an endless page either.
            size += 512 + bundle.csv_json.len() + bundle.objects.iter().map(String::len).sum::<usize>();
            bundles.push(bundle);
            at += 1;
        }
        Ok(Page { items: Reply::Value(bundles), next: None })
    }

    fn blobs(&self, schema: &str, package: &str, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Value>>>, Error> {
        let mut page = Page { items: Reply::Value(Vec::new()), next: None };
        if !is_plain(schema) || !(package.is_empty() || is_plain(package)) {
            return Ok(page);
        }
        let mut directory = self.directory.join("metas").join(schema);
        if !package.is_empty() {
            directory.push(package);
        }
        let names = names(&directory)?;
        let (mut documents, mut size) = (Vec::new(), 0);
        for (at, name) in names.iter().enumerate().skip(usize::try_from(from.0).unwrap_or(usize::MAX)) {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            if size >= PAGE {
                page.next = Some(Cursor(at as u64));
                break;
            }
            let path = directory.join(name);
            let text = fs::read(&path).map_err(read_fault(&path))?;
            size += 512 + text.len();
            documents.push(json::parse(&text).map_err(|error| damaged(&path, format!("its content ({error})")))?);
        }
        page.items = Reply::Value(documents);
        Ok(page)
    }
}

/// Whether a name is one that the reference stores blobs under.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
}

/// The names of the blobs in a directory, which need not exist.
fn names(directory: &Path) -> Result<Vec<std::ffi::OsString>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read_fault(directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(read_fault(directory))?;
        if entry.file_type().map_err(read_fault(directory))?.is_file() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}

impl Digested for Files {
    fn digest_file(&self) -> &Path {
        &self.digest_file
    }

    fn compute(&self, root: &Path, stop: &Stop) -> Result<String, Error> {
        let mut hash = Fnv::new();
        for directory in [root, &self.directory] {
            tar::stream(directory, stop, &mut |bytes| hash.update(bytes))?;
        }
        Ok(hash.digits())
    }
}
