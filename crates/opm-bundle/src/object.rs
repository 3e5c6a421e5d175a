//! A manifest: one Kubernetes object of a bundle.

use serde_json::{Map, Value};

use crate::BundleError;

/// One decoded Kubernetes object, with its canonical JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    value: Value,
    kind: String,
    name: String,
    json: Vec<u8>,
}

/// The kind of the manifest that describes an operator.
pub const CSV_KIND: &str = "ClusterServiceVersion";

impl Object {
    /// The object in a decoded document; `None` where the document is not one (it has no kind).
    pub fn from_value(value: Value) -> Option<Self> {
        let kind = value.get("kind")?.as_str().filter(|k| !k.is_empty())?.to_owned();
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut json = Vec::with_capacity(1024);
        opm_document::json::write_object(&value, &mut json);
        json.push(b'\n');
        Some(Self { value, kind, name, json })
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name; empty where it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The group and version (`apiVersion`); empty where it has none.
    pub fn api_version(&self) -> &str {
        self.value.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether this is a ClusterServiceVersion.
    pub fn is_csv(&self) -> bool {
        self.kind == CSV_KIND
    }

    /// The decoded object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The object as compact JSON with sorted keys and HTML escapes, ended by a newline, as catalogs store it.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Typed access to the fields at a path such as `spec.install`; absent and null parents have no fields.
    pub(crate) fn at(&self, path: &'static str) -> Result<Fields<'_>, BundleError> {
        path.split('.').try_fold(Fields::of(&self.value), |fields, name| fields.object(name))
    }
}

/// The fields of one JSON object within a manifest, read with the types that its kind gives them.
pub(crate) struct Fields<'a> {
    /// Kind and name of the manifest.
    subject: (&'a str, &'a str),
    path: String,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The fields of a manifest itself.
    pub(crate) fn of(manifest: &'a Value) -> Self {
        let text = |pointer| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Fields { subject: (text("/kind"), text("/metadata/name")), path: String::new(), map: manifest.as_object() }
    }

    /// The value of a field, unless it is absent or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map?.get(name).filter(|v| !v.is_null())
    }

    /// The error that says that a field has the wrong type.
    pub(crate) fn fault(&self, name: &str, expected: &'static str, found: &Value) -> BundleError {
        let dot = if self.path.is_empty() || name.starts_with('[') { "" } else { "." };
        BundleError::Field {
            kind: self.subject.0.to_owned(),
            name: self.subject.1.to_owned(),
            field: format!("{}{dot}{name}", self.path),
            expected,
            found: opm_document::describe(found),
        }
    }

    fn below(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The fields of an object field; none where it is absent.
    pub(crate) fn object(&self, name: &str) -> Result<Fields<'a>, BundleError> {
        let map = match self.get(name) {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => return Err(self.fault(name, "an object", other)),
        };
        Ok(Fields { subject: self.subject, path: self.below(name), map })
    }

    /// A string field; empty where it is absent.
    pub(crate) fn string(&self, name: &str) -> Result<&'a str, BundleError> {
        match self.get(name) {
            None => Ok(""),
            Some(Value::String(s)) => Ok(s),
            Some(other) => Err(self.fault(name, "a string", other)),
        }
    }

    /// The items of a list field; none where it is absent.
    pub(crate) fn list(&self, name: &str) -> Result<&'a [Value], BundleError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.fault(name, "a list", other)),
        }
    }

    /// The items of a list of strings; nulls read as empty strings.
    pub(crate) fn strings(&self, name: &str) -> Result<Vec<&'a str>, BundleError> {
        let items = self.list(name)?.iter().enumerate();
        items
            .map(|(i, item)| match item {
                Value::String(s) => Ok(s.as_str()),
                Value::Null => Ok(""),
                other => Err(self.fault(&format!("{name}[{i}]"), "a string", other)),
            })
            .collect()
    }

    /// The items of a list of objects, each with its fields.
    pub(crate) fn objects(&self, name: &str) -> Result<Vec<Fields<'a>>, BundleError> {
        let items = self.list(name)?.iter().enumerate();
        items
            .map(|(i, item)| {
                let map = match item {
                    Value::Object(map) => Some(map),
                    Value::Null => None,
                    other => return Err(self.fault(&format!("{name}[{i}]"), "an object", other)),
                };
                Ok(Fields { subject: self.subject, path: format!("{}[{i}]", self.below(name)), map })
            })
            .collect()
    }

    /// The names and values of this object, where all values are strings.
    pub(crate) fn string_map(&self) -> Result<Vec<(&'a str, &'a str)>, BundleError> {
        let entries = self.map.into_iter().flatten();
        entries
            .map(|(k, v)| match v {
                Value::String(s) => Ok((k.as_str(), s.as_str())),
                Value::Null => Ok((k.as_str(), "")),
                other => Err(self.fault(k, "a string", other)),
            })
            .collect()
    }

    /// The object that these are the fields of, as a value.
    pub(crate) fn value(&self) -> Option<&'a Map<String, Value>> {
        self.map
    }

    /// The path of these fields within the manifest.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Kind and name of the manifest that these are fields of.
    pub(crate) fn subject(&self) -> (&'a str, &'a str) {
        self.subject
    }
}
