//! CustomResourceDefinitions, as the Kubernetes API server checks them; schemas and status are not looked at.

use std::collections::BTreeSet;

use opm_document::Value;

use super::source::Source;
use super::{Report, names, object};

pub(super) fn check(source: &Source, report: &mut Report) {
    let is_v1 = match source.text("/apiVersion") {
        "apiextensions.k8s.io/v1" => true,
        "apiextensions.k8s.io/v1beta1" => {
            let message = "apiextensions.k8s.io/v1beta1 CustomResourceDefinitions are served by no cluster since \
                           Kubernetes 1.22: use apiextensions.k8s.io/v1";
            report.warning(source, "/apiVersion", message);
            false
        }
        other => return report.error(source, "/apiVersion", format!("Unsupported api version of CRD: {other}")),
    };
    object::check_meta(source, report);
    let (group, plural) = (source.text("/spec/group"), source.text("/spec/names/plural"));
    if group.is_empty() {
        report.required(source, "/spec/group", "a CRD has a group");
    } else {
        report.invalid(source, "/spec/group", group, names::subdomain(group));
        if !group.contains('.') {
            report.invalid(source, "/spec/group", group, vec!["should be a domain with at least one dot".to_owned()]);
        }
    }
    let name = source.text("/metadata/name");
    let expected = format!("{plural}.{group}");
    if !name.is_empty() && name != expected {
        let why = format!("must be spec.names.plural+\".\"+spec.group, which is {expected:?}");
        report.invalid(source, "/metadata/name", name, vec![why]);
    }
    check_names(source, report);
    check_scope(source, report);
    check_versions(source, is_v1, report);
    check_conversion(source, is_v1, report);
    if is_v1 && source.get("/spec/preserveUnknownFields") == Some(&Value::Bool(true)) {
        let why = vec!["must be false or unset in apiextensions.k8s.io/v1".to_owned()];
        report.invalid(source, "/spec/preserveUnknownFields", "true", why);
    }
    let is_protected = [".k8s.io", ".kubernetes.io"].iter().any(|end| group.ends_with(end))
        || ["k8s.io", "kubernetes.io"].contains(&group);
    if is_v1 && is_protected && source.text("/metadata/annotations/api-approved.kubernetes.io").is_empty() {
        let why = "protected groups must have approval annotation \"api-approved.kubernetes.io\"";
        report.required(source, "/metadata/annotations[api-approved.kubernetes.io]", why);
    }
}

fn check_names(source: &Source, report: &mut Report) {
    for (field, is_needed) in [("plural", true), ("kind", true), ("singular", false), ("listKind", false)] {
        let at = format!("/spec/names/{field}");
        let text = source.text(&at);
        if !text.is_empty() {
            // Kinds are in mixed case.
            let folded = if field.to_lowercase().ends_with("kind") { text.to_lowercase() } else { text.to_owned() };
            report.invalid(source, &at, text, names::label_1035(&folded));
        } else if is_needed {
            report.required(source, &at, "a CRD names its resource");
        }
    }
    let (kind, list_kind) = (source.text("/spec/names/kind"), source.text("/spec/names/listKind"));
    if !kind.is_empty() && kind == list_kind {
        let why = vec!["kind and listKind may not be the same".to_owned()];
        report.invalid(source, "/spec/names/listKind", list_kind, why);
    }
    for list in ["shortNames", "categories"] {
        for (at, item) in source.items(&format!("/spec/names/{list}")) {
            let text = item.as_str().unwrap_or_default();
            report.invalid(source, &at, text, names::label_1035(text));
        }
    }
}

fn check_scope(source: &Source, report: &mut Report) {
    match source.text("/spec/scope") {
        "Cluster" | "Namespaced" => {}
        "" => report.required(source, "/spec/scope", "Cluster or Namespaced"),
        other => report.error(
            source,
            "/spec/scope",
            format!("spec.scope: Unsupported value: {other:?}: supported values: \"Cluster\", \"Namespaced\""),
        ),
    }
}

fn check_versions(source: &Source, is_v1: bool, report: &mut Report) {
    let mut seen = BTreeSet::new();
    let (mut stored, mut count) = (0, 0);
    for (at, version) in source.items("/spec/versions") {
        count += 1;
        let name = source.text(&format!("{at}/name"));
        let name_at = format!("{at}/name");
        report.invalid(source, &name_at, name, names::label_1035(name));
        if !seen.insert(name) {
            report.invalid(source, &name_at, name, vec!["must be unique".to_owned()]);
        }
        stored += usize::from(version.get("storage") == Some(&Value::Bool(true)));
        for flag in ["served", "storage"] {
            if version.get(flag).is_some_and(|value| !value.is_boolean()) {
                report.invalid(
                    source,
                    &format!("{at}/{flag}"),
                    &version[flag].to_string(),
                    vec!["must be true or false".to_owned()],
                );
            }
        }
        check_columns(source, &format!("{at}/additionalPrinterColumns"), "jsonPath", report);
        check_scale(source, &format!("{at}/subresources/scale"), report);
    }
    check_columns(source, "/spec/additionalPrinterColumns", "JSONPath", report);
    check_scale(source, "/spec/subresources/scale", report);
    let version = source.text("/spec/version");
    if count == 0 {
        if is_v1 || version.is_empty() {
            report.required(source, "/spec/versions", "must have at least one version");
        }
        return;
    }
    if stored != 1 {
        let why = vec!["must have exactly one version marked as storage version".to_owned()];
        report.invalid(source, "/spec/versions", &format!("{stored} of {count}"), why);
    }
    if !is_v1 && !version.is_empty() && source.text("/spec/versions/0/name") != version {
        report.invalid(
            source,
            "/spec/version",
            version,
            vec!["must match the first version in spec.versions".to_owned()],
        );
    }
}

fn check_columns(source: &Source, at: &str, path: &str, report: &mut Report) {
    const TYPES: &[&str] = &["boolean", "date", "integer", "number", "string"];
    const FORMATS: &[&str] = &["", "byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
    for (at, _) in source.items(at) {
        if source.text(&format!("{at}/name")).is_empty() {
            report.required(source, &format!("{at}/name"), "a column has a name");
        }
        for (field, known) in [("type", TYPES), ("format", FORMATS)] {
            let value = source.text(&format!("{at}/{field}"));
            if !known.contains(&value) {
                let why = vec![format!("must be one of {}", known.join(","))];
                report.invalid(source, &format!("{at}/{field}"), value, why);
            }
        }
        let value = source.text(&format!("{at}/{path}"));
        if value.is_empty() {
            report.required(source, &format!("{at}/{path}"), "a column has a path");
        } else if !value.starts_with('.') {
            report.invalid(
                source,
                &format!("{at}/{path}"),
                value,
                vec!["must be a path that begins with a dot".to_owned()],
            );
        }
    }
}

fn check_scale(source: &Source, at: &str, report: &mut Report) {
    if source.get(at).is_none() {
        return;
    }
    let at = format!("{at}/specReplicasPath");
    match source.text(&at) {
        "" => report.required(source, &at, "the scale subresource has one"),
        path if !path.starts_with(".spec.") => {
            report.invalid(source, &at, path, vec!["should be a path under .spec".to_owned()]);
        }
        _ => {}
    }
}

fn check_conversion(source: &Source, is_v1: bool, report: &mut Report) {
    let at = "/spec/conversion";
    if source.get(at).is_none() {
        return;
    }
    let webhook = if is_v1 { "/spec/conversion/webhook" } else { "/spec/conversion/webhookClientConfig" };
    match source.text("/spec/conversion/strategy") {
        "None" if source.get(webhook).is_some() => {
            let message = "should not be set when strategy is not set to Webhook";
            report.error(source, webhook, format!("{}: Forbidden: {message}", super::source::field(webhook)));
        }
        "None" => {}
        "Webhook" => {
            // What is in clientConfig is filled in by those who install the bundle.
            let versions = if is_v1 {
                "/spec/conversion/webhook/conversionReviewVersions"
            } else {
                "/spec/conversion/conversionReviewVersions"
            };
            let found: Vec<&str> = source.items(versions).filter_map(|(_, version)| version.as_str()).collect();
            if found.is_empty() {
                if is_v1 {
                    report.required(source, versions, "versions that the webhook understands");
                }
            } else if !found.iter().any(|version| ["v1", "v1beta1"].contains(version)) {
                report.invalid(
                    source,
                    versions,
                    &found.join(","),
                    vec!["must include at least one of v1, v1beta1".to_owned()],
                );
            }
        }
        "" => report.required(source, "/spec/conversion/strategy", "None or Webhook"),
        other => report.error(
            source,
            "/spec/conversion/strategy",
            format!("spec.conversion.strategy: Unsupported value: {other:?}: supported values: \"None\", \"Webhook\""),
        ),
    }
}
