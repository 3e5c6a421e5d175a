//! What a bundle must keep to before it is converted. All findings are collected.

use std::collections::{BTreeMap, BTreeSet};

use super::Certificates;
use super::facts::{CONVERSION, Facts, MUTATING, VALIDATING, Webhook};
use super::objects::Scope;
use super::read::Source;
use super::targets::subdomain_faults;
use super::tree::{kind, name};

pub(super) fn findings(source: &Source, facts: &Facts<'_>, certificates: Option<&Certificates<'_>>) -> Vec<String> {
    let mut found = Vec::new();
    gates(source, facts, certificates, &mut found);
    deployments(facts, &mut found);
    crds(source, facts, &mut found);
    if source.package.is_empty() {
        found.push(format!("metadata/annotations.yaml: annotation {} names no package", crate::PACKAGE));
    }
    conversions_need_all_namespaces(facts, &mut found);
    webhook_names(facts, &mut found);
    conversions(facts, &mut found);
    rules(facts, &mut found);
    for item in &source.others {
        if Scope::of(kind(&item.value)).is_none() {
            let (kind, name) = (kind(&item.value), name(&item.value));
            found.push(format!("{}: {kind} {name}: objects of this kind are not supported in a bundle", item.file));
        }
    }
    found
}

/// What plain manifests cannot do at all, and what is wrong with single fields.
fn gates(source: &Source, facts: &Facts<'_>, certificates: Option<&Certificates<'_>>, found: &mut Vec<String>) {
    let file = &source.csv_file;
    if facts.has_api_services {
        found.push(format!("{file}: spec.apiservicedefinitions.owned: API services are not supported"));
    }
    if !facts.webhooks.is_empty() && certificates.is_none() {
        found.push(format!(
            "{file}: spec.webhookdefinitions: webhooks need certificates: choose a provider: cert-manager, openshift-service-ca, self-signed or none"
        ));
    }
    if !["", "deployment"].contains(&facts.strategy) {
        found.push(format!("{file}: spec.install.strategy: unrecognised install strategy {:?}", facts.strategy));
    }
    for webhook in &facts.webhooks {
        if ![CONVERSION, MUTATING, VALIDATING].contains(&webhook.kind) {
            found.push(format!("{file}: webhook {}: unknown type {:?}", webhook.name, webhook.kind));
        }
        if webhook.kind == CONVERSION && webhook.crds.is_empty() {
            found.push(format!("{file}: conversion webhook {}: conversionCRDs is empty", webhook.name));
        }
    }
    let mut ports: BTreeMap<(&str, i64), &Webhook<'_>> = BTreeMap::new();
    for webhook in &facts.webhooks {
        let first = ports.entry((webhook.deployment, webhook.port)).or_insert(webhook);
        if first.target_port != webhook.target_port {
            found.push(format!(
                "{file}: deployment {}: webhooks {} and {} use port {} with different target ports",
                webhook.deployment, first.name, webhook.name, webhook.port
            ));
        }
    }
}

/// What there is more than one of, sorted.
fn repeated<T: Ord + Copy>(all: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    all.filter(|item| !seen.insert(*item)).collect()
}

fn deployments(facts: &Facts<'_>, found: &mut Vec<String>) {
    let names = || facts.deployments.iter().map(|deployment| deployment.name);
    for name in repeated(names()) {
        found.push(format!("cluster service version contains duplicate strategy deployment spec '{name}'"));
    }
    for name in names().collect::<BTreeSet<_>>() {
        let faults = subdomain_faults(name);
        if !faults.is_empty() {
            found.push(format!(
                "invalid cluster service version strategy deployment name '{name}': {}",
                faults.join(", ")
            ));
        }
    }
}

fn crds(source: &Source, facts: &Facts<'_>, found: &mut Vec<String>) {
    let names = || source.crds.iter().map(|item| name(&item.value));
    for name in repeated(names()) {
        found.push(format!("bundle contains duplicate custom resource definition '{name}'"));
    }
    let there: BTreeSet<&str> = names().collect();
    let owned: BTreeSet<&str> = facts.owned.iter().copied().collect();
    for name in owned.difference(&there) {
        found.push(format!(
            "cluster service definition references owned custom resource definition '{name}' not found in bundle"
        ));
    }
}

fn conversions_need_all_namespaces(facts: &Facts<'_>, found: &mut Vec<String>) {
    if facts.modes.iter().eq(&["AllNamespaces"]) {
        return;
    }
    let modes = facts.modes.iter().copied().collect::<Vec<_>>().join(", ");
    for webhook in facts.webhooks.iter().filter(|webhook| webhook.kind == CONVERSION) {
        found.push(format!(
            "conversion webhook '{}' needs AllNamespaces as the only supported install mode, not [{modes}]",
            webhook.name
        ));
    }
}

fn webhook_names(facts: &Facts<'_>, found: &mut Vec<String>) {
    let deployments: BTreeSet<&str> = facts.deployments.iter().map(|deployment| deployment.name).collect();
    let mut lost: Vec<_> = facts.webhooks.iter().filter(|w| !deployments.contains(w.deployment)).collect();
    lost.sort_by_key(|webhook| (webhook.deployment, webhook.kind, webhook.name));
    for webhook in lost {
        found.push(format!(
            "webhook of type '{}' with name '{}' references non-existent deployment '{}'",
            webhook.kind, webhook.name, webhook.deployment
        ));
    }
    let names = || facts.webhooks.iter().map(|webhook| (webhook.kind, webhook.name));
    for (kind, name) in repeated(names()) {
        found.push(format!("duplicate webhook '{name}' of type '{kind}'"));
    }
    let mut all: Vec<_> = names().collect();
    all.sort_unstable();
    for (kind, name) in all {
        let faults = subdomain_faults(name);
        if !faults.is_empty() {
            found.push(format!("webhook of type '{kind}' has invalid name '{name}': {}", faults.join(", ")));
        }
    }
}

fn conversions(facts: &Facts<'_>, found: &mut Vec<String>) {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut foreign = Vec::new();
    for webhook in facts.webhooks.iter().filter(|webhook| webhook.kind == CONVERSION) {
        for crd in &webhook.crds {
            users.entry(crd).or_default().push(webhook.name);
            if !facts.owned.contains(crd) {
                foreign.push((webhook.name, *crd));
            }
        }
    }
    for (crd, mut names) in users {
        if names.len() > 1 {
            names.sort_unstable();
            found.push(format!(
                "conversion webhooks [{}] reference same custom resource definition '{crd}'",
                names.join(", ")
            ));
        }
    }
    foreign.sort_unstable();
    for (name, crd) in foreign {
        found.push(format!(
            "conversion webhook '{name}' references custom resource definition '{crd}' not owned by bundle"
        ));
    }
}

const ADMISSION: &str = "admissionregistration.k8s.io";

fn rules(facts: &Facts<'_>, found: &mut Vec<String>) {
    for webhook in facts.webhooks.iter().filter(|webhook| webhook.kind != CONVERSION) {
        for rule in &webhook.rules {
            for group in rule.groups.iter().filter(|group| ["*", "olm.operatorframework.io"].contains(group)) {
                found.push(format!("webhook '{}' contains forbidden rule: apiGroup '{group}'", webhook.name));
            }
            if !rule.groups.contains(&ADMISSION) {
                continue;
            }
            let forbidden = |resource: &&&str| {
                let lower = resource.to_ascii_lowercase();
                let singular = lower.strip_suffix('s').unwrap_or(&lower);
                lower == "*" || ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"].contains(&singular)
            };
            for resource in rule.resources.iter().filter(forbidden) {
                found.push(format!(
                    "webhook '{}' contains forbidden rule: resource '{resource}' of apiGroup '{ADMISSION}'",
                    webhook.name
                ));
            }
        }
    }
}
