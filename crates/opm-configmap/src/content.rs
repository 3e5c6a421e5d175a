//! What a ConfigMap holds, free of how a cluster spells it.

use std::collections::BTreeMap;
use std::fmt;

/// The annotation that says how `binaryData` is encoded.
pub const CONTENT_ENCODING: &str = "olm.contentEncoding";
/// The value of [`CONTENT_ENCODING`] for files that are compressed with gzip, and then written as base64.
pub const GZIP_BASE64: &str = "gzip+base64";
/// The annotation that names the image that a stored bundle comes from.
pub const SOURCE_IMAGE: &str = "olm.sourceImage";

/// Where a ConfigMap is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a ConfigMap (`v1`) holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// Text by key.
    pub data: BTreeMap<String, String>,
    /// Bytes by key, as they are once the cluster's own base64 is off.
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

impl Content {
    /// The bytes of all values together.
    pub fn size(&self) -> usize {
        self.data.values().map(String::len).sum::<usize>() + self.binary_data.values().map(Vec::len).sum::<usize>()
    }
}
