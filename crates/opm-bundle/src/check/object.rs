//! What every Kubernetes object must have.

use super::source::Source;
use super::{Report, names};
use crate::CSV_KIND;

/// The kinds that a bundle may hold, and whether they live in namespaces.
const SUPPORTED: &[(&str, bool)] = &[
    ("ClusterServiceVersion", true),
    ("CustomResourceDefinition", false),
    ("ClusterRole", false),
    ("ClusterRoleBinding", false),
    ("Service", true),
    ("ServiceAccount", true),
    ("Role", true),
    ("RoleBinding", true),
    ("PrometheusRule", true),
    ("ServiceMonitor", true),
    ("PodMonitor", true),
    ("Secret", true),
    ("ConfigMap", true),
    ("PodDisruptionBudget", true),
    ("PriorityClass", false),
    ("VerticalPodAutoscaler", false),
    ("ConsoleYAMLSample", false),
    ("ConsoleQuickStart", false),
    ("ConsoleCLIDownload", false),
    ("ConsoleLink", false),
    ("ConsolePlugin", false),
    ("NetworkPolicy", true),
];

/// The most that all annotations of an object may take, in bytes.
const LARGEST_ANNOTATIONS: usize = 256 << 10;

pub(super) fn is_supported(kind: &str) -> bool {
    SUPPORTED.iter().any(|(name, _)| *name == kind)
}

/// The object's metadata, as the Kubernetes API server checks them.
pub(super) fn check_meta(source: &Source, report: &mut Report) {
    let kind = source.text("/kind");
    let name = source.text("/metadata/name");
    if name.is_empty() && source.text("/metadata/generateName").is_empty() {
        report.required(source, "/metadata/name", "name or generateName is required");
    } else if !name.is_empty() {
        let broken = match kind {
            "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" => names::path_segment(name),
            "Service" => names::label_1035(name),
            _ => names::subdomain(name),
        };
        report.invalid(source, "/metadata/name", name, broken);
    }
    let namespace = source.text("/metadata/namespace");
    if !namespace.is_empty() {
        if SUPPORTED.contains(&(kind, false)) && kind != "VerticalPodAutoscaler" {
            report.error(source, "/metadata/namespace", "metadata.namespace: Forbidden: not allowed on this type");
        } else if kind == CSV_KIND {
            // Published bundles hold placeholders here: whoever installs one decides where it goes.
            if !names::label(namespace).is_empty() {
                let message = format!("metadata.namespace: {namespace:?} is no name of a namespace; it is not used");
                report.warning(source, "/metadata/namespace", message);
            }
        } else {
            report.invalid(source, "/metadata/namespace", namespace, names::label(namespace));
        }
    }
    for (at, key, value) in source.members("/metadata/labels") {
        report.invalid(source, &at, key, names::key(key));
        match value.as_str() {
            Some(text) => report.invalid(source, &at, text, names::label_value(text)),
            None => report.invalid(source, &at, &value.to_string(), vec!["must be a string".to_owned()]),
        }
    }
    let mut size = 0;
    for (at, key, value) in source.members("/metadata/annotations") {
        // Keys of annotations may be in upper case.
        report.invalid(source, &at, key, names::key(&key.to_lowercase()));
        match value.as_str() {
            Some(text) => size += key.len() + text.len(),
            None => report.invalid(source, &at, &value.to_string(), vec!["must be a string".to_owned()]),
        }
    }
    if size > LARGEST_ANNOTATIONS {
        let message = format!("metadata.annotations: Too long: may not be more than {LARGEST_ANNOTATIONS} bytes");
        report.error(source, "/metadata/annotations", message);
    }
}
