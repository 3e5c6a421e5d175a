//! Answers.

use std::path::Path;

use opm_model::{Bundle, BundleKey, Cursor, Gvk, Query, QueryError, Stop};

use crate::testing::{Db, REPLACES, SEMVER};
use crate::{Catalog, Content, SchemaUpgrade, StoreError};

fn open(path: &Path) -> Result<Catalog, StoreError> {
    Catalog::open(path, Content::UnlessImage, SchemaUpgrade::Copy)
}

/// All bundles of a listing, in as many pages as it takes, and the sizes of these.
fn pages(catalog: &Catalog) -> Result<(Vec<Bundle>, Vec<usize>), QueryError> {
    let (mut bundles, mut sizes) = (Vec::new(), Vec::new());
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let page = catalog.list_bundles(cursor, &Stop::new())?;
        sizes.push(page.items.len());
        bundles.extend(page.items);
        from = page.next;
    }
    Ok((bundles, sizes))
}

/// All bundles of the catalog in a file.
pub(super) fn list_all(path: &Path) -> Result<Vec<Bundle>, String> {
    let catalog = open(path).map_err(|e| e.to_string())?;
    pages(&catalog).map(|(bundles, _)| bundles).map_err(|e| e.to_string())
}

fn named(catalog: &Catalog) -> Vec<String> {
    pages(catalog).unwrap().0.into_iter().map(|b| format!("{}/{}", b.csv_name, b.channel)).collect()
}

fn gvk(kind: &str) -> Gvk {
    Gvk { group: "g.test".to_owned(), version: "v1".to_owned(), kind: kind.to_owned(), plural: String::new() }
}

#[test]
fn answers_and_their_order() {
    let db = Db::of(&[
        "1.0.0 in=b,a default=b provides=A",
        "1.1.0 in=b,a default=b replaces=1.0.0 skips=1.0.5 provides=A requires=B",
        "1.0.0 pkg=zoo provides=B",
        "1.0.0 pkg=ape image= provides=A",
    ]);
    let catalog = open(&db.path()).unwrap();
    let stop = Stop::new();
    assert_eq!(catalog.list_packages(&stop).unwrap(), ["ape", "demo", "zoo"]);
    for _ in 0..2 {
        let package = catalog.package("demo", &stop).unwrap();
        let channels: Vec<_> = package.channels.iter().map(|c| format!("{}={}", c.name, c.csv_name)).collect();
        assert_eq!(
            (package.default_channel.as_str(), channels),
            ("b", vec!["a=demo.v1.1.0".to_owned(), "b=demo.v1.1.0".to_owned()])
        );
    }
    assert_eq!(
        named(&catalog),
        ["ape.v1.0.0/alpha", "demo.v1.0.0/a", "demo.v1.0.0/b", "demo.v1.1.0/a", "demo.v1.1.0/b", "zoo.v1.0.0/alpha"]
    );
    let (all, _) = pages(&catalog).unwrap();
    assert_eq!((all[3].replaces.as_str(), &all[3].skips[..]), ("demo.v1.0.0", &["demo.v1.0.5".to_owned()][..]));
    assert_eq!((all[0].objects.len(), all[3].objects.len()), (2, 0), "content only of those without an image");
    assert_eq!(all[3].required_apis, [gvk("B")]);

    let key = BundleKey { package: "demo", channel: "a", csv_name: "demo.v1.1.0" };
    let full = catalog.bundle(&key, &stop).unwrap();
    assert_eq!((full.objects.len(), full.replaces.as_str(), full.skips.len()), (2, "", 0));
    assert_eq!((full.provided_apis[0].plural.as_str(), full.required_apis[0].plural.as_str()), ("as", "bs"));
    assert!(!full.csv_json.ends_with('\n'));
    let head = catalog.channel_head("demo", "b", &stop).unwrap();
    assert!(head.csv_name == "demo.v1.1.0" && head.csv_json.ends_with('\n'));
    let below = BundleKey { csv_name: "demo.v1.0.0", ..key };
    assert_eq!(catalog.bundle_that_replaces(&below, &stop).unwrap().csv_name, "demo.v1.1.0");

    let texts = |entries: Vec<opm_model::ChannelEntry>| -> Vec<String> {
        entries.into_iter().map(|e| format!("{} {} {} {}", e.package, e.channel, e.bundle, e.replaces)).collect()
    };
    assert_eq!(
        texts(catalog.entries_that_replace("demo.v1.0.5", &stop).unwrap()),
        ["demo b demo.v1.1.0 demo.v1.0.5", "demo a demo.v1.1.0 demo.v1.0.5"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
    assert_eq!(
        texts(catalog.latest_entries_that_provide(&gvk("A"), &stop).unwrap()),
        ["ape alpha ape.v1.0.0 ", "demo a demo.v1.1.0 demo.v1.0.0", "demo b demo.v1.1.0 demo.v1.0.0"]
    );
    assert_eq!(catalog.entries_that_provide(&gvk("A"), &stop).unwrap().len(), 7);
    assert_eq!(catalog.default_bundle_that_provides(&gvk("A"), &stop).unwrap().csv_name, "ape.v1.0.0");

    let nowhere = BundleKey { package: "p", channel: "c", csv_name: "n" };
    for (error, expected) in [
        (catalog.package("x", &stop).err(), "package x not found"),
        (catalog.bundle(&nowhere, &stop).err(), "no entry found for p c n"),
        (catalog.channel_head("p", "c", &stop).err(), "no entry found for p c"),
        (catalog.entries_that_replace("n", &stop).err(), "no channel entries found that replace n"),
        (catalog.bundle_that_replaces(&nowhere, &stop).err(), "no entry found for p c"),
        (catalog.entries_that_provide(&gvk("X"), &stop).err(), "no channel entries found that provide g.test v1 X"),
        (
            catalog.latest_entries_that_provide(&gvk("X"), &stop).err(),
            "no channel entries found that provide g.test v1 X",
        ),
        (catalog.default_bundle_that_provides(&gvk("X"), &stop).err(), "no entry found that provides g.test v1 X"),
    ] {
        assert_eq!(error.unwrap().to_string(), expected);
    }
}

#[test]
fn files_that_are_no_catalogs() {
    let db = Db::new();
    assert!(matches!(open(&db.path()), Err(StoreError::Missing(_))));
    assert!(matches!(open(db.dir()), Err(StoreError::NotAFile(_))));
    std::fs::write(db.path(), b"").unwrap();
    assert!(matches!(open(&db.path()), Err(StoreError::NotACatalog(_))));
    db.raw().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(open(&db.path()), Err(StoreError::NotACatalog(_))));
    std::fs::write(db.path(), b"garbage").unwrap();
    assert!(matches!(open(&db.path()), Err(StoreError::NotADatabase(_))));
    let db = Db::of(&["1.0.0"]);
    db.raw().execute_batch("UPDATE schema_migrations SET version = 12").unwrap();
    let refused = Catalog::open(&db.path(), Content::Always, SchemaUpgrade::Refuse);
    assert!(matches!(refused, Err(StoreError::Older { found: 12, .. })));
    let before = db.state();
    assert_eq!(named(&open(&db.path()).unwrap()), ["demo.v1.0.0/alpha"]);
    assert_eq!(db.state(), before, "a copy is upgraded");
    db.raw().execute_batch("UPDATE schema_migrations SET version = 14").unwrap();
    assert!(matches!(open(&db.path()), Err(StoreError::Newer { found: 14, .. })));
}

#[test]
fn null_and_empty_mean_the_same() {
    let db = Db::of(&["1.0.0 image= provides=A", "1.0.0 pkg=other provides=B"]);
    let all = list_all(&db.path()).unwrap();
    for statement in [
        "UPDATE operatorbundle SET bundlepath = nullif(bundlepath, ''), skips = NULL, replaces = NULL, skiprange = NULL",
        "UPDATE properties SET operatorbundle_version = ifnull(operatorbundle_version, ''), operatorbundle_path = NULL",
        "UPDATE properties SET value = CAST(value AS BLOB)",
        "INSERT INTO properties VALUES (NULL, NULL, 'no such bundle', NULL, NULL)",
        "INSERT INTO channel_entry (depth) VALUES (0)",
        "INSERT INTO operatorbundle (version) VALUES ('1.2.3')",
    ] {
        db.raw().execute_batch(statement).unwrap();
        assert_eq!(list_all(&db.path()).unwrap(), all, "{statement}");
    }
    let catalog = open(&db.path()).unwrap();
    let key = BundleKey { package: "demo", channel: "alpha", csv_name: "demo.v1.0.0" };
    assert_eq!(catalog.bundle(&key, &Stop::new()).unwrap().properties.len(), 2);
    assert_eq!(catalog.entries_that_provide(&gvk("A"), &Stop::new()).unwrap().len(), 1);
}

#[test]
fn listings_come_in_pages_that_lose_and_repeat_nothing() {
    for (count, pad) in [(1, 0), (254, 0), (255, 0), (256, 0), (257, 0), (510, 0), (511, 0), (9, 40_000), (5, 140_000)]
    {
        let db = Db::new();
        let pad = "x".repeat(pad);
        let texts: Vec<String> = (0..count).map(|i| format!("1.0.0 pkg=p{i:04} image= pad={pad}")).collect();
        db.add(REPLACES, &texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let (bundles, sizes) = pages(&open(&db.path()).unwrap()).unwrap();
        let expected: Vec<String> = (0..count).map(|i| format!("p{i:04}.v1.0.0")).collect();
        assert_eq!(bundles.into_iter().map(|b| b.csv_name).collect::<Vec<_>>(), expected, "{count}");
        assert!(sizes.iter().all(|size| *size > 0), "{count}: {sizes:?}");
        assert_eq!(sizes.len() > 1, count > 255 || pad.len() > 1, "{count}: {sizes:?}");
    }
}

#[test]
fn edits_show_in_the_next_answer_and_end_listings() {
    let texts: Vec<String> = (0..300).map(|i| format!("1.0.0 pkg=p{i}")).collect();
    let db = Db::of(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let catalog = open(&db.path()).unwrap();
    let first = catalog.list_bundles(Cursor::default(), &Stop::new()).unwrap();
    assert_eq!(catalog.package("p1", &Stop::new()).unwrap().channels.len(), 1);
    db.add(SEMVER, &["2.0.0 pkg=p1 in=new"]).unwrap();
    assert_eq!(catalog.package("p1", &Stop::new()).unwrap().channels.len(), 2);
    let error = catalog.list_bundles(first.next.unwrap(), &Stop::new()).unwrap_err();
    assert!(error.to_string().contains("the catalog was edited while it was being listed"), "{error}");
    assert_eq!(pages(&catalog).unwrap().0.len(), 301);
}

#[test]
fn another_file_in_its_place_is_seen() {
    let db = Db::of(&["1.0.0"]);
    let catalog = open(&db.path()).unwrap();
    assert_eq!(named(&catalog), ["demo.v1.0.0/alpha"]);
    let other = Db::of(&["3.0.0"]);
    std::fs::rename(other.path(), db.path()).unwrap();
    assert_eq!(named(&catalog), ["demo.v3.0.0/alpha"], "renamed");
    let key = BundleKey { package: "demo", channel: "alpha", csv_name: "demo.v3.0.0" };
    assert_eq!(catalog.bundle(&key, &Stop::new()).unwrap().version, "3.0.0");
    crate::create(&db.path(), None, &Stop::new(), |e| e.add(&[crate::testing::bundle("4.0.0")], REPLACES)).unwrap();
    assert_eq!(named(&catalog), ["demo.v4.0.0/alpha"], "made anew");
    // With the same change counter, and written over it.
    std::fs::copy(Db::of(&["5.0.0 in=alpha,beta default=beta"]).path(), db.path()).unwrap();
    assert_eq!(named(&catalog), ["demo.v5.0.0/alpha", "demo.v5.0.0/beta"], "overwritten");
    std::fs::remove_file(db.path()).unwrap();
    let error = catalog.list_packages(&Stop::new()).unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[test]
fn many_readers_and_a_writer_agree() {
    let db = Db::of(&["1.0.0"]);
    let catalog = open(&db.path()).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    // Version n is in the catalog with all versions before it, or not at all.
                    let found = catalog.list_bundles(Cursor::default(), &Stop::new()).unwrap().items.len();
                    assert!(found >= last, "{found} after {last}");
                    last = found;
                    let head = catalog.package("demo", &Stop::new()).unwrap().channels.remove(0).csv_name;
                    let key = BundleKey { package: "demo", channel: "alpha", csv_name: &head };
                    assert_eq!(catalog.bundle(&key, &Stop::new()).unwrap().csv_name, head);
                }
            });
        }
        for i in 1..12 {
            db.add(REPLACES, &[&format!("1.{i}.0 replaces=1.{}.0", i - 1)]).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(named(&catalog).len(), 12);
}

#[test]
fn a_question_ends_when_it_is_asked_to() {
    let texts: Vec<String> = (0..200).map(|i| format!("1.0.0 pkg=p{i}")).collect();
    let db = Db::of(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let catalog = open(&db.path()).unwrap();
    let stop = Stop::new();
    stop.ask();
    assert!(matches!(catalog.list_bundles(Cursor::default(), &stop), Err(QueryError::Stopped)));
    assert_eq!(pages(&catalog).unwrap().0.len(), 200, "the next question is not affected");
}

#[test]
fn an_unfinished_edit_is_undone_in_a_copy() {
    let db = Db::of(&["1.0.0"]);
    // A copy of the files in the middle of a commit: pages are written, and the journal is not yet gone.
    let writer = db.raw();
    writer
        .execute_batch("PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN IMMEDIATE; DELETE FROM package; CREATE TABLE junk (a);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
            INSERT INTO junk SELECT hex(randomblob(300)) FROM n")
        .unwrap();
    let crashed = Db::new();
    for suffix in ["", "-journal"] {
        std::fs::copy(db.dir().join(format!("index.db{suffix}")), crashed.dir().join(format!("index.db{suffix}")))
            .unwrap();
    }
    drop(writer);
    let journal = crashed.dir().join("index.db-journal");
    assert!(std::fs::metadata(&journal).unwrap().len() > 512);
    let before = (crashed.state(), std::fs::read(&journal).unwrap());
    let catalog = open(&crashed.path()).unwrap();
    assert_eq!(catalog.list_packages(&Stop::new()).unwrap(), ["demo"]);
    assert_eq!(named(&catalog), ["demo.v1.0.0/alpha"]);
    assert_eq!((crashed.state(), std::fs::read(&journal).unwrap()), before);
    // Any edit recovers the file itself.
    crashed.add(REPLACES, &["1.1.0 replaces=1.0.0"]).unwrap();
    assert_eq!((crashed.graph().as_str(), crashed.state().0), ("alpha*: 1.1.0 > 1.0.0", vec!["index.db".to_owned()]));
}

#[test]
fn a_database_with_a_log_is_served_and_not_written() {
    let db = Db::of(&["1.0.0"]);
    let writer = db.raw();
    writer.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO package (name) VALUES ('logged')").unwrap();
    let names = db.state().0;
    let catalog = open(&db.path()).unwrap();
    assert_eq!(catalog.list_packages(&Stop::new()).unwrap(), ["demo", "logged"]);
    assert_eq!(db.state().0, names);
    drop(writer);
    let before = db.state();
    assert_eq!(before.0, ["index.db"]);
    assert_eq!(open(&db.path()).unwrap().list_packages(&Stop::new()).unwrap(), ["demo", "logged"]);
    assert_eq!(db.state(), before);
}
