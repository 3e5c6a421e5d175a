//! One object for each name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ConvertError;
use super::tree::{below, group, kind, list, members, name, text};
use super::warn::Warnings;

/// An object on its way out; with the file that it is from, unless it was generated.
pub(super) struct Made {
    pub(super) value: Value,
    pub(super) file: Option<String>,
}

/// The objects, of those with the same group, kind, namespace and name only one.
pub(super) fn once(made: Vec<Made>, warnings: &mut Warnings) -> Result<Vec<Value>, ConvertError> {
    let mut places: BTreeMap<[String; 4], usize> = BTreeMap::new();
    let mut kept: Vec<Option<Made>> = Vec::with_capacity(made.len());
    for mut item in made {
        let value = &item.value;
        let key = [group(value), kind(value), text(value, "/metadata/namespace"), name(value)].map(str::to_owned);
        let old = places.get(&key).and_then(|place| kept.get_mut(*place));
        let Some(slot) = old else {
            places.insert(key, kept.len());
            kept.push(Some(item));
            continue;
        };
        let Some(old) = slot else { continue };
        let is_core = |of: &str| key[0].is_empty() && key[1] == of;
        match (&old.file, &item.file) {
            _ if old.value == item.value => {}
            (None, Some(_)) if is_core("ServiceAccount") => *old = item,
            (Some(_), None) if is_core("Service") => {
                merge_service(&mut item.value, std::mem::take(&mut old.value));
                *slot = None;
                places.insert(key, kept.len());
                kept.push(Some(item));
            }
            (Some(first), Some(second)) => {
                warnings.add(format!("{} is in {first} and differs in {second}: the latter is used", shown(&key)));
                *old = item;
            }
            _ => return Err(ConvertError::Conflict(shown(&key))),
        }
    }
    Ok(kept.into_iter().flatten().map(|item| item.value).collect())
}

fn shown([group, kind, namespace, name]: &[String; 4]) -> String {
    let dot = if group.is_empty() { "" } else { "." };
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind}{dot}{group} {namespace}{slash}{name}")
}

/// Makes one of a generated service and the one of the same name that came with the bundle: the latter with the ports, the
/// selector and the annotations that webhooks need.
fn merge_service(generated: &mut Value, mut bundled: Value) {
    let made = members(generated);
    let own_ports = std::mem::take(list(below(made, "spec"), "ports"));
    let selector = below(made, "spec").remove("selector").unwrap_or_default();
    let annotations = std::mem::take(below(below(made, "metadata"), "annotations"));

    let merged = members(&mut bundled);
    if !annotations.is_empty() {
        below(below(merged, "metadata"), "annotations").extend(annotations);
    }
    let spec = below(merged, "spec");
    spec.insert("selector".to_owned(), selector);
    let ports = list(spec, "ports");
    let identity = |port: &Value| {
        let protocol = text(port, "/protocol");
        (port.get("port").and_then(Value::as_i64), if protocol.is_empty() { "TCP" } else { protocol }.to_owned())
    };
    for own in own_ports {
        match ports.iter_mut().find(|port| identity(port) == identity(&own)) {
            Some(port) => members(port).extend(own.as_object().cloned().unwrap_or_default()),
            None => ports.push(own),
        }
    }
    if ports.len() > 1 {
        for port in ports.iter_mut().filter(|port| text(port, "/name").is_empty()) {
            let number = port.get("port").map(Value::to_string).unwrap_or_default();
            members(port).insert("name".to_owned(), Value::from(number));
        }
    }
    *generated = bundled;
}
