//! The stored content of a bundle: the stream of its manifests, and its properties.

use memchr::memmem;
use opm_model::{Gvk, QueryError};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The API in the value of an `olm.gvk` property; `None` where the value is none.
pub(super) fn api(value: &[u8]) -> Option<Gvk> {
    serde_json::from_slice(value).ok()
}

/// The JSON values of a stream, in order, as they are stored but without the white space between them.
pub(super) fn values(stream: &[u8]) -> Result<Vec<&[u8]>, serde_json::Error> {
    match lines(stream) {
        Some(values) => Ok(values),
        None => serde_json::Deserializer::from_slice(stream)
            .into_iter::<&RawValue>()
            .map(|value| value.map(|v| v.get().as_bytes()))
            .collect(),
    }
}

/// The lines of a stream, where each line break stands between two objects, as in all streams that loaders write.
///
/// In valid JSON an object that is followed by another one without a comma between them has ended at the top level.
fn lines(stream: &[u8]) -> Option<Vec<&[u8]>> {
    let stream = stream.strip_suffix(b"\n").unwrap_or(stream);
    let mut values = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', stream).chain([stream.len()]) {
        let line = &stream[start..end];
        if !line.starts_with(b"{") || !line.ends_with(b"}") {
            return None;
        }
        values.push(line);
        start = end + 1;
    }
    Some(values)
}

/// What is read of an object to know its kind.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Whether an object is a ClusterServiceVersion.
pub(super) fn is_csv(object: &[u8]) -> bool {
    // With sorted keys, the kind follows right after the API version.
    if let Some(rest) = object.strip_prefix(b"{\"apiVersion\":\"")
        && let Some(end) = memmem::find(rest, b"\",\"kind\":\"")
        && memchr::memchr2(b'\\', b'"', &rest[..end]).is_none()
    {
        return rest[end + 10..].starts_with(b"ClusterServiceVersion\"");
    }
    serde_json::from_slice::<Kind>(object).is_ok_and(|k| k.kind.as_deref() == Some(opm_bundle::CSV_KIND))
}

/// The objects of a bundle and the CSV among them. An empty stream holds neither.
pub(super) fn objects(stream: &[u8]) -> Result<(Vec<String>, String), QueryError> {
    if stream.is_empty() {
        return Ok((Vec::new(), String::new()));
    }
    let values = values(stream).map_err(|e| QueryError::Store(Box::new(e)))?;
    let csv = values.iter().find(|v| is_csv(v)).ok_or(QueryError::NoCsv)?;
    Ok((values.iter().map(|v| text(v)).collect(), text(csv)))
}

/// Bytes as text; what is not UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn streams_are_split_at_top_level_only() {
        for (stream, expected) in [
            ("", vec![]),
            ("{\"a\":1}\n", vec!["{\"a\":1}"]),
            ("{\"a\":1}\n{\"b\":2}\n", vec!["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":{}\n}\n{\"b\":{}}", vec!["{\"a\":{}\n}", "{\"b\":{}}"]),
            ("{\"a\":[{}\n,{}]}", vec!["{\"a\":[{}\n,{}]}"]),
            (" {} {}\n\n{} ", vec!["{}", "{}", "{}"]),
        ] {
            let found: Vec<_> = values(stream.as_bytes()).unwrap().into_iter().map(text).collect();
            assert_eq!(found, expected, "{stream:?}");
        }
        assert!(values(b"{\"a\":").is_err());
    }

    #[test]
    fn a_csv_is_known_by_its_kind_alone() {
        for (object, expected) in [
            (r#"{"apiVersion":"a/v1","kind":"ClusterServiceVersion","metadata":{}}"#, true),
            (r#"{"apiVersion":"a/v1","kind":"Role","x":"\",\"kind\":\"ClusterServiceVersion\""}"#, false),
            (r#"{"kind":"ClusterServiceVersion"}"#, true),
            (r#"{"apiVersion":"a","data":{"kind":"ClusterServiceVersion"},"kind":"ConfigMap"}"#, false),
            (r#"{"apiVersion":"a\",\"kind\":\"ClusterServiceVersion","kind":"Role"}"#, false),
        ] {
            assert_eq!(is_csv(object.as_bytes()), expected, "{object}");
        }
        assert!(matches!(objects(b"{\"kind\":\"Role\"}\n"), Err(QueryError::NoCsv)));
    }
}
