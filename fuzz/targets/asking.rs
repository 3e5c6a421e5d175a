//! Every question that a catalog answers, put to one that may be damaged: listings come to an end, and nothing panics.

use opm_model::{BundleKey, Cursor, Gvk, Query, Stop};

/// How many pages are read. Small catalogs have few, but damaged ones may claim any number.
const PAGES: usize = 50;

pub fn ask(catalog: &dyn Query) {
    let stop = Stop::new();
    let names = catalog.list_packages(&stop).unwrap_or_default();
    for name in names.iter().take(20) {
        let Ok(package) = catalog.package(name, &stop) else { continue };
        for channel in package.channels.iter().take(20) {
            let key = BundleKey { package: name, channel: &channel.name, csv_name: &channel.csv_name };
            let _answers = (
                catalog.bundle(&key, &stop).is_ok(),
                catalog.channel_head(name, &channel.name, &stop).is_ok(),
                catalog.bundle_that_replaces(&key, &stop).is_ok(),
                catalog.entries_that_replace(&channel.csv_name, &stop).is_ok(),
            );
        }
        for schema in ["custom", "s"] {
            pages(|from| catalog.list_blobs(schema, name, from, &stop).ok()?.next);
        }
    }
    for api in [Gvk::new("g", "v1", "K"), Gvk::new("", "", "")] {
        let _answers = (
            catalog.entries_that_provide(&api, &stop).is_ok(),
            catalog.latest_entries_that_provide(&api, &stop).is_ok(),
            catalog.default_bundle_that_provides(&api, &stop).is_ok(),
        );
    }
    pages(|from| catalog.list_bundles(from, &stop).ok()?.next);
}

fn pages(mut next: impl FnMut(Cursor) -> Option<Cursor>) {
    let mut from = Cursor::default();
    for _ in 0..PAGES {
        let Some(then) = next(from) else { return };
        assert!(then > from, "the page at {from:?} leads back to {then:?}");
        from = then;
    }
}
