//! Databases to catalogs.

use std::path::Path;

use opm_catalog::{Index, Level, Listing};
use opm_model::{Cursor, Package, Query, Stop};
use opm_sqlite::{Content, SchemaUpgrade};

/// Adds the catalog in a database to `index`. The database is not written to: where its schema is old, a copy is upgraded and
/// read.
pub(super) fn read(path: &Path, level: Level, stop: &Stop, index: &mut Index) -> anyhow::Result<()> {
    let store = opm_sqlite::Catalog::open(path, Content::Once, SchemaUpgrade::Copy)?;
    let names = store.list_packages(stop)?;
    let packages: Vec<(Package, String)> =
        names.iter().map(|name| package(&store, name, stop)).collect::<anyhow::Result<_>>()?;
    let images = store.related_images(stop)?;
    let mut next = Some(Cursor::default());
    index.add_listing(Listing::new(packages, &images)?, level, || {
        let Some(from) = next.take() else { return Ok(Vec::new()) };
        let page = store.list_bundles(from, stop)?;
        next = page.next;
        anyhow::Ok(page.items)
    })
}

/// A package, and the CSV at the head of its default channel.
fn package(store: &opm_sqlite::Catalog, name: &str, stop: &Stop) -> anyhow::Result<(Package, String)> {
    let package = store.package(name, stop)?;
    let has_head =
        |channel: &opm_model::Channel| channel.name == package.default_channel && !channel.csv_name.is_empty();
    let csv = if package.channels.iter().any(has_head) {
        store.channel_head(name, &package.default_channel, stop)?.csv_json
    } else {
        String::new()
    };
    Ok((package, csv))
}
