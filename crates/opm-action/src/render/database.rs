//! Databases to catalogs.

use std::collections::BTreeMap;
use std::path::Path;
use std::vec;

use anyhow::Context as _;
use opm_catalog::Catalog;
use opm_model::{Bundle, Cursor, Query, QueryError, Stop};
use opm_sqlite::{Content, SchemaUpgrade, StoreError};
use rusqlite::{Connection, OpenFlags};

use crate::bundles;

/// Reads the catalog in a database. The database is not written to: where its schema is old, a copy is upgraded and read.
pub(super) fn read(path: &Path, stop: &Stop) -> anyhow::Result<Catalog> {
    let opened = opm_sqlite::Catalog::open(path, Content::Always, SchemaUpgrade::Refuse);
    let Err(StoreError::Older { .. }) = &opened else { return list(path, &opened?, stop) };
    let dir = bundles::private_dir()?;
    let copy = dir.path().join("upgraded.db");
    opm_sqlite::create(&copy, Some(path), stop, |_| Ok(()))?;
    list(&copy, &opm_sqlite::Catalog::open(&copy, Content::Always, SchemaUpgrade::Refuse)?, stop)
}

fn list(path: &Path, store: &opm_sqlite::Catalog, stop: &Stop) -> anyhow::Result<Catalog> {
    let names = store.list_packages(stop)?;
    let packages = names.iter().map(|name| store.package(name, stop)).collect::<Result<Vec<_>, _>>()?;
    let images = related_images(path).with_context(|| format!("related images in {}", path.display()))?;
    let mut failure = None;
    let bundles =
        Bundles { store, stop, page: Vec::new().into_iter(), next: Some(Cursor::default()), failure: &mut failure };
    let catalog = opm_catalog::from_listing(packages, bundles, &images);
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(catalog?),
    }
}

/// All bundles of a database at all their places, a page at a time; ends early when one cannot be had.
struct Bundles<'a> {
    store: &'a opm_sqlite::Catalog,
    stop: &'a Stop,
    page: vec::IntoIter<Bundle>,
    next: Option<Cursor>,
    failure: &'a mut Option<QueryError>,
}

impl Iterator for Bundles<'_> {
    type Item = Bundle;

    fn next(&mut self) -> Option<Bundle> {
        loop {
            if let Some(bundle) = self.page.next() {
                return Some(bundle);
            }
            match self.store.list_bundles(self.next.take()?, self.stop) {
                Ok(page) => {
                    self.page = page.items.into_iter();
                    self.next = page.next;
                }
                Err(error) => *self.failure = Some(error),
            }
        }
    }
}

/// The images that a database lists as related to its bundles, by bundle. They outlive the content of bundles, which edits
/// may drop.
fn related_images(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    // As an absolute path, whose beginning has no meaning of its own.
    let path = path.canonicalize()?;
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mut query = conn.prepare(
        "SELECT operatorbundle_name, image FROM related_image
        WHERE operatorbundle_name IS NOT NULL AND image IS NOT NULL ORDER BY rowid",
    )?;
    let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        images.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(images)
}
