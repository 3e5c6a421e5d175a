//! Places in untyped objects.

use serde_json::{Map, Value};

/// The object at a key, which is made where there is none.
pub(super) fn below<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    members(value)
}

/// The members of a value, which becomes an object where it is none.
pub(super) fn members(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object"),
    }
}

/// The list at a key, which is made where there is none.
pub(super) fn list<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let value = map.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    match value {
        Value::Array(items) => items,
        _ => unreachable!("it was made a list"),
    }
}

/// The string at a JSON pointer; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items at a JSON pointer; none where there is no list.
pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The name of an object.
pub(super) fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

/// The kind of an object.
pub(super) fn kind(value: &Value) -> &str {
    text(value, "/kind")
}

/// The API group of an object; empty for the first one.
pub(super) fn group(value: &Value) -> &str {
    text(value, "/apiVersion").split_once('/').map_or("", |(group, _)| group)
}

/// Puts a value where an item of the same name is, or at the end.
pub(super) fn put_named(into: &mut Vec<Value>, item: &Value) {
    match into.iter_mut().find(|old| text(old, "/name") == text(item, "/name")) {
        Some(old) => old.clone_from(item),
        None => into.push(item.clone()),
    }
}
