//! The configuration of an image: OCI image specification 1.1, which is Docker's in all that matters here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::layer::Built;
use crate::error::ErrorKind;

/// What becomes of a base's configuration. Absent commands and empty maps leave the base's.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Added to the base's labels, or replacing them.
    pub labels: BTreeMap<String, String>,
    /// Such as `50051/tcp`; added to the base's.
    pub ports: Vec<String>,
    /// Replaces the base's; the base's `Cmd` then goes, as in a Dockerfile.
    pub entrypoint: Option<Vec<String>>,
    /// Replaces the base's.
    pub cmd: Option<Vec<String>>,
    /// As whom it runs; replaces the base's.
    pub user: Option<String>,
    /// Where it starts; replaces the base's.
    pub working_dir: Option<String>,
    /// The text of the new entry of the history.
    pub history: String,
}

/// The configuration of the image that has one layer more than `base`, with its keys sorted. `epoch` is in seconds since 1970.
///
/// # Errors
/// [`ErrorKind::Manifest`] when `base` is malformed.
pub fn extend_config(base: &[u8], layer: &Built, change: &Change, epoch: u64) -> Result<Vec<u8>, ErrorKind> {
    let bad = |why: &str| ErrorKind::Manifest(format!("the configuration of the base is malformed: {why}"));
    let mut root: Map<String, Value> = serde_json::from_slice(base).map_err(|error| bad(&error.to_string()))?;
    let created = rfc3339(epoch);

    let config = object(&mut root, "config").ok_or_else(|| bad("`config` is not an object"))?;
    let labels = object(config, "Labels").ok_or_else(|| bad("`Labels` is not an object"))?;
    labels.extend(change.labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    if labels.is_empty() {
        config.remove("Labels");
    }
    if !change.ports.is_empty() {
        let ports = object(config, "ExposedPorts").ok_or_else(|| bad("`ExposedPorts` is not an object"))?;
        ports.extend(change.ports.iter().map(|port| (port.clone(), json!({}))));
    }
    if let Some(entrypoint) = &change.entrypoint {
        config.insert("Entrypoint".to_owned(), json!(entrypoint));
        config.remove("Cmd");
    }
    if let Some(cmd) = &change.cmd {
        config.insert("Cmd".to_owned(), json!(cmd));
    }
    for (key, value) in [("User", &change.user), ("WorkingDir", &change.working_dir)] {
        if let Some(value) = value {
            config.insert(key.to_owned(), json!(value));
        }
    }

    let rootfs = object(&mut root, "rootfs").ok_or_else(|| bad("`rootfs` is not an object"))?;
    rootfs.insert("type".to_owned(), json!("layers"));
    let ids = array(rootfs, "diff_ids").ok_or_else(|| bad("`diff_ids` is not a list"))?;
    ids.push(json!(layer.diff_id.as_str()));
    let history = array(&mut root, "history").ok_or_else(|| bad("`history` is not a list"))?;
    history.push(json!({"created": created, "created_by": change.history}));
    root.insert("created".to_owned(), json!(created));
    Ok(super::manifest::bytes(Value::Object(root)))
}

/// The object under `key`, made when it is absent or null.
fn object<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}

/// The list under `key`, made when it is absent or null.
pub(super) fn array<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Vec<Value>> {
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut()
}

/// Seconds since 1970 as RFC 3339 in UTC.
pub(super) fn rfc3339(epoch: u64) -> String {
    let (days, seconds) = (epoch / 86_400, epoch % 86_400);
    // Years that begin in March have their leap day last; 719,468 days before 1970 the first of 400 such years began.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
