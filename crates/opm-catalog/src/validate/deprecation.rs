//! Rules about deprecations.

use std::collections::{BTreeMap, BTreeSet};

use super::group::Group;
use super::report::{Findings, Rule};
use crate::blob::{DeprecationEntry, schema};

/// What is deprecated in a package, by name, and why.
#[derive(Default)]
pub(crate) struct Deprecated<'a> {
    pub(crate) package: Option<&'a str>,
    pub(crate) channels: BTreeMap<&'a str, &'a str>,
    pub(crate) bundles: BTreeMap<&'a str, &'a str>,
}

/// Reads the deprecations of a package and checks that they concern what is there.
pub(super) fn read<'a>(
    package: &str,
    group: &Group<'a>,
    has_channel: impl Fn(&str) -> bool,
    has_bundle: impl Fn(&str) -> bool,
    findings: &mut Findings<'_>,
) -> Deprecated<'a> {
    let mut deprecated = Deprecated::default();
    for second in group.deprecations.iter().skip(1) {
        let message = format!("expected a maximum of one deprecation per package: {package:?}");
        findings.add(Rule::Deprecation, &second.origin, message);
    }
    for blob in &group.deprecations {
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        for (index, entry) in blob.entries().iter().enumerate() {
            let DeprecationEntry { schema, name, message } = entry;
            let mut fault = |message| findings.add(Rule::Deprecation, &blob.origin, message);
            if schema.is_empty() {
                fault(format!("schema must be set for deprecation entry [{index}] for package {package:?}"));
                continue;
            }
            if !seen.insert((schema, name)) {
                fault(format!(
                    "duplicate deprecation entry of schema {schema:?} and name {name:?} for package {package:?}"
                ));
                continue;
            }
            match schema.as_str() {
                schema::BUNDLE if has_bundle(name) => drop(deprecated.bundles.insert(name, message)),
                schema::BUNDLE => {
                    fault(format!("cannot deprecate bundle {name:?} for package {package:?}: bundle not found"));
                }
                schema::CHANNEL if has_channel(name) => drop(deprecated.channels.insert(name, message)),
                schema::CHANNEL => {
                    fault(format!("cannot deprecate channel {name:?} for package {package:?}: channel not found"));
                }
                schema::PACKAGE if name.is_empty() => deprecated.package = Some(message),
                schema::PACKAGE => {
                    fault(format!(
                        "package name must be empty for deprecated package {package:?} (specified {name:?})"
                    ));
                }
                _ => fault(format!(
                    "cannot deprecate object of schema {schema:?} and name {name:?} referenced by entry {index} for \
                     package {package:?}: object schema unknown"
                )),
            }
        }
    }
    deprecated
}
