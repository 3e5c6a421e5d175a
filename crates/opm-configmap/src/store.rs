//! From the files of a bundle to a ConfigMap that holds it, as OLM's unpack jobs do it.

use std::collections::BTreeMap;

use opm_bundle::{CHANNELS, DEFAULT_CHANNEL, File, Files, MANIFESTS, MEDIA_TYPE, METADATA, PACKAGE};
use serde_json::Value;

use crate::{CONTENT_ENCODING, Content, ContentError, GZIP_BASE64, SOURCE_IMAGE, gzip};

/// The file that becomes annotations.
const ANNOTATIONS: &str = "annotations.yaml";
/// The annotations of a bundle, all of which the ConfigMap gets.
const BUNDLE_ANNOTATIONS: [&str; 6] = [MANIFESTS, MEDIA_TYPE, METADATA, PACKAGE, CHANNELS, DEFAULT_CHANNEL];

/// How the files of a bundle are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreOptions {
    /// The most bytes that the stored values may have together.
    pub limit: u64,
    /// Whether files are compressed.
    pub gzip: bool,
    /// The image that the bundle comes from; empty where it is not known.
    pub image: String,
}

/// A bundle in the form in which a ConfigMap holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    values: Values,
    /// The annotations that take the place of all others, if there was a file of them.
    annotations: Option<BTreeMap<String, String>>,
    /// Annotations that are set whatever else there is.
    further: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Plain(BTreeMap<String, String>),
    Gzip(BTreeMap<String, Vec<u8>>),
}

/// Puts the files of a bundle into the form in which a ConfigMap holds them: each under its name, with `-` for what keys cannot
/// have, but `annotations.yaml`, which becomes annotations. Everything fits, or nothing is stored.
pub fn store(files: &Files, options: &StoreOptions) -> Result<Stored, ContentError> {
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut annotations = None;
    let (mut plain, mut packed) = (BTreeMap::new(), BTreeMap::new());
    let mut size = 0;
    for (dir, File { name, content }) in parts(files) {
        let file = format!("{dir}/{name}");
        let content = match content {
            Ok(content) => content,
            Err(why) => return Err(ContentError::File { file, why: why.clone() }),
        };
        if name == ANNOTATIONS {
            annotations = Some(read_annotations(&file, content)?);
            continue;
        }
        let key = key(name);
        if let Some(first) = keys.insert(key.clone(), file.clone()) {
            return Err(ContentError::SameKey { first, second: file, key });
        }
        let length = if options.gzip {
            let value = gzip::encode(content);
            let length = value.len();
            packed.insert(key, value);
            length
        } else {
            let value = String::from_utf8(content.clone()).map_err(|_| ContentError::NotText(file.clone()))?;
            plain.insert(key, value);
            content.len()
        };
        size += length as u64;
        if size > options.limit {
            return Err(ContentError::Limit { limit: options.limit, file, size });
        }
    }
    let mut further = BTreeMap::new();
    if !options.image.is_empty() {
        further.insert(SOURCE_IMAGE.to_owned(), options.image.clone());
    }
    if options.gzip {
        further.insert(CONTENT_ENCODING.to_owned(), GZIP_BASE64.to_owned());
    }
    let values = if options.gzip { Values::Gzip(packed) } else { Values::Plain(plain) };
    Ok(Stored { values, annotations, further })
}

impl Stored {
    /// Puts the bundle in the place of what the ConfigMap held. Its annotations become those of the bundle; only where the bundle has no
    /// file of them, the old ones stay.
    pub fn write_to(&self, content: &mut Content) {
        content.data.clear();
        content.binary_data.clear();
        match &self.values {
            Values::Plain(values) => content.data.clone_from(values),
            Values::Gzip(values) => content.binary_data.clone_from(values),
        }
        if let Some(annotations) = &self.annotations {
            content.annotations.clone_from(annotations);
        }
        content.annotations.extend(self.further.clone());
    }

    /// How many files there are, without that of the annotations.
    pub fn files(&self) -> usize {
        match &self.values {
            Values::Plain(values) => values.len(),
            Values::Gzip(values) => values.len(),
        }
    }
}

/// All files, each with the name of its directory.
fn parts(files: &Files) -> impl Iterator<Item = (&'static str, &File)> {
    [("manifests", &files.manifests), ("metadata", &files.metadata)]
        .into_iter()
        .flat_map(|(dir, files)| files.iter().flatten().map(move |file| (dir, file)))
}

/// The name of a file as a key of a ConfigMap: everything but `-._0-9A-Za-z` becomes `-`.
fn key(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.chars().map(|c| if fits(c) { c } else { '-' }).collect()
}

fn read_annotations(file: &str, content: &[u8]) -> Result<BTreeMap<String, String>, ContentError> {
    let fault = |source| ContentError::Annotations { file: file.to_owned(), source };
    let value = opm_document::first(content).map_err(fault)?.unwrap_or_default();
    let of = |key: &str| {
        let text = value.get("annotations").and_then(|all| all.get(key)).map(|value| match value {
            Value::String(text) => text.clone(),
            value @ (Value::Number(_) | Value::Bool(_)) => opm_document::json::to_string(value),
            _ => String::new(),
        });
        (key.to_owned(), text.unwrap_or_default())
    };
    Ok(BUNDLE_ANNOTATIONS.map(of).into())
}
