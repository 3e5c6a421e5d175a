//! The metadata of a bundle: its annotations, dependencies and properties.

use opm_model::{Dependency, Property};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The annotation that names the form of the bundle.
pub const MEDIA_TYPE: &str = "operators.operatorframework.io.bundle.mediatype.v1";
/// The annotation that names the directory of the manifests.
pub const MANIFESTS: &str = "operators.operatorframework.io.bundle.manifests.v1";
/// The annotation that names the directory of the metadata.
pub const METADATA: &str = "operators.operatorframework.io.bundle.metadata.v1";
/// The annotation that names the package.
pub const PACKAGE: &str = "operators.operatorframework.io.bundle.package.v1";
/// The annotation that lists the channels, separated by commas.
pub const CHANNELS: &str = "operators.operatorframework.io.bundle.channels.v1";
/// The annotation that names the default channel.
pub const DEFAULT_CHANNEL: &str = "operators.operatorframework.io.bundle.channel.default.v1";

/// The annotations of a bundle that say where it belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The package's name.
    pub package: String,
    /// The channels, as the annotation lists them: separated by commas, nothing trimmed.
    pub channels: String,
    /// The default channel; empty where none is declared.
    pub default_channel: String,
}

impl Annotations {
    /// The annotations in a decoded `annotations.yaml`; `None` where it has none that are known.
    pub fn from_value(value: &Value) -> Option<Self> {
        let all = value.get("annotations")?.as_object()?;
        let text = |key| all.get(key).map(scalar).unwrap_or_default();
        let found = Self { package: text(PACKAGE), channels: text(CHANNELS), default_channel: text(DEFAULT_CHANNEL) };
        (found != Self::default()).then_some(found)
    }

    /// The names of the channels.
    pub fn channel_names(&self) -> Vec<String> {
        if self.channels.is_empty() { Vec::new() } else { self.channels.split(',').map(str::to_owned).collect() }
    }
}

/// The value of an annotation: numbers and booleans count as their text, and what is no scalar as nothing.
pub(crate) fn scalar(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        v @ (Value::Number(_) | Value::Bool(_)) => opm_document::json::to_string(v),
        _ => String::new(),
    }
}

#[derive(Deserialize)]
struct RawEntry {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    value: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct RawDependencies {
    #[serde(default)]
    dependencies: Vec<RawEntry>,
    #[serde(default)]
    properties: Vec<RawEntry>,
}

/// The entries of the list `field` in a metadata file, their values as JSON text: as they are spelled in a JSON file, and
/// compact with sorted keys and HTML escapes from a YAML file. Empty where the file has no such list.
fn entries(input: &[u8], decoded: &Value, field: &str) -> Vec<Property> {
    let is_json = input.iter().find(|c| !c.is_ascii_whitespace()) == Some(&b'{');
    if is_json && let Ok(raw) = serde_json::from_slice::<RawDependencies>(input) {
        let list = if field == "dependencies" { raw.dependencies } else { raw.properties };
        let of = |e: RawEntry| Property::new(e.kind, e.value.map_or_else(|| "null".to_owned(), |v| v.get().to_owned()));
        return list.into_iter().map(of).collect();
    }
    let Some(Value::Array(list)) = decoded.get(field) else { return Vec::new() };
    let typed = |e: &Value| {
        let kind = e.as_object()?.get("type").unwrap_or(&Value::Null);
        let kind = match kind {
            Value::Null => String::new(),
            Value::String(s) => s.clone(),
            v @ (Value::Number(_) | Value::Bool(_)) => opm_document::json::to_string(v),
            _ => return None,
        };
        Some(Property::new(kind, opm_document::json::to_string(e.get("value").unwrap_or(&Value::Null))))
    };
    list.iter().map(typed).collect::<Option<_>>().unwrap_or_default()
}

/// What the files of `metadata/` say, each kind of content from the first file that has it, whatever its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The annotations.
    pub annotations: Option<Annotations>,
    /// The dependencies; their values are as the file spells them (see [`Property::value`]).
    pub dependencies: Vec<Dependency>,
    /// The properties.
    pub properties: Vec<Property>,
}

impl Metadata {
    /// Takes in what the next file has. Files that cannot be decoded say nothing.
    pub fn read(&mut self, input: &[u8]) {
        let Ok(Some(value)) = opm_document::first(input) else { return };
        if self.annotations.is_none() {
            self.annotations = Annotations::from_value(&value);
        }
        if self.dependencies.is_empty() {
            self.dependencies = entries(input, &value, "dependencies");
        }
        if self.properties.is_empty() {
            self.properties = entries(input, &value, "properties");
        }
    }
}
