//! Group, version and kind of a Kubernetes API.

use serde::{Deserialize, Serialize};

/// An API by group, version and kind, with the plural of its resource where it is known.
///
/// Serialised in the order of the `olm.gvk` property: group, kind, version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Gvk {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The version of the API, such as `v1beta2`.
    pub version: String,
    /// The plural name of the resource; empty where it is not known.
    #[serde(skip)]
    pub plural: String,
}

impl Gvk {
    /// The API with this group, version and kind, its plural unknown.
    pub fn new(group: impl Into<String>, version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into(), plural: String::new() }
    }

    /// Whether both name the same API; plurals are not looked at.
    pub fn is_same_api(&self, other: &Self) -> bool {
        self.group == other.group && self.version == other.version && self.kind == other.kind
    }
}

impl std::fmt::Display for Gvk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.group, self.version, self.kind)
    }
}
