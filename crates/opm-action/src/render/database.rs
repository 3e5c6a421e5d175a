//! Databases to catalogs.

use std::path::Path;
use std::vec;

use opm_catalog::Catalog;
use opm_model::{Bundle, Cursor, Query, QueryError, Stop};
use opm_sqlite::{Content, SchemaUpgrade};

/// Reads the catalog in a database. The database is not written to: where its schema is old, a copy is upgraded and read.
pub(super) fn read(path: &Path, stop: &Stop) -> anyhow::Result<Catalog> {
    let store = &opm_sqlite::Catalog::open(path, Content::Always, SchemaUpgrade::Copy)?;
    let names = store.list_packages(stop)?;
    let packages = names.iter().map(|name| store.package(name, stop)).collect::<Result<Vec<_>, _>>()?;
    let images = store.related_images(stop)?;
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
