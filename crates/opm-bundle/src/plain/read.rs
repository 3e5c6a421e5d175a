//! From files to the objects of a bundle.

use std::borrow::Cow;
use std::collections::BTreeMap;

use opm_document::{Documents, describe};
use opm_model::Property;
use serde_json::{Map, Value};

use super::ConvertError;
use super::tree::{kind, text};
use crate::object::Fields;
use crate::{CSV_KIND, File, Files, MEDIA_TYPE, PACKAGE, PROPERTIES};

/// An object of the bundle, and the file that it is from.
pub(super) struct Item {
    pub(super) file: String,
    pub(super) value: Value,
}

/// Texts by their names.
pub(super) type TextMap<'a> = BTreeMap<&'a str, Cow<'a, str>>;

/// A bundle as its files say it.
pub(super) struct Source {
    pub(super) package: String,
    pub(super) csv_file: String,
    pub(super) csv: Value,
    pub(super) crds: Vec<Item>,
    pub(super) others: Vec<Item>,
    /// What `metadata/dependencies.yaml` asks for, in words.
    pub(super) dependencies: Vec<String>,
}

const ANNOTATIONS_FILE: &str = "metadata/annotations.yaml";
const PROPERTIES_FILE: &str = "metadata/properties.yaml";

pub(super) fn read(files: &Files) -> Result<Source, ConvertError> {
    let metadata = files.metadata.as_deref().unwrap_or_default();
    let package = package(metadata)?;
    let Some(manifests) = &files.manifests else { return Err(ConvertError::Missing("manifests/")) };
    let (mut csv, mut crds, mut others) = (None::<(String, Value)>, Vec::new(), Vec::new());
    for entry in manifests {
        let file = format!("manifests/{}", entry.name);
        let content = entry.content.as_ref().map_err(|why| ConvertError::file(&file, why))?;
        for document in Documents::new(content) {
            let document = document.map_err(|why| ConvertError::file(&file, why))?;
            if document.value.is_null() {
                continue;
            }
            let fault = |why: String| ConvertError::file(&format!("{file}:{}", document.line), why);
            let mut objects = Vec::new();
            flatten(document.value, &mut objects).map_err(fault)?;
            for mut value in objects {
                make_whole(&mut value);
                metadata_is_sound(&value).map_err(fault)?;
                match kind(&value) {
                    CSV_KIND => {
                        if let Some((first, _)) = csv {
                            return Err(ConvertError::TwoCsvs { first, second: file });
                        }
                        csv = Some((file.clone(), value));
                    }
                    "CustomResourceDefinition" => crds.push(Item { file: file.clone(), value }),
                    _ => others.push(Item { file: file.clone(), value }),
                }
            }
        }
    }
    let (csv_file, csv) = csv.ok_or(ConvertError::NoCsv)?;
    let dependencies = dependencies(metadata);
    Ok(Source { package, csv_file, csv, crds, others, dependencies })
}

/// The annotations of the CSV, with the properties of `metadata/properties.yaml`.
pub(super) fn annotations<'a>(csv: &'a Value, csv_file: &str, files: &Files) -> Result<TextMap<'a>, ConvertError> {
    let own = Fields::of(csv).object("metadata").and_then(|fields| fields.object("annotations"));
    let own = own.and_then(|annotations| annotations.string_map());
    let own = own.map_err(|why| ConvertError::file(csv_file, why))?;
    let mut annotations: TextMap<'_> = own.into_iter().map(|(key, value)| (key, Cow::Borrowed(value))).collect();
    properties(files.metadata.as_deref().unwrap_or_default(), csv_file, &mut annotations)?;
    Ok(annotations)
}

/// The objects of a document: itself, or the items of a list.
fn flatten(value: Value, into: &mut Vec<Value>) -> Result<(), String> {
    if kind(&value).is_empty() {
        return Err("a document without a kind is no Kubernetes object".to_owned());
    }
    match value {
        Value::Object(mut map)
            if text_of(&map, "kind").ends_with("List") && map.get("items").is_some_and(Value::is_array) =>
        {
            let Some(Value::Array(items)) = map.remove("items") else { return Ok(()) };
            items.into_iter().try_for_each(|item| flatten(item, into))
        }
        value => {
            into.push(value);
            Ok(())
        }
    }
}

/// Makes floats without a fraction whole numbers.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = opm_document::json::to_string(value);
            if let Ok(whole) = text.parse::<i64>() {
                *value = Value::from(whole);
            } else if let Ok(whole) = text.parse::<u64>() {
                *value = Value::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(map) => map.values_mut().for_each(make_whole),
        _ => {}
    }
}

fn text_of<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Checks the types of what every object has.
fn metadata_is_sound(object: &Value) -> Result<(), String> {
    let named = || format!("{} {}", kind(object), super::tree::name(object));
    let wrong = |field: &str, expected: &str, found: &Value| {
        Err(format!("{}: field metadata{field} must be {expected}, not {}", named(), describe(found)))
    };
    let metadata = match object.get("metadata") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(map)) => map,
        Some(other) => return wrong("", "an object", other),
    };
    for field in ["name", "namespace"] {
        match metadata.get(field) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(other) => return wrong(&format!(".{field}"), "a string", other),
        }
    }
    for field in ["labels", "annotations"] {
        match metadata.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(map)) => {
                for (key, value) in map {
                    if !value.is_string() && !value.is_null() {
                        return wrong(&format!(".{field}.{key}"), "a string", value);
                    }
                }
            }
            Some(other) => return wrong(&format!(".{field}"), "an object", other),
        }
    }
    Ok(())
}

/// A file of the metadata as a value; `None` where it is not there.
fn metadata_file(metadata: &[File], path: &str) -> Result<Option<Value>, ConvertError> {
    let name = path.trim_start_matches("metadata/");
    let Some(file) = metadata.iter().find(|file| file.name == name) else { return Ok(None) };
    let content = file.content.as_ref().map_err(|why| ConvertError::file(path, why))?;
    let value = opm_document::yaml::parse(content).map_err(|why| ConvertError::file(path, why))?;
    Ok(Some(value))
}

fn package(metadata: &[File]) -> Result<String, ConvertError> {
    let file = metadata_file(metadata, ANNOTATIONS_FILE)?.ok_or(ConvertError::Missing(ANNOTATIONS_FILE))?;
    let annotations = match file.get("annotations") {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(Value::Object(map)) => map,
        Some(other) => {
            let why = format!("field annotations must be an object, not {}", describe(other));
            return Err(ConvertError::file(ANNOTATIONS_FILE, why));
        }
    };
    let string = |key: &str| match annotations.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => {
            let why = format!("annotation {key} must be a string, not {}", describe(other));
            Err(ConvertError::file(ANNOTATIONS_FILE, why))
        }
    };
    let media = string(MEDIA_TYPE)?;
    if !media.is_empty() && media != "registry+v1" {
        return Err(ConvertError::MediaType(media));
    }
    string(PACKAGE)
}

/// Appends the properties of the metadata to the annotation of the CSV that has some already.
fn properties(metadata: &[File], csv_file: &str, annotations: &mut TextMap<'_>) -> Result<(), ConvertError> {
    let mut all = Vec::new();
    let entry = |kind: &str, value: &str| {
        format!("{{\"type\":{},\"value\":{value}}}", opm_document::json::to_string(&Value::from(kind)))
    };
    if let Some(text) = annotations.get(PROPERTIES) {
        let fault = |why: String| {
            ConvertError::file(csv_file, format!("annotation {PROPERTIES} is not a JSON list of properties: {why}"))
        };
        let own: Option<Vec<Property>> = serde_json::from_str(text).map_err(|why| fault(why.to_string()))?;
        for property in own.unwrap_or_default() {
            let value = opm_document::json::compact(&property.value);
            all.push(entry(&property.kind, &value.map_err(|why| fault(why.to_string()))?));
        }
    }
    let Some(file) = metadata_file(metadata, PROPERTIES_FILE)? else { return Ok(()) };
    let fault = |why: String| ConvertError::file(PROPERTIES_FILE, why);
    let list = match file.get("properties") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(fault(format!("field properties must be a list, not {}", describe(other)))),
    };
    for (index, property) in list.iter().enumerate() {
        if !property.is_object() {
            return Err(fault(format!("field properties[{index}] must be an object, not {}", describe(property))));
        }
        let kind = match property.get("type") {
            None | Some(Value::Null) => "",
            Some(Value::String(kind)) => kind,
            Some(other) => {
                return Err(fault(format!("field properties[{index}].type must be a string, not {}", describe(other))));
            }
        };
        all.push(entry(kind, &opm_document::json::to_string(property.get("value").unwrap_or(&Value::Null))));
    }
    if !list.is_empty() {
        annotations.insert(PROPERTIES, Cow::Owned(format!("[{}]", all.join(","))));
    }
    Ok(())
}

/// What the bundle depends on. It is only warned of, so that what cannot be read of it does not count.
fn dependencies(metadata: &[File]) -> Vec<String> {
    let Ok(Some(file)) = metadata_file(metadata, "metadata/dependencies.yaml") else { return Vec::new() };
    let in_words = |dependency: &Value| {
        let value = |key: &str| text(dependency, &format!("/value/{key}")).to_owned();
        match text(dependency, "/type") {
            "olm.package" => Some(format!("package {} {}", value("packageName"), value("version"))),
            "olm.gvk" => Some(format!("API {}/{} {}", value("group"), value("version"), value("kind"))),
            _ => None,
        }
    };
    super::tree::items(&file, "/dependencies").iter().filter_map(in_words).collect()
}
