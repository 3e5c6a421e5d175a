//! What a catalog takes from a ClusterServiceVersion, given as JSON text.

use serde::Deserialize;

use crate::blob::{Icon, RelatedImage};
use crate::decode::base64;
use crate::properties::null_as_default;

/// The parts of a CSV that packages and bundles show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Csv {
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "null_as_default")]
    description: String,
    #[serde(deserialize_with = "null_as_default")]
    display_name: String,
    #[serde(deserialize_with = "null_as_default")]
    icon: Vec<CsvIcon>,
    #[serde(deserialize_with = "null_as_default")]
    related_images: Vec<CsvImage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CsvIcon {
    #[serde(deserialize_with = "null_as_default")]
    base64data: String,
    #[serde(deserialize_with = "null_as_default")]
    mediatype: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CsvImage {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    image: String,
}

impl Csv {
    /// Reads the JSON text of a CSV.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        if json.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(json).map_err(|e| crate::raw::plain(&e))
    }

    pub(crate) fn display_name(&self) -> &str {
        &self.spec.display_name
    }

    pub(crate) fn description(&self) -> &str {
        &self.spec.description
    }

    /// `spec.relatedImages`.
    pub(crate) fn related_images(self) -> Vec<RelatedImage> {
        let of = |related: CsvImage| RelatedImage { name: related.name, image: related.image };
        self.spec.related_images.into_iter().map(of).collect()
    }

    /// The first icon, if its data are base64; blanks within them do not matter if `may_have_blanks`.
    pub(crate) fn icon(&self, may_have_blanks: bool) -> Option<Icon> {
        let icon = self.spec.icon.first()?;
        let data = match base64(&icon.base64data) {
            Ok(data) => data,
            Err(_) if may_have_blanks => base64(&icon.base64data.replace(' ', "")).ok()?,
            Err(_) => return None,
        };
        Some(Icon { data: Some(data), media_type: icon.mediatype.clone() })
    }
}
