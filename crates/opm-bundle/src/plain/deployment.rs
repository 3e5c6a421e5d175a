//! The deployments of an operator.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::facts::Deployment;
use super::read::TextMap;
use super::tree::{below, list, members, text};

/// The deployment, with what the operator has to know in the annotations of its pods.
pub(super) fn object(
    deployment: &Deployment<'_>,
    annotations: &TextMap<'_>,
    install: &str,
    targets: &[String],
) -> Value {
    let mut spec = deployment.spec.cloned().unwrap_or_default();
    spec.insert("revisionHistoryLimit".to_owned(), json!(1));
    let metadata = below(below(&mut spec, "template"), "metadata");
    if metadata.get("creationTimestamp").is_some_and(Value::is_null) {
        metadata.remove("creationTimestamp");
    }
    let own = below(metadata, "annotations");
    for (key, value) in annotations {
        if !own.contains_key(*key) {
            own.insert((*key).to_owned(), json!(value));
        }
    }
    own.insert("olm.targetNamespaces".to_owned(), json!(targets.join(",")));
    own.insert("olm.operatorNamespace".to_owned(), json!(install));
    let mut metadata = json!({"name": deployment.name, "namespace": install});
    if !deployment.label.is_empty() {
        let labels = deployment.label.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        members(&mut metadata).insert("labels".to_owned(), Value::Object(labels));
    }
    Value::Object(Map::from_iter([
        ("apiVersion".to_owned(), json!("apps/v1")),
        ("kind".to_owned(), json!("Deployment")),
        ("metadata".to_owned(), metadata),
        ("spec".to_owned(), Value::Object(spec)),
    ]))
}

/// The volumes that webhooks find their certificates in: name, place, and what the files of the secret are called there.
const VOLUMES: [(&str, &str, &str, &str); 2] = [
    ("webhook-cert", "/tmp/k8s-webhook-server/serving-certs", "tls.crt", "tls.key"),
    ("apiservice-cert", "/apiserver.local.config/certificates", "apiserver.crt", "apiserver.key"),
];

/// Mounts the certificate in a secret into all containers, in place of what is mounted there.
pub(super) fn mount_certificate(deployment: &mut Value, secret: &str) {
    let pod = pod(deployment);
    let mut dropped: BTreeSet<String> = VOLUMES.iter().map(|volume| volume.0.to_owned()).collect();
    for container in pod.get("containers").and_then(Value::as_array).into_iter().flatten() {
        for mount in super::tree::items(container, "/volumeMounts") {
            if VOLUMES.iter().any(|volume| volume.1 == text(mount, "/mountPath")) {
                dropped.insert(text(mount, "/name").to_owned());
            }
        }
    }
    let stays = |item: &Value| !dropped.contains(text(item, "/name"));
    let volumes = list(pod, "volumes");
    volumes.retain(stays);
    for (name, _, certificate, key) in VOLUMES {
        volumes.push(json!({
            "name": name,
            "secret": {
                "secretName": secret,
                "items": [{"key": "tls.crt", "path": certificate}, {"key": "tls.key", "path": key}],
            },
        }));
    }
    for container in containers(pod) {
        let mounts = list(container, "volumeMounts");
        mounts.retain(stays);
        for (name, path, ..) in VOLUMES {
            mounts.push(json!({"name": name, "mountPath": path}));
        }
    }
}

/// The pod of a deployment.
pub(super) fn pod(deployment: &mut Value) -> &mut Map<String, Value> {
    below(below(below(members(deployment), "spec"), "template"), "spec")
}

/// The containers of a pod, without those that initialise it.
pub(super) fn containers(pod: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let all = pod.get_mut("containers").and_then(Value::as_array_mut);
    all.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// A volume with a secret that looks like a certificate and is mounted where none is expected; its name and place.
pub(super) fn odd_certificate(deployment: &Value) -> Option<(&str, &str)> {
    let pod = deployment.pointer("/spec/template/spec")?;
    let secrets: BTreeSet<&str> = super::tree::items(pod, "/volumes")
        .iter()
        .filter(|volume| volume.get("secret").is_some_and(Value::is_object))
        .map(|volume| text(volume, "/name"))
        .filter(|name| name.contains("cert") && !VOLUMES.iter().any(|volume| volume.0 == *name))
        .collect();
    let mounts = super::tree::items(pod, "/containers").iter().flat_map(|c| super::tree::items(c, "/volumeMounts"));
    mounts.map(|mount| (text(mount, "/name"), text(mount, "/mountPath"))).find(|(name, _)| secrets.contains(name))
}
