//! The icon of a package, which is that of the CSV at the head of its default channel.

use super::AddedBundle;
use super::graph;
use crate::blob::{Bundle, Catalog, Icon};
use crate::csv::Csv;

/// What a CSV says of icons.
pub(super) struct Found {
    pub(super) icon: Option<Icon>,
}

/// The icon in the CSV of a bundle; `None` where the catalog does not hold its CSV.
pub(super) fn of(bundle: &Bundle) -> Option<Found> {
    let icon = Csv::parse(&bundle.csv_json()?).ok()?.icon(true);
    Some(Found { icon: icon.filter(|icon| icon.data.as_ref().is_some_and(|data| !data.is_empty())) })
}

/// The name of the bundle at the head of the default channel.
fn default_head(part: &Catalog) -> Option<&str> {
    let package = part.packages.first()?;
    let channel = part.channels.iter().find(|channel| channel.name == package.default_channel)?;
    if let [head] = graph::heads(channel.entries())[..] { Some(head) } else { None }
}

/// The icon in the CSV of a bundle of a package; `None` where the catalog does not hold its CSV.
fn named(part: &Catalog, bundle: &str) -> Option<Found> {
    of(part.bundles.iter().find(|found| found.name == bundle)?)
}

/// Gives a package the icon of its new head, one of the bundles that are added perhaps, unless its icon is one that somebody
/// chose: it is not that of its former head.
pub(super) fn follow(before: &Catalog, part: &mut Catalog, added: &[AddedBundle]) {
    if let Some(package) = before.packages.first()
        && default_head(before).and_then(|head| named(before, head)).is_none_or(|former| former.icon != package.icon)
    {
        return;
    }
    let Some(head) = default_head(part) else { return };
    let new = added.iter().find(|added| added.blob.name == head);
    let found = new.map_or_else(|| named(part, head), |new| Some(Found { icon: new.icon.clone() }));
    if let (Some(Found { icon }), Some(package)) = (found, part.packages.first_mut()) {
        package.icon = icon;
    }
}
