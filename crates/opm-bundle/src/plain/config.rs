//! What a user may change of an operator's pods.

use serde_json::{Map, Value};

use super::ConvertError;
use super::deployment::{containers, pod};
use super::tree::{below, list, members, put_named};
use opm_document::describe;

/// A customisation of all deployments of an operator: environment, volumes, scheduling, resources and annotations, in the
/// form that the `config` of a Subscription has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentConfig(Map<String, Value>);

/// The fields, and whether they are lists.
const FIELDS: [(&str, bool); 9] = [
    ("env", true),
    ("envFrom", true),
    ("volumes", true),
    ("volumeMounts", true),
    ("tolerations", true),
    ("resources", false),
    ("nodeSelector", false),
    ("affinity", false),
    ("annotations", false),
];

/// The parts of an affinity.
const AFFINITIES: [&str; 3] = ["nodeAffinity", "podAffinity", "podAntiAffinity"];

impl DeploymentConfig {
    /// The customisation in a YAML or JSON text.
    pub fn parse(text: &[u8]) -> Result<Self, ConvertError> {
        let value = opm_document::yaml::parse(text).map_err(|why| ConvertError::Config(why.to_string()))?;
        Self::from_value(value)
    }

    /// The customisation in a value.
    pub fn from_value(value: Value) -> Result<Self, ConvertError> {
        let map = match value {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            other => return Err(ConvertError::Config(format!("it must be an object, not {}", describe(&other)))),
        };
        let wrong = |field: &str, expected: &str, found: &Value| {
            Err(ConvertError::Config(format!("field {field} must be {expected}, not {}", describe(found))))
        };
        let mut kept = Map::new();
        for (key, value) in map {
            let Some((_, is_list)) = FIELDS.iter().find(|(name, _)| *name == key) else {
                let known = FIELDS.map(|(name, _)| name).join(", ");
                return Err(ConvertError::Config(format!("unknown field {key:?}; there are {known}")));
            };
            match &value {
                Value::Null => continue,
                Value::Array(items) if *is_list => {
                    let needs_name = ["env", "volumes", "volumeMounts"].contains(&key.as_str());
                    for (index, item) in items.iter().enumerate() {
                        let Some(item) = item.as_object() else {
                            return wrong(&format!("{key}[{index}]"), "an object", item);
                        };
                        let name = item.get("name").unwrap_or(&Value::Null);
                        if needs_name && name.as_str().is_none_or(str::is_empty) {
                            return wrong(&format!("{key}[{index}].name"), "a name", name);
                        }
                        match item.get("value") {
                            Some(value) if key == "env" && !value.is_string() && !value.is_null() => {
                                return wrong(&format!("{key}[{index}].value"), "a string", value);
                            }
                            _ => {}
                        }
                    }
                }
                Value::Object(items) if !*is_list => {
                    let is_text = ["nodeSelector", "annotations"].contains(&key.as_str());
                    if let Some((name, value)) = items.iter().find(|(_, value)| is_text && !value.is_string()) {
                        return wrong(&format!("{key}.{name}"), "a string", value);
                    }
                    if let Some((name, value)) =
                        items.iter().find(|(_, value)| !is_text && !value.is_object() && !value.is_null())
                        && (key == "affinity" || name != "claims")
                    {
                        return wrong(&format!("{key}.{name}"), "an object", value);
                    }
                    if let Some(name) =
                        items.keys().find(|name| key == "affinity" && !AFFINITIES.contains(&name.as_str()))
                    {
                        return Err(ConvertError::Config(format!("unknown field \"affinity.{name}\"")));
                    }
                }
                other => return wrong(&key, if *is_list { "a list" } else { "an object" }, other),
            }
            kept.insert(key, value);
        }
        Ok(Self(kept))
    }

    /// The customisation as a value, without what is null.
    pub(super) fn value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn items(&self, field: &str) -> &[Value] {
        self.0.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Changes a deployment.
    pub(super) fn apply(&self, deployment: &mut Value) {
        let pod = pod(deployment);
        for container in containers(pod) {
            self.apply_to(container);
        }
        for volume in self.items("volumes") {
            put_named(list(pod, "volumes"), volume);
        }
        put_new(pod, "tolerations", self.items("tolerations"));
        if let Some(selector) = self.0.get("nodeSelector") {
            pod.insert("nodeSelector".to_owned(), selector.clone());
        }
        if let Some(Value::Object(affinity)) = self.0.get("affinity") {
            replace_affinity(pod, affinity);
        }
        if let Some(Value::Object(annotations)) = self.0.get("annotations") {
            let object = members(deployment);
            add(below(object, "metadata"), annotations);
            add(below(below(below(object, "spec"), "template"), "metadata"), annotations);
        }
    }

    fn apply_to(&self, container: &mut Map<String, Value>) {
        for field in ["env", "volumeMounts"] {
            for item in self.items(field) {
                put_named(list(container, field), item);
            }
        }
        put_new(container, "envFrom", self.items("envFrom"));
        if let Some(resources) = self.0.get("resources") {
            container.insert("resources".to_owned(), resources.clone());
        }
    }
}

/// Appends the items that are not there.
fn put_new(into: &mut Map<String, Value>, key: &str, items: &[Value]) {
    for item in items {
        let all = list(into, key);
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
}

/// Adds the annotations that are not there.
fn add(metadata: &mut Map<String, Value>, annotations: &Map<String, Value>) {
    for (key, value) in annotations {
        below(metadata, "annotations").entry(key).or_insert_with(|| value.clone());
    }
}

fn replace_affinity(pod: &mut Map<String, Value>, affinity: &Map<String, Value>) {
    if affinity.values().all(Value::is_null) {
        pod.remove("affinity");
        return;
    }
    let own = below(pod, "affinity");
    for (key, value) in affinity.iter().filter(|(_, value)| !value.is_null()) {
        if is_vacant(value) {
            own.remove(key);
        } else {
            own.insert(key.clone(), value.clone());
        }
    }
    if own.is_empty() {
        pod.remove("affinity");
    }
}

/// Whether an affinity has neither required nor preferred terms.
fn is_vacant(affinity: &Value) -> bool {
    let has = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => {
            map.get("nodeSelectorTerms").and_then(Value::as_array).is_some_and(|terms| !terms.is_empty())
        }
        _ => false,
    };
    !has(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
        && !has(affinity.get("preferredDuringSchedulingIgnoredDuringExecution"))
}
