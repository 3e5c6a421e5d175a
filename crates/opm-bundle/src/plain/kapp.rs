//! Annotations that tell kapp in which order to apply things.

use serde_json::{Map, Value, json};

use super::objects::Scope;
use super::tree::{below, group, kind, members};

const GROUP: &str = "kapp.k14s.io/change-group";
const AFTER_CERTS: &str = "kapp.k14s.io/change-rule.certs";
const AFTER_OPERATOR: &str = "kapp.k14s.io/change-rule.operator";
const DELETE: &str = "kapp.k14s.io/change-rule.delete";
const NO_SCOPE: &str = "kapp.k14s.io/disable-default-label-scoping-rules";

/// Annotates the objects of a package, where they do not say something themselves.
pub(super) fn annotate(objects: &mut [Value], package: &str) {
    let (certs, operator) = (format!("olm.{package}/certs"), format!("olm.{package}/operator"));
    let is_cert = |value: &Value| group(value) == "cert-manager.io" && ["Issuer", "Certificate"].contains(&kind(value));
    let has_certs = objects.iter().any(is_cert);
    let after = |group: &str| format!("upsert after upserting {group}");
    let pods: Vec<Map<String, Value>> = objects
        .iter()
        .filter(|value| kind(value) == "Deployment")
        .filter_map(|value| value.pointer("/spec/template/metadata/labels")?.as_object().cloned())
        .collect();
    for object in objects {
        let mut annotations: Vec<(&str, String)> = Vec::new();
        match kind(object) {
            "Issuer" | "Certificate" if is_cert(object) => annotations.push((GROUP, certs.clone())),
            "Deployment" => {
                annotations.push((GROUP, operator.clone()));
                if has_certs {
                    annotations.push((AFTER_CERTS, after(&certs)));
                }
            }
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                annotations.push((AFTER_OPERATOR, after(&operator)));
                annotations.push((DELETE, format!("delete before deleting {operator}")));
            }
            "Service" if group(object).is_empty() => {
                let selector = object.pointer("/spec/selector").and_then(Value::as_object);
                let misses = |selector: &Map<String, Value>| {
                    !selector.is_empty()
                        && !pods.iter().any(|pod| selector.iter().all(|(key, value)| pod.get(key) == Some(value)))
                };
                if selector.is_some_and(misses) {
                    annotations.push((NO_SCOPE, String::new()));
                }
            }
            _ if is_custom(object) => annotations.push((AFTER_OPERATOR, after(&operator))),
            _ => {}
        }
        if annotations.is_empty() {
            continue;
        }
        let own = below(below(members(object), "metadata"), "annotations");
        for (key, value) in annotations {
            own.entry(key).or_insert_with(|| json!(value));
        }
    }
}

/// The groups of the kinds that a bundle may hold and that belong to Kubernetes itself or to what it runs on.
const BUILT_IN: [&str; 10] = [
    "",
    "apps",
    "policy",
    "rbac.authorization.k8s.io",
    "networking.k8s.io",
    "scheduling.k8s.io",
    "apiextensions.k8s.io",
    "monitoring.coreos.com",
    "autoscaling.k8s.io",
    "console.openshift.io",
];

/// Whether an object belongs to an API of the operator: one that reuses the name of a known kind.
fn is_custom(object: &Value) -> bool {
    Scope::of(kind(object)).is_some() && !BUILT_IN.contains(&group(object))
}
