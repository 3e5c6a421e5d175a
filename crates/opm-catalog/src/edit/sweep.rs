//! What goes with what an edit took away.

use std::collections::BTreeSet;

use crate::blob::{Catalog, Channel, schema};

/// The names in the channels of a package.
fn listed(part: &Catalog) -> BTreeSet<&str> {
    part.channels.iter().flat_map(Channel::entries).map(|entry| entry.name.as_str()).collect()
}

/// Takes out of a package the bundles that lost their last entry, and the deprecations of channels and bundles that it had
/// before and has no longer.
pub(super) fn sweep(before: &Catalog, after: &mut Catalog) {
    let (had, has) = (listed(before), listed(after).into_iter().map(str::to_owned).collect::<BTreeSet<_>>());
    after.bundles.retain(|bundle| has.contains(&bundle.name) || !had.contains(bundle.name.as_str()));

    let channels: BTreeSet<&str> = after.channels.iter().map(|channel| channel.name.as_str()).collect();
    let bundles: BTreeSet<&str> = after.bundles.iter().map(|bundle| bundle.name.as_str()).collect();
    let is_gone = |schema: &str, name: &str| match schema {
        schema::CHANNEL => !channels.contains(name) && before.channels.iter().any(|channel| channel.name == name),
        schema::BUNDLE => !bundles.contains(name) && before.bundles.iter().any(|bundle| bundle.name == name),
        _ => false,
    };
    after.deprecations.retain_mut(|deprecation| {
        let Some(entries) = &mut deprecation.entries else { return true };
        let former = entries.len();
        entries.retain(|entry| !is_gone(&entry.schema, &entry.name));
        former == entries.len() || !entries.is_empty()
    });
}
