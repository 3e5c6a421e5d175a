//! From a ConfigMap to the bundle that it holds: the format that [`store`](crate::store) writes.

use opm_bundle::Object;
use opm_document::json;
use opm_model::Bundle;

use crate::{CONTENT_ENCODING, Content, ContentError, GZIP_BASE64, gzip};

/// The most bytes that the files of a bundle may have once they are unpacked. A ConfigMap has at most a megabyte.
const LARGEST: usize = 64 << 20;

/// The bundle that a ConfigMap holds: the texts of its objects as they are stored, by key, and of its CSV the name and the JSON.
/// Nothing else is set. What is no object, such as `dependencies.yaml`, is passed over; of several CSVs the last counts.
///
/// Where the annotation `olm.contentEncoding` is `gzip+base64`, only `binaryData` counts, else only `data`.
pub fn bundle(content: &Content) -> Result<Bundle, ContentError> {
    let mut bundle = Bundle::default();
    if content.annotations.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == GZIP_BASE64) {
        let mut left = LARGEST;
        for (key, packed) in &content.binary_data {
            let fault = |why| ContentError::Encoding { key: key.clone(), why };
            let bytes = gzip::decode(packed, left).map_err(fault)?;
            left -= bytes.len();
            let text = String::from_utf8(bytes).map_err(|_| fault("it is not UTF-8 text".to_owned()))?;
            add(&mut bundle, key, text);
        }
    } else {
        let size = content.size();
        if size > LARGEST {
            return Err(ContentError::TooLarge { size, limit: LARGEST });
        }
        for (key, text) in &content.data {
            add(&mut bundle, key, text.clone());
        }
    }
    Ok(bundle)
}

fn add(bundle: &mut Bundle, key: &str, text: String) {
    let object = match opm_document::first(text.as_bytes()) {
        Ok(value) => value.and_then(Object::from_value),
        Err(why) => {
            tracing::info!(key, error = %why, "not a manifest, passed over");
            return;
        }
    };
    let Some(object) = object else {
        tracing::info!(key, "not a manifest, passed over: it has no kind");
        return;
    };
    if object.is_csv() {
        object.name().clone_into(&mut bundle.csv_name);
        bundle.csv_json = json::to_string(object.value());
    }
    bundle.objects.push(text);
}
