//! The manifests, one by one and together.

use std::collections::BTreeSet;

use opm_document::{Documents, Value};

use super::source::Source;
use super::{Report, Severity, Stage, Validators, crd, csv, hub, object, rbac};
use crate::{CSV_KIND, File};

const CRD_KIND: &str = "CustomResourceDefinition";

pub(super) fn check(files: &[File], is_registry: bool, validators: &Validators, report: &mut Report) {
    let sources = read(files, report);
    let mut csvs = sources.iter().filter(|source| source.text("/kind") == CSV_KIND);
    let first = csvs.next();
    for other in csvs {
        let used = first.map_or("", |source| &source.file);
        report.error(other, "/kind", format!("a bundle has one ClusterServiceVersion, and {used} has it already"));
    }
    for source in &sources {
        let kind = source.text("/kind");
        if kind.is_empty() {
            report.error(source, "", "it holds no Kubernetes object with a kind");
            continue;
        }
        if is_registry && !object::is_supported(kind) {
            let message = format!("{kind} is not supported type for registryV1 bundle: {}", source.file);
            report.error(source, "/kind", message);
        }
        match kind {
            CSV_KIND => csv::check(source, report),
            CRD_KIND => crd::check(source, report),
            _ => object::check_meta(source, report),
        }
        if validators.bundle_objects {
            rbac::check(source, report);
        }
    }
    if let Some(csv) = first {
        check_crds(csv, &sources, report);
        if let Some(categories) = &validators.operatorhub {
            hub::check(csv, categories, report);
        }
    }
}

/// The first document of each file; what else there is, is a finding.
fn read(files: &[File], report: &mut Report) -> Vec<Source> {
    let mut sources = Vec::new();
    for file in files {
        let name = format!("manifests/{}", file.name);
        let mut add = |severity, line, message| report.add(severity, Stage::Content, Some((&name, line)), message);
        if file.name.starts_with('.') {
            add(Severity::Warning, None, "is passed over: its name begins with a dot".to_owned());
            continue;
        }
        let content = match &file.content {
            Ok(content) => content,
            Err(why) => {
                add(Severity::Error, None, format!("Unable to read file {} in supported types: {why}", file.name));
                continue;
            }
        };
        let mut documents = Documents::new(content);
        match documents.next() {
            None => {
                add(
                    Severity::Error,
                    None,
                    format!("Unable to read file {} in supported types: it is empty", file.name),
                );
            }
            Some(Err(why)) => {
                add(
                    Severity::Error,
                    why.line,
                    format!("Unable to read file {} in supported types: {}", file.name, why.message),
                );
            }
            Some(Ok(document)) => sources.push(Source::new(name.clone(), Stage::Content, document)),
        }
        for more in documents.map_while(Result::ok) {
            let kind = more.value.get("kind").and_then(Value::as_str).unwrap_or_default();
            let why = "only the first document of a file counts: give it a file of its own";
            match kind {
                "" if more.value.is_null() => {}
                CSV_KIND => add(Severity::Error, Some(more.line), format!("this {kind} is not used: {why}")),
                kind => add(Severity::Warning, Some(more.line), format!("this {kind} is not used: {why}")),
            }
        }
    }
    sources
}

/// That every CRD which the CSV owns is there, and the other way round.
fn check_crds(csv: &Source, sources: &[Source], report: &mut Report) {
    let mut provided = BTreeSet::new();
    for source in sources.iter().filter(|source| source.text("/kind") == CRD_KIND) {
        let mut versions: Vec<&str> = source
            .items("/spec/versions")
            .filter_map(|(_, version)| version.get("name").and_then(Value::as_str))
            .collect();
        if versions.is_empty() {
            versions.push(source.text("/spec/version"));
        }
        versions.sort_unstable();
        versions.dedup();
        for version in versions {
            let key = (source.text("/metadata/name"), version, source.text("/spec/names/kind"));
            if !provided.insert(key) {
                report.error(source, "/metadata/name", format!("duplicate CRD {}", show(key)));
            }
        }
    }
    let mut owned = BTreeSet::new();
    for (at, entry) in csv.items("/spec/customresourcedefinitions/owned") {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let key = (text("name"), text("version"), text("kind"));
        owned.insert(key);
        if !provided.contains(&key) {
            report.error(
                csv,
                &at,
                format!(
                    "the CSV owns CRD {}, which is not among the manifests of {:?}",
                    show(key),
                    csv.text("/metadata/name")
                ),
            );
        }
    }
    for source in sources.iter().filter(|source| source.text("/kind") == CRD_KIND) {
        let name = source.text("/metadata/name");
        if !owned.iter().any(|(known, _, _)| *known == name) {
            report.warning(source, "/metadata/name", format!("the CSV does not own CRD {name:?}"));
        }
    }
}

fn show((name, version, kind): (&str, &str, &str)) -> String {
    format!("{kind:?} ({name}, {version})")
}
