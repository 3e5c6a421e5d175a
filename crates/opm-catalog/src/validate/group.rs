//! The blobs of a package together.

use std::collections::BTreeMap;

use crate::blob::{Bundle, Catalog, Channel, Deprecation, Meta, Package};

/// The blobs of one package, by kind in the order in which they were read.
#[derive(Default)]
pub(crate) struct Group<'a> {
    pub(crate) packages: Vec<&'a Package>,
    pub(crate) channels: Vec<&'a Channel>,
    pub(crate) bundles: Vec<&'a Bundle>,
    pub(crate) others: Vec<&'a Meta>,
    pub(crate) deprecations: Vec<&'a Deprecation>,
}

/// The blobs of every package by its name, unsorted; those that name no package are under the empty name.
pub(crate) fn groups(catalog: &Catalog) -> BTreeMap<&str, Group<'_>> {
    let mut groups = BTreeMap::new();
    for package in &catalog.packages {
        group(&mut groups, &package.name).packages.push(package);
    }
    for channel in &catalog.channels {
        group(&mut groups, &channel.package).channels.push(channel);
    }
    for bundle in &catalog.bundles {
        group(&mut groups, &bundle.package).bundles.push(bundle);
    }
    for deprecation in &catalog.deprecations {
        group(&mut groups, &deprecation.package).deprecations.push(deprecation);
    }
    for other in &catalog.others {
        group(&mut groups, &other.package).others.push(other);
    }
    groups
}

fn group<'g, 'a>(groups: &'g mut BTreeMap<&'a str, Group<'a>>, package: &'a str) -> &'g mut Group<'a> {
    groups.entry(package).or_default()
}
