//! Ways in for fuzz targets: what reads bytes from outside, without the connections and files that bring them. No part of the
//! interface.

use std::path::Path;

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::manifest::{self, Manifest};
use crate::platform::{self, Platform};
use crate::policy::Policy;
use crate::reference::Reference;
use crate::registries::Registries;
use crate::source::Source;
use crate::unpack::{self, Keep, Kind, Stop, Unpacked, Work, decompress, unreadable};
use crate::{Limits, credentials, transport};

/// Reads a manifest, or an index, with all that it names: the sizes of its layers, or of the image for this machine.
pub fn manifest(bytes: &[u8], served_as: Option<&str>) -> Result<Vec<u64>, ErrorKind> {
    let _plain = manifest::is_plain(bytes, served_as);
    match manifest::decode(bytes, served_as)? {
        Manifest::Image(image, _) => {
            manifest::digest(&image.config.digest)?;
            manifest::size(image.config.size)?;
            image.layers.iter().map(|layer| manifest::layer(layer).map(|layer| layer.size())).collect()
        }
        Manifest::Index(index) => {
            let _offered = platform::offered(&index.manifests).count();
            let wanted = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None };
            let chosen = platform::choose(&index.manifests, &wanted);
            chosen.into_iter().map(|entry| manifest::size(entry.size)).collect()
        }
    }
}

/// Reads an image's configuration: how many labels and layers it has.
pub fn config(bytes: &[u8], media_type: &str) -> Result<(usize, usize), ErrorKind> {
    manifest::config(bytes, media_type).map(|config| (config.labels.len(), config.diff_ids.len()))
}

/// Unpacks layers, lowest first, into an empty directory.
pub fn layers(layers: &[&[u8]], into: &Path, limits: &Limits, keep: &Keep) -> Result<Unpacked, ErrorKind> {
    let spool = unpack::prepare(into)?;
    let mut work = Work::new(&spool, limits, Stop::default());
    for layer in layers {
        let mut stream = decompress(*layer).map_err(|error| unreadable(&error))?;
        work.apply(&mut stream, Kind::Layer, keep)?;
    }
    let (keep, _) = work.complete(keep);
    unpack::finish(work, into.to_owned(), &keep)
}

/// Looks a repository up in the text of a credentials file: user and secret.
pub fn credential(text: &[u8], is_legacy: bool, registry: &str, repository: &str) -> Option<(String, String)> {
    let found = credentials::named_in(text, is_legacy, registry, repository)?;
    Some((found.username, found.password))
}

/// Where an image is by the `registries.conf` in a directory: at least one place, or an error.
pub fn places(dir: &Path, image: &Reference) -> Result<Vec<Reference>, ErrorKind> {
    let environment = Environment { system_config_dir: Some(dir.to_owned()), ..Environment::default() };
    let registries = Registries::load(&environment)?;
    let places = registries.places(&registries.full(image)?)?;
    Ok(places.into_iter().map(|place| place.reference).collect())
}

/// Whether the `policy.json` in a directory admits an image.
pub fn admits(dir: &Path, image: &Source) -> Result<(), ErrorKind> {
    let environment = Environment { system_config_dir: Some(dir.to_owned()), ..Environment::default() };
    Policy::load(&environment)?.map_or(Ok(()), |policy| policy.check(image, None))
}

/// Reads a registry's demand for a name: the realm of tokens, if it wants any.
pub fn challenge(value: &[u8]) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_bytes(value).ok()?);
    transport::realm(&headers)
}
