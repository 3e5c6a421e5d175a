//! A document and the file that it is in, so that findings can say where they are.

use std::cell::Cell;

use opm_document::yaml::PathSegment;
use opm_document::{Document, Value};

use super::Stage;

/// How many findings of one document are given their exact line, which takes a look through the whole document. A document
/// with more of them is beyond repair.
const LOCATED: u32 = 200;

/// One document of a bundle's file.
pub(super) struct Source {
    pub(super) file: String,
    pub(super) stage: Stage,
    document: Document,
    located: Cell<u32>,
}

impl Source {
    pub(super) fn new(file: String, stage: Stage, document: Document) -> Self {
        Self { file, stage, document, located: Cell::new(0) }
    }

    pub(super) fn value(&self) -> &Value {
        &self.document.value
    }

    /// The value at a pointer, unless it is absent or null.
    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.document.value.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The string at a pointer; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.get(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The items of the list at a pointer, each with its own pointer; none where there is no list.
    pub(super) fn items(&self, pointer: &str) -> impl Iterator<Item = (String, &Value)> {
        let items = self.get(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(move |(index, item)| (format!("{pointer}/{index}"), item))
    }

    /// The members of the object at a pointer, each with its own pointer; none where there is no object.
    pub(super) fn members(&self, pointer: &str) -> impl Iterator<Item = (String, &str, &Value)> {
        let members = self.get(pointer).and_then(Value::as_object).into_iter().flatten();
        members.map(move |(key, value)| (format!("{pointer}/{}", escape(key)), key.as_str(), value))
    }

    /// The line at which the value at a pointer stands; where it is absent, that of what it should be in.
    pub(super) fn line(&self, pointer: &str) -> Option<u64> {
        let mut path = Vec::new();
        let keys: Vec<String> =
            pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        let mut value = self.value();
        for key in &keys {
            let next = match value {
                Value::Array(items) => {
                    key.parse().ok().and_then(|index| Some((PathSegment::Index(index), items.get(index)?)))
                }
                Value::Object(members) => members.get(key).map(|item| (PathSegment::Key(key), item)),
                _ => None,
            };
            let Some((segment, item)) = next else { break };
            path.push(segment);
            value = item;
        }
        self.located.set(self.located.get().saturating_add(1));
        if path.is_empty() || self.located.get() > LOCATED {
            return Some(self.document.line);
        }
        self.document.locate(&path).map_or(Some(self.document.line), |(line, _)| Some(line))
    }
}

/// A key as a part of a JSON pointer (RFC 6901).
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer as Kubernetes writes paths of fields: `spec.versions[0].name`, `metadata.labels[a/b]`.
pub(super) fn field(pointer: &str) -> String {
    let mut text = String::new();
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let is_name =
            key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(|c| c.is_ascii_alphanumeric());
        match (is_name, text.is_empty()) {
            (true, true) => text = key,
            (true, false) => text = format!("{text}.{key}"),
            (false, _) => text = format!("{text}[{key}]"),
        }
    }
    text
}
