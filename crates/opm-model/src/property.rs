//! Properties and dependencies: typed JSON values that a bundle carries.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The types of properties and dependencies that OLM knows.
pub mod property_type {
    /// A package and version that the bundle is.
    pub const PACKAGE: &str = "olm.package";
    /// An API that the bundle provides, or (as a dependency) requires.
    pub const GVK: &str = "olm.gvk";
    /// A label, or (as a dependency) the wish for one.
    pub const LABEL: &str = "olm.label";
    /// The mark of a deprecated bundle in an SQLite catalog; its value is `{}`.
    pub const DEPRECATED: &str = "olm.deprecated";
}

/// A property of a bundle. In JSON it is `{"type": …, "value": …}`, read with the value as it is spelled; none is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "RawProperty")]
pub struct Property {
    /// The type, such as `olm.gvk`.
    pub kind: String,
    /// The value: the text of one JSON value.
    pub value: String,
}

impl Property {
    /// A property of this type with this JSON text.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }
}

#[derive(Deserialize)]
struct RawProperty {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    value: Option<Box<RawValue>>,
}

impl From<RawProperty> for Property {
    fn from(RawProperty { kind, value }: RawProperty) -> Self {
        Self { kind, value: value.map_or_else(|| "null".to_owned(), |value| Box::<str>::from(value).into_string()) }
    }
}

/// A dependency of a bundle; it has the form of a property.
pub type Dependency = Property;
