//! Rules about a package and what belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle::{self, Known};
use super::group::Group;
use super::report::{Findings, Rule};
use super::{Scope, channel, deprecation};
use crate::blob::Channel;

/// Checks a package that has at least one blob of its own.
pub(super) fn check(name: &str, group: &Group<'_>, scope: Scope, findings: &mut Findings<'_>) {
    let Some(package) = group.packages.first() else { return };
    let origin = &package.origin;
    for second in &group.packages[1..] {
        findings.add(Rule::DuplicatePackage, &second.origin, format!("duplicate package {name:?}"));
    }
    let faults = label_faults(name);
    if scope >= Scope::Model && !faults.is_empty() {
        let message = format!("invalid package name {name:?}: [{}]", faults.join(" "));
        findings.add(Rule::PackageName, origin, message);
    }
    let channels = distinct_channels(name, group, findings);
    let bundles = distinct_bundles(name, group, scope, findings);
    missing_bundles(name, &channels, &bundles, findings);
    let has_channel = |name: &str| channels.contains_key(name) || name == package.default_channel;
    let deprecated = deprecation::read(name, group, has_channel, |b| bundles.contains_key(b), findings);

    if package.default_channel.is_empty() {
        findings.add(Rule::DefaultChannel, origin, "default channel must be set".to_owned());
    } else if !channels.contains_key(package.default_channel.as_str()) {
        findings.in_channel(&package.default_channel, |findings| {
            let message =
                "channel must contain at least one bundle: it is the default channel, but is not in the catalog";
            findings.add(Rule::DefaultChannel, origin, message.to_owned());
        });
    }
    if channels.is_empty() && package.default_channel.is_empty() {
        findings.add(Rule::Empty, origin, "package must contain at least one channel".to_owned());
    }
    for (channel_name, channel) in &channels {
        findings.in_channel(channel_name, |findings| {
            if channel.entries().is_empty() {
                findings.add(Rule::Empty, &channel.origin, "channel must contain at least one bundle".to_owned());
            } else {
                channel::check(channel, findings);
            }
            for (bundle_name, entry) in channel::by_name(channel) {
                if let Some(known) = bundles.get(bundle_name) {
                    findings.in_bundle(bundle_name, |findings| {
                        bundle::check_in_channel(name, known, entry, &deprecated.bundles, findings);
                    });
                }
            }
            if deprecated.channels.get(channel_name).is_some_and(|message| message.is_empty()) {
                let message = "invalid deprecation: message must be set".to_owned();
                findings.add(Rule::Deprecation, &channel.origin, message);
            }
        });
    }
    duplicate_versions(&bundles, origin, findings);
    if deprecated.package.is_some_and(str::is_empty) {
        findings.add(Rule::Deprecation, origin, "invalid deprecation: message must be set".to_owned());
    }
}

/// The channels by name, and findings about names.
fn distinct_channels<'a>(
    package: &str,
    group: &Group<'a>,
    findings: &mut Findings<'_>,
) -> BTreeMap<&'a str, &'a Channel> {
    let mut channels: BTreeMap<&str, &Channel> = BTreeMap::new();
    for &channel in &group.channels {
        let name = channel.name.as_str();
        if name.is_empty() {
            let message = format!("package {package:?} contains channel with no name");
            findings.add(Rule::ChannelName, &channel.origin, message);
            continue;
        }
        if channels.contains_key(name) {
            let message = format!("package {package:?} has duplicate channel {name:?}");
            findings.in_channel(name, |f| f.add(Rule::DuplicateChannel, &channel.origin, message));
        }
        let mut seen = BTreeSet::new();
        let mut named = BTreeSet::new();
        for entry in channel.entries() {
            if !seen.insert(entry.name.as_str()) && named.insert(entry.name.as_str()) {
                let message =
                    format!("invalid package {package:?}, channel {name:?}: duplicate entry {:?}", entry.name);
                findings.in_channel(name, |f| f.add(Rule::DuplicateEntry, &channel.origin, message));
            }
        }
        channels.entry(name).or_insert(channel);
    }
    channels
}

/// The bundles by name, and findings about each of them.
fn distinct_bundles<'a>(
    package: &str,
    group: &Group<'a>,
    scope: Scope,
    findings: &mut Findings<'_>,
) -> BTreeMap<&'a str, Known<'a>> {
    let entries: BTreeSet<&str> =
        group.channels.iter().flat_map(|channel| channel.entries()).map(|entry| entry.name.as_str()).collect();
    let mut bundles: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for &blob in &group.bundles {
        let name = blob.name.as_str();
        findings.in_bundle(name, |findings| {
            if bundles.contains_key(name) {
                let message = format!("package {package:?} has duplicate bundle {name:?}");
                return findings.add(Rule::DuplicateBundle, &blob.origin, message);
            }
            let known = bundle::read(package, blob, scope, findings);
            if !entries.contains(name) {
                let message = format!("package {package:?}, bundle {name:?} not found in any channel entries");
                findings.add(Rule::StrayBundle, &blob.origin, message);
            }
            bundles.insert(name, known);
        });
    }
    bundles
}

fn missing_bundles(
    package: &str,
    channels: &BTreeMap<&str, &Channel>,
    bundles: &BTreeMap<&str, Known<'_>>,
    findings: &mut Findings<'_>,
) {
    for (name, channel) in channels {
        let entries = channel::by_name(channel);
        let missing: Vec<&str> = entries.keys().filter(|entry| !bundles.contains_key(*entry)).copied().collect();
        if !missing.is_empty() {
            let missing = missing.join(" ");
            let message =
                format!("no olm.bundle blobs found in package {package:?} for olm.channel entries [{missing}]");
            findings.in_channel(name, |f| f.add(Rule::MissingBundle, &channel.origin, message));
        }
    }
}

fn duplicate_versions(bundles: &BTreeMap<&str, Known<'_>>, origin: &crate::Origin, findings: &mut Findings<'_>) {
    let mut versions: BTreeMap<String, Vec<&Known<'_>>> = BTreeMap::new();
    for known in bundles.values() {
        if let Some(key) = known.version_key() {
            versions.entry(key).or_default().push(known);
        }
    }
    let mut duplicates: Vec<(String, Vec<&Known<'_>>)> =
        versions.into_iter().filter(|(_, all)| all.len() > 1).collect();
    if duplicates.is_empty() {
        return;
    }
    duplicates.sort_by(|(_, a), (_, b)| match (&a[0].version, &b[0].version) {
        (Some(a), Some(b)) => a.cmp_precedence(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    let names = |all: &[&Known<'_>]| all.iter().map(|k| k.blob.name.as_str()).collect::<Vec<_>>().join(", ");
    let list: Vec<String> =
        duplicates.iter().map(|(version, all)| format!("{{{version}: [{}]}}", names(all))).collect();
    let message = format!("duplicate versions found in bundles: [{}]", list.join(" "));
    findings.add(Rule::DuplicateVersion, origin, message);
}

/// What keeps a name from being a DNS label (RFC 1123), as Kubernetes says it.
fn label_faults(name: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if name.len() > 63 {
        faults.push("must be no more than 63 characters");
    }
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(name.starts_with(is_word) && name.ends_with(is_word) && name.chars().all(|c| is_word(c) || c == '-')) {
        faults.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        );
    }
    faults
}
