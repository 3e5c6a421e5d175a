//! Everything that can be found wrong with a bundle by looking at its files.
//!
//! The rules are those of the reference's `opm alpha bundle validate`, plus those that it announces and skips. Depth: fields
//! are checked, schemas are not; the rules of constraints are parsed, but their types are not checked; what only a cluster
//! knows is not asked.

mod bundle;
mod cel;
mod crd;
mod csv;
mod dependency;
mod hub;
mod metadata;
mod names;
mod object;
mod range;
mod rbac;
mod source;

use serde::Serialize;

use crate::{Files, MediaType};
use source::Source;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The bundle cannot be used as it is.
    Error,
    /// The bundle can be used, but is probably not what was meant.
    Warning,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The layout and the metadata.
    Format,
    /// The manifests.
    Content,
}

/// One thing that is wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub stage: Stage,
    /// The file, from the bundle's root; `None` where it is about the bundle as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the file, from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong, in one line.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.severity == Severity::Error { "error: " } else { "warning: " })?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}

/// All findings about a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By stage, file and line, each once.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Whether there are no errors.
    pub fn is_valid(&self) -> bool {
        self.errors().next().is_none()
    }

    /// The findings in the order of the bundle, each once.
    fn finish(mut self) -> Self {
        self.findings.sort_by(|a, b| {
            let place = |f: &Finding| (f.line, f.severity);
            let file = a.stage.cmp(&b.stage).then_with(|| a.file.cmp(&b.file));
            file.then_with(|| place(a).cmp(&place(b))).then_with(|| a.message.cmp(&b.message))
        });
        self.findings.dedup();
        self
    }

    fn add(&mut self, severity: Severity, stage: Stage, place: Option<(&str, Option<u64>)>, message: String) {
        let message = if message.contains('\n') { message.replace('\n', " ") } else { message };
        let file = place.map(|(file, _)| file.to_owned());
        let finding = Finding { severity, stage, file, line: place.and_then(|(_, line)| line), message };
        self.findings.push(finding);
    }

    /// A finding about a place in a manifest, given as a JSON pointer.
    fn at(&mut self, severity: Severity, source: &Source, pointer: &str, message: impl Into<String>) {
        let line = source.line(pointer);
        self.add(severity, source.stage, Some((&source.file, line)), message.into());
    }

    fn error(&mut self, source: &Source, pointer: &str, message: impl Into<String>) {
        self.at(Severity::Error, source, pointer, message);
    }

    fn warning(&mut self, source: &Source, pointer: &str, message: impl Into<String>) {
        self.at(Severity::Warning, source, pointer, message);
    }

    /// The findings about values that break a rule, in the words `FIELD: Invalid value: …`.
    fn invalid(&mut self, source: &Source, pointer: &str, value: &str, broken: Vec<String>) {
        for why in broken {
            self.error(source, pointer, format!("{}: Invalid value: {value:?}: {why}", source::field(pointer)));
        }
    }

    /// The finding that something must be there which is not.
    fn required(&mut self, source: &Source, pointer: &str, why: &str) {
        self.error(source, pointer, format!("{}: Required value: {why}", source::field(pointer)));
    }
}

/// Which categories a ClusterServiceVersion may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Categories {
    /// Those of operatorhub.io.
    #[default]
    Standard,
    /// These.
    Custom(Vec<String>),
}

/// Which checks to make besides those that are always made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The rules of operatorhub.io, with the categories that it may name.
    pub operatorhub: Option<Categories>,
    /// The rules for disruption budgets, priority classes and roles.
    pub bundle_objects: bool,
}

/// Checks a bundle, and returns everything that is found.
pub fn check(files: &Files, validators: &Validators) -> Report {
    let mut report = Report::default();
    let format = |report: &mut Report, severity, message: &str| {
        report.add(severity, Stage::Format, None, message.to_owned());
    };
    let (Some(manifests), Some(about)) = (&files.manifests, &files.metadata) else {
        for (part, name) in [(&files.manifests, "manifests"), (&files.metadata, "metadata")] {
            if part.is_none() {
                format(&mut report, Severity::Error, &format!("Unable to locate {name} directory"));
            }
        }
        return report;
    };
    let media_type = MediaType::detect(manifests);
    if media_type.is_none() {
        format(&mut report, Severity::Error, "The directory manifests contains no yaml files");
    }
    metadata::check(about, media_type, &mut report);
    if media_type != Some(MediaType::Helm) {
        bundle::check(manifests, media_type == Some(MediaType::RegistryV1), validators, &mut report);
    }
    report.finish()
}

#[cfg(test)]
mod tests;
