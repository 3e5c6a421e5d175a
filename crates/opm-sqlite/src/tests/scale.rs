//! Large catalogs.

use std::time::{Duration, Instant};

use opm_model::Stop;

use crate::testing::{Db, REPLACES, SEMVER, bundle};
use crate::{Afterwards, Edit, StoreError, edit};

/// A catalog of many packages of 30 bundles each, and one large package.
fn large(packages: usize, in_one: usize) -> Db {
    let db = Db::new();
    let mut bundles = Vec::new();
    let mut chain = |package: String, length: usize| {
        for i in 0..length {
            let replaces = if i > 0 { format!(" replaces=1.{}.0", i - 1) } else { String::new() };
            bundles.push(bundle(&format!("1.{i}.0 pkg={package} provides=A{},B,C requires=D{replaces}", i % 7)));
        }
    };
    for p in 0..packages {
        chain(format!("p{p}"), 30);
    }
    chain("demo".to_owned(), in_one);
    db.edit(|edit| edit.add(&bundles, REPLACES)).unwrap();
    db
}

fn timed(what: &str, db: &Db, work: impl FnOnce(&Edit<'_>) -> Result<(), StoreError>) {
    let start = Instant::now();
    edit(&db.path(), Afterwards::Vacuum, &Stop::new(), work).unwrap();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{what} took {took:?}");
}

#[test]
fn edits_of_a_large_catalog_take_seconds_at_most() {
    let n = 500;
    let db = large(n / 60, n / 2);
    let schema = "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2";
    let before = db.rows(schema);
    let top = n / 2 - 1;
    let more: Vec<_> =
        (1..=14).map(|i| bundle(&format!("1.{}.0 replaces=1.{}.0 provides=A", top + i, top + i - 1))).collect();
    timed("add 14 by replaces", &db, |edit| edit.add(&more, REPLACES).map(drop));
    let more: Vec<_> = (15..29).map(|i| bundle(&format!("1.{}.0 provides=A", top + i))).collect();
    timed("add 14 by version", &db, |edit| edit.add(&more, SEMVER).map(drop));
    timed("deprecate", &db, |edit| {
        edit.deprecate_truncate(&[format!("reg.test/demo.v1.{}.0", n / 4)], crate::DeprecateOptions::default())
            .map(drop)
    });
    timed("remove one", &db, |edit| edit.remove_packages(&["p0"]));
    timed("remove all", &db, |edit| {
        let all = edit.packages()?;
        edit.remove_packages(&all)
    });
    assert_eq!(db.rows(schema), before);
    assert_eq!(db.rows("SELECT count(*) FROM properties"), ["0"]);
}
