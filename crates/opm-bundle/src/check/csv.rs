//! The ClusterServiceVersion.

use std::collections::{BTreeMap, BTreeSet};

use opm_document::Value;
use opm_model::{Gvk, Version};

use super::source::Source;
use super::{Report, names, object};
use crate::{Csv, Object, SUBSTITUTES_FOR};

const INSTALL_MODES: &[&str] = &["OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces"];
const WEBHOOKS: &[&str] = &["ValidatingAdmissionWebhook", "MutatingAdmissionWebhook", "ConversionWebhook"];

pub(super) fn check(source: &Source, report: &mut Report) {
    for field in ["/apiVersion", "/spec/displayName", "/spec/install", "/spec/install/strategy"] {
        if source.get(field).is_none_or(|value| value.as_str() == Some("")) {
            report.error(source, field, format!("required field missing: {}", super::source::field(field)));
        }
    }
    if source.text("/apiVersion") != "operators.coreos.com/v1alpha1" && !source.text("/apiVersion").is_empty() {
        report.error(
            source,
            "/apiVersion",
            "apiVersion of a ClusterServiceVersion must be operators.coreos.com/v1alpha1",
        );
    }
    object::check_meta(source, report);
    for at in ["/metadata/name", "/spec/replaces"] {
        let name = source.text(at);
        if name.is_empty() {
            continue;
        }
        // The metadata were checked already.
        if at != "/metadata/name" {
            report.invalid(source, at, name, names::subdomain(name));
        }
        report.invalid(source, at, name, names::label_value(name));
    }
    check_versions(source, report);
    check_types(source, report);
    let has_conversion = check_webhooks(source, report);
    check_install_modes(source, has_conversion, report);
    check_examples(source, report);
}

fn check_versions(source: &Source, report: &mut Report) {
    for at in ["/spec/version", "/spec/minKubeVersion"] {
        let text = match source.get(at) {
            None => continue,
            Some(Value::String(text)) if text.is_empty() => continue,
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if let Err(why) = Version::parse(&text) {
            report.error(source, at, format!("{} has an invalid value: {why}", super::source::field(at)));
        }
    }
    let is_set = |at: &str| source.get(at).is_some_and(|value| value.as_str() != Some(""));
    let substitutes = format!("/metadata/annotations/{SUBSTITUTES_FOR}");
    if is_set("/spec/release") && is_set(&substitutes) {
        let message = "a bundle with a release version (spec.release) must not have the annotation olm.substitutesFor";
        report.error(source, &substitutes, message);
    }
}

/// The types of the fields that are decoded when the bundle is stored or installed.
fn check_types(source: &Source, report: &mut Report) {
    let Some(object) = Object::from_value(source.value().clone()) else { return };
    let Some(csv) = Csv::new(&object) else { return };
    let checks = [
        csv.release().map(drop),
        csv.skips().map(drop),
        csv.images().map(drop),
        csv.owned_crds().map(drop),
        csv.owned_api_services().map(drop),
        csv.required_apis().map(drop),
    ];
    for error in checks.into_iter().filter_map(Result::err) {
        let at = match &error {
            crate::BundleError::Field { field, .. } => pointer(field),
            _ => "/spec/customresourcedefinitions".to_owned(),
        };
        report.error(source, &at, error.to_string());
    }
}

/// The path of a field (`spec.a[0].b`) as a JSON pointer. Keys with dots in them end at the first.
fn pointer(field: &str) -> String {
    field.split(['.', '[', ']']).filter(|part| !part.is_empty()).fold(String::new(), |at, part| format!("{at}/{part}"))
}

fn check_install_modes(source: &Source, has_conversion: bool, report: &mut Report) {
    let at = "/spec/installModes";
    let mut modes = BTreeMap::new();
    for (at, mode) in source.items(at) {
        let kind = mode.get("type").and_then(Value::as_str).unwrap_or_default();
        if !INSTALL_MODES.contains(&kind) {
            report.error(source, &at, format!("unknown install mode {kind:?}: there are {}", INSTALL_MODES.join(", ")));
        }
        if modes.insert(kind, mode.get("supported") == Some(&Value::Bool(true))).is_some() {
            report.error(source, &at, format!("install mode {kind} is there twice"));
        }
    }
    if modes.is_empty() {
        return report.error(source, at, "spec.installModes is missing or empty");
    }
    if !modes.values().any(|supported| *supported) {
        report.error(source, at, "no install mode is supported");
    }
    let is_global_only = modes.iter().all(|(kind, supported)| *supported == (*kind == "AllNamespaces"));
    if has_conversion && !is_global_only {
        report.error(source, at, "an operator that converts CRDs supports AllNamespaces and no other install mode");
    }
}

/// Checks the webhooks, and returns whether one of them converts.
fn check_webhooks(source: &Source, report: &mut Report) -> bool {
    let owned: BTreeSet<&str> = source
        .items("/spec/customresourcedefinitions/owned")
        .filter_map(|(_, crd)| crd.get("name").and_then(Value::as_str))
        .collect();
    let deployments: BTreeSet<&str> = source
        .items("/spec/install/spec/deployments")
        .filter_map(|(_, deployment)| deployment.get("name").and_then(Value::as_str))
        .collect();
    let mut has_conversion = false;
    for (at, webhook) in source.items("/spec/webhookdefinitions") {
        let text = |field: &str| webhook.get(field).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        if !WEBHOOKS.contains(&kind) {
            report.error(source, &at, format!("unknown type of webhook {kind:?}: there are {}", WEBHOOKS.join(", ")));
        }
        for field in ["generateName", "admissionReviewVersions", "sideEffects"] {
            if webhook.get(field).is_none_or(Value::is_null) {
                report.error(source, &at, format!("webhook {:?} has no {field}", text("generateName")));
            }
        }
        if !deployments.contains(text("deploymentName")) {
            report.warning(source, &at, format!("webhook {:?} names no deployment of the CSV", text("generateName")));
        }
        let mut converts = kind == "ConversionWebhook";
        for (at, crd) in source.items(&format!("{at}/conversionCRDs")) {
            converts = true;
            let crd = crd.as_str().unwrap_or_default();
            if !owned.contains(crd) {
                report.error(source, &at, format!("conversion webhook: CRD {crd:?} is not owned by the CSV"));
            }
        }
        has_conversion |= converts;
    }
    has_conversion
}

fn check_examples(source: &Source, report: &mut Report) {
    let examples = ["/metadata/annotations/alm-examples", "/metadata/annotations/olm.examples"];
    let found: Vec<&str> = examples.into_iter().filter(|at| source.get(at).is_some()).collect();
    let Some(at) = found.first() else {
        return report.warning(source, "/metadata/annotations", "there are no examples (annotation alm-examples)");
    };
    if found.len() > 1 {
        report.warning(source, at, "both alm-examples and olm.examples are present; only alm-examples counts");
    }
    // Only what is there is an example: an empty text has none.
    let parsed = match opm_document::first(source.text(at).as_bytes()) {
        Ok(None | Some(Value::Null)) => Vec::new(),
        Ok(Some(Value::Array(items))) => items,
        Ok(Some(_)) => return report.error(source, at, "the examples cannot be read: it is no list"),
        Err(why) => return report.error(source, at, format!("the examples cannot be read: {why}")),
    };
    let Some(csv) = Object::from_value(source.value().clone()) else { return };
    let Some(csv) = Csv::new(&csv) else { return };
    // Those that cannot be read are findings of their own.
    let provided: Vec<Gvk> = [csv.owned_crds(), csv.owned_api_services()].into_iter().flatten().flatten().collect();
    let mut shown: Vec<Gvk> = Vec::new();
    for (number, example) in parsed.iter().enumerate() {
        let text = |field: &str| example.get(field).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        if text("kind").is_empty() || version.is_empty() {
            report.error(source, at, format!("example {number} has no apiVersion and kind"));
            continue;
        }
        let api = Gvk::new(group, version, text("kind"));
        if !provided.iter().any(|known| known.is_same_api(&api)) {
            report.error(source, at, format!("an example is of {api}, which the CSV does not provide"));
        }
        shown.push(api);
    }
    for api in provided.iter().filter(|api| !shown.iter().any(|known| known.is_same_api(api))) {
        report.warning(source, at, format!("there is no example of the provided API {api}"));
    }
}
