//! The rules that a catalog must keep.

mod bundle;
mod channel;
mod deprecation;
mod group;
mod package;
mod report;
mod tree;

use rayon::prelude::*;

use crate::blob::Catalog;
use crate::{Error, Index};

pub(crate) use bundle::{check_release, without_content};
pub(crate) use channel::{by_name, head};
use group::{Group, groups};
use report::Findings;
pub use report::{Finding, Report, Rule};

/// Checks a catalog by all rules: those that every conversion needs ([`check_model`]), and those that serving it needs too.
pub fn validate(catalog: &Catalog) -> Report {
    check(catalog, Scope::Serving)
}

/// Checks whether a catalog can be taken for packages with upgrade graphs.
pub fn check_model(catalog: &Catalog) -> Report {
    check(catalog, Scope::Model)
}

/// How much must be right; each includes those before it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Scope {
    Listing,
    Model,
    Serving,
}

fn check(catalog: &Catalog, scope: Scope) -> Report {
    let groups: Vec<(&str, Group<'_>)> = groups(catalog).into_iter().collect();
    let of_packages: Vec<Vec<Finding>> =
        groups.par_iter().map(|(name, group)| check_group(name, group, scope)).collect();
    Report { findings: of_packages.into_iter().flatten().collect() }
}

impl Index {
    /// Checks the catalog as [`validate`] does, a package at a time.
    pub fn validate(&self) -> Result<Report, Error> {
        self.check(Scope::Serving)
    }

    /// Checks what was made of the listing of another catalog, whose names and references of images it answers for.
    pub(crate) fn check_listing(&self) -> Result<Report, Error> {
        self.check(Scope::Listing)
    }

    fn check(&self, scope: Scope) -> Result<Report, Error> {
        let packages: Vec<&str> = self.owners().collect();
        let reports: Vec<Result<Report, Error>> =
            packages.par_iter().map(|package| Ok(check(&self.load(package)?, scope))).collect();
        let mut findings = Vec::new();
        for report in reports {
            findings.extend(report?.findings);
        }
        Ok(Report { findings })
    }
}

fn check_group(name: &str, group: &Group<'_>, scope: Scope) -> Vec<Finding> {
    let mut findings = Findings::new(name);
    if name.is_empty() {
        unnamed(group, &mut findings);
    } else if group.packages.is_empty() {
        unknown(name, group, &mut findings);
    } else {
        package::check(name, group, scope, &mut findings);
    }
    if scope == Scope::Serving {
        custom_schemas(group, &mut findings);
    }
    findings.into_vec()
}

/// Blobs that should name a package, but do not.
fn unnamed(group: &Group<'_>, findings: &mut Findings<'_>) {
    for package in &group.packages {
        findings.add(Rule::PackageName, &package.origin, "config contains package with no name".to_owned());
    }
    for channel in &group.channels {
        let message = format!("unknown package \"\" for channel {:?}", channel.name);
        findings.in_channel(&channel.name, |f| f.add(Rule::UnknownPackage, &channel.origin, message));
    }
    for bundle in &group.bundles {
        let message = format!("package name must be set for bundle {:?}", bundle.name);
        findings.in_bundle(&bundle.name, |f| f.add(Rule::UnknownPackage, &bundle.origin, message));
    }
    for (index, deprecation) in group.deprecations.iter().enumerate() {
        let message = format!("package name must be set for deprecation item {index}");
        findings.add(Rule::UnknownPackage, &deprecation.origin, message);
    }
}

/// Blobs that name a package which is not there.
fn unknown(name: &str, group: &Group<'_>, findings: &mut Findings<'_>) {
    for channel in &group.channels {
        let message = format!("unknown package {name:?} for channel {:?}", channel.name);
        findings.in_channel(&channel.name, |f| f.add(Rule::UnknownPackage, &channel.origin, message));
    }
    for bundle in &group.bundles {
        let message = format!("unknown package {name:?} for bundle {:?}", bundle.name);
        findings.in_bundle(&bundle.name, |f| f.add(Rule::UnknownPackage, &bundle.origin, message));
    }
    for deprecation in &group.deprecations {
        let message = format!("cannot apply deprecations to an unknown package {name:?}");
        findings.add(Rule::UnknownPackage, &deprecation.origin, message);
    }
}

/// Blobs of other schemas are served by schema and package, whose names must therefore be plain.
fn custom_schemas(group: &Group<'_>, findings: &mut Findings<'_>) {
    let is_plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
    };
    for meta in &group.others {
        let bad = [("schema", meta.schema.as_str(), false), ("packageName", &meta.package, true)]
            .into_iter()
            .find(|(_, name, may_be_empty)| !(is_plain(name) || *may_be_empty && name.is_empty()));
        if let Some((what, name, _)) = bad {
            let message =
                format!("invalid custom schema meta: invalid {what} {name:?}: must match ^[a-zA-Z0-9][a-zA-Z0-9._-]*$");
            findings.add(Rule::CustomSchema, &meta.origin, message);
        }
    }
}
