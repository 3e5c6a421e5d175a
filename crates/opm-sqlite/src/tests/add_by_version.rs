//! Adding in the modes `semver` and `semver-skippatch`.

use crate::AddOptions;
use crate::testing::{Db, REPLACES, SEMVER, SKIP_PATCH, text};

#[test]
fn graphs_follow_from_versions() {
    for (options, steps, expected) in [
        (SEMVER, &[&["1.0.0", "1.2.0", "1.1.0"][..]][..], "alpha*: 1.2.0 > 1.1.0 > 1.0.0"),
        (SEMVER, &[&["1.2.0"], &["1.0.0"], &["1.1.0"]], "alpha*: 1.2.0 > 1.1.0 > 1.0.0"),
        (SEMVER, &[&["1.0.0 in=b,a"]], "a*: 1.0.0\nb: 1.0.0"),
        (SEMVER, &[&["1.0.0 in=b,a default=b"], &["1.1.0 in=a"]], "a: 1.1.0 > 1.0.0\nb*: 1.0.0"),
        (SEMVER, &[&["1.0.0 in=a,b default=a"], &["0.9.0 in=a,b default=b"]], "a: 1.0.0 > 0.9.0\nb*: 1.0.0 > 0.9.0"),
        // What CSVs say counts for nothing.
        (SEMVER, &[&["1.0.0"], &["1.1.0 replaces=0.1.0 skips=0.2.0"]], "alpha*: 1.1.0 > 1.0.0"),
        (SKIP_PATCH, &[&["1.0.0", "1.0.1", "1.0.2"]], "alpha*: 1.0.2[1.0.1 1.0.0]"),
        // A minor version below keeps its place (Q3).
        (SKIP_PATCH, &[&["1.0.0", "1.1.0", "1.1.1"]], "alpha*: 1.1.1[1.1.0] > 1.0.0"),
        (SKIP_PATCH, &[&["1.0.0", "1.1.0", "1.1.1"], &["1.2.0"]], "alpha*: 1.2.0 > 1.1.1[1.1.0] > 1.0.0"),
        (SKIP_PATCH, &[&["1.0.0", "1.1.0", "1.1.1"], &["1.1.2"]], "alpha*: 1.1.2[1.1.1 1.1.0] > 1.0.0"),
        (SKIP_PATCH, &[&["1.0.0", "1.0.1", "1.1.0", "1.1.1"], &["1.0.2"]], "alpha*: 1.1.1[1.1.0] > 1.0.2[1.0.1 1.0.0]"),
        (SKIP_PATCH, &[&["1.1.0", "1.1.2"], &["1.1.1"]], "alpha*: 1.1.2 > 1.1.1[1.1.0]"),
        (SKIP_PATCH, &[&["1.1.0", "1.1.1", "0.9.0"]], "alpha*: 1.1.1[1.1.0] > 0.9.0"),
    ] {
        let db = Db::new();
        for step in steps {
            db.add(options, step).map_err(|e| format!("{steps:?}: {}", text(&e))).unwrap();
        }
        assert_eq!(db.graph(), expected, "{steps:?}");
        assert_eq!(db.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
    }
}

#[test]
fn a_bundle_can_be_put_into_a_channel_with_skips() {
    for (bundle, expected) in [
        ("1.3.0", "alpha*: 1.3.0 > 1.2.0[1.1.0] > 1.0.0"),
        ("1.1.5", "alpha*: 1.2.0[1.1.0] > 1.1.5 > 1.0.0"),
        ("0.9.0", "alpha*: 1.2.0[1.1.0] > 1.0.0 > 0.9.0"),
    ] {
        let db = Db::of(&["1.0.0", "1.1.0 replaces=1.0.0"]);
        db.add(AddOptions { permissive: true, ..REPLACES }, &["1.2.0 replaces=1.0.0 skips=1.1.0"]).unwrap();
        assert_eq!(db.graph(), "alpha*: 1.2.0[1.1.0] > 1.0.0");
        db.add(SEMVER, &[bundle]).map_err(|e| text(&e)).unwrap();
        assert_eq!(db.graph(), expected);
    }
}

#[test]
fn what_cannot_be_added_changes_nothing() {
    for (base, bundles, expected) in [
        (&["1.0.0"][..], &["1.0.0+1"][..], "Bundle version 1.0.0+1 already added to index: demo.v1.0.0 has it"),
        (&["1.0.0"], &["1.1.0", "1.0.0 name=twin"], "Bundle version 1.0.0 already added to index"),
        (&["1.0.0"], &[" name=demo.vx"], "bundle demo.vx: version is empty"),
        (&["1.0.0"], &["1.1.0 in="], "Default channel is missing and can't be inferred"),
        (&["1.0.0"], &["1.1.0 default=none"], "no default channel specified for demo"),
    ] {
        let db = Db::new();
        db.add(SEMVER, base).unwrap();
        if bundles[0].ends_with("in=") {
            db.raw().execute_batch("UPDATE package SET default_channel = NULL").unwrap();
        }
        let before = db.state();
        let error = db.add(SEMVER, bundles).expect_err(bundles[0]);
        assert!(text(&error).contains(expected), "{bundles:?}: {}", text(&error));
        assert_eq!(db.state(), before);
    }
}

#[test]
fn a_package_without_default_channel_keeps_its_bundles() {
    let db = Db::of(&["1.0.0", "1.1.0 replaces=1.0.0"]);
    db.raw().execute_batch("UPDATE package SET default_channel = NULL").unwrap();
    db.add(SEMVER, &["1.2.0"]).map_err(|e| text(&e)).unwrap();
    assert_eq!(db.graph(), "alpha*: 1.2.0 > 1.1.0 > 1.0.0");
}

#[test]
fn channels_need_one_head() {
    let db = Db::of(&["1.0.0"]);
    db.raw()
        .execute_batch(
            "INSERT INTO operatorbundle (name, version) VALUES ('demo.v0.5.0', '0.5.0');
            INSERT INTO channel_entry (channel_name, package_name, operatorbundle_name, depth) VALUES ('alpha', 'demo', 'demo.v0.5.0', 3)",
        )
        .unwrap();
    let error = text(&db.add(SEMVER, &["1.1.0"]).unwrap_err());
    assert!(error.starts_with("multiple candidate channel heads found for channel alpha of package demo"), "{error}");
    db.raw().execute_batch("DELETE FROM channel_entry; DELETE FROM operatorbundle WHERE name = 'demo.v0.5.0';
        INSERT INTO channel_entry (entry_id, channel_name, package_name, operatorbundle_name, replaces, depth) VALUES (1, 'alpha', 'demo', 'demo.v1.0.0', 1, 0)").unwrap();
    let error = text(&db.add(SEMVER, &["1.1.0"]).unwrap_err());
    assert!(error.starts_with("no channel head found for channel alpha"), "{error}");
}

#[test]
fn content_of_non_heads_is_dropped_where_there_is_an_image() {
    let db = Db::new();
    db.add(SEMVER, &["1.0.0", "1.1.0", "1.0.5 image="]).unwrap();
    assert_eq!(
        db.rows("SELECT version, csv IS NULL, bundle IS NULL FROM operatorbundle ORDER BY version"),
        ["1.0.0 1 1", "1.0.5 0 0", "1.1.0 0 0"]
    );
}

#[test]
fn going_over_to_the_other_mode_loses_nothing() {
    let db = Db::new();
    db.add(SEMVER, &["1.0.0", "1.1.0"]).unwrap();
    let before = db.state();
    let error = text(&db.add(REPLACES, &["1.2.0 replaces=1.1.0"]).unwrap_err());
    assert!(error.contains("would remove demo.v1.0.0 from channel alpha"), "{error}");
    assert_eq!(db.state(), before);
}
