//! Adding in mode `replaces`, checks before it, and overwriting.

use crate::testing::{Db, REPLACES, text};
use crate::{AddOptions, StoreError};

const OVERWRITE: AddOptions = AddOptions { overwrite_latest: true, ..REPLACES };
const PERMISSIVE: AddOptions = AddOptions { permissive: true, ..REPLACES };

#[test]
fn graphs_follow_from_what_bundles_say() {
    for (steps, expected) in [
        (&[&["1.0.0"][..]][..], "alpha*: 1.0.0"),
        (&[&["1.1.0 replaces=1.0.0", "1.0.0"]], "alpha*: 1.1.0 > 1.0.0"),
        (&[&["1.0.0"], &["1.1.0 replaces=1.0.0"], &["1.2.0 replaces=1.1.0"]], "alpha*: 1.2.0 > 1.1.0 > 1.0.0"),
        (&[&["1.0.0"], &["1.2.0 replaces=1.0.0 skips=1.1.0"]], "alpha*: 1.2.0[<1.1.0>] > 1.0.0"),
        (&[&["1.0.0"], &["1.1.0 skips=1.0.0"]], "alpha*: 1.1.0[1.0.0]"),
        (
            &[&["1.0.0 in=stable default=stable"], &["1.1.0 replaces=1.0.0 in=alpha,stable default=alpha"]],
            "alpha*: 1.1.0 > 1.0.0\nstable: 1.1.0 > 1.0.0",
        ),
        // A declared default channel counts only at the highest version.
        (
            &[
                &["1.1.0 in=alpha,beta default=beta"],
                &["1.0.0 in=beta default=beta", "1.2.0 in=alpha,beta default=alpha replaces=1.1.0 skips=1.0.0"],
            ],
            "alpha*: 1.2.0[1.0.0] > 1.1.0\nbeta: 1.2.0[1.0.0] > 1.1.0",
        ),
        // A name that was skipped before it was added (Q6).
        (&[&["1.1.0 skips=1.0.0,1.2.0"], &["1.2.0 replaces=1.1.0"]], "alpha*: 1.2.0 > 1.1.0[<1.0.0> 1.2.0]"),
        // Build metadata orders heads.
        (&[&["1.0.0"], &["1.0.0+1 replaces=1.0.0"]], "alpha*: 1.0.0+1 > 1.0.0"),
    ] {
        let db = Db::new();
        for step in steps {
            db.add(REPLACES, step).map_err(|e| text(&e)).unwrap();
        }
        assert_eq!(db.graph(), expected, "{steps:?}");
    }
}

#[test]
fn entries_are_those_of_the_format() {
    let db = Db::of(&["0.6.1", "0.9.0 replaces=0.6.1", "0.9.2 replaces=0.9.0 skips=0.9.1"]);
    let query = "SELECT entry_id, operatorbundle_name, replaces, depth FROM channel_entry ORDER BY entry_id";
    assert_eq!(
        db.rows(query),
        ["1 demo.v0.9.2 4 0", "2 demo.v0.9.1 - 1", "3 demo.v0.9.2 2 1", "4 demo.v0.9.0 5 2", "5 demo.v0.6.1 - 3"]
    );
    let query = "SELECT value FROM properties WHERE type = 'olm.package' AND operatorbundle_name = 'demo.v0.9.2'";
    assert_eq!(db.rows(query), ["{\"packageName\":\"demo\",\"version\":\"0.9.2\"}"], "one per bundle and package");
    assert_eq!(
        db.rows("SELECT typeof(csv), typeof(bundle), typeof(version) FROM operatorbundle LIMIT 1"),
        ["blob blob text"]
    );
}

#[test]
fn what_cannot_be_added_is_named_and_changes_nothing() {
    const BASE: &[&str] = &["1.0.0", "1.1.0 replaces=1.0.0", "7.0.0 pkg=other"];
    for (options, bundles, expected) in [
        (REPLACES, &["1.1.0 replaces=1.0.0"][..], "Bundle reg.test/demo.v1.1.0 already exists"),
        (
            REPLACES,
            &["1.1.0 image=reg.test/new"],
            "Bundle already added that provides package and csv: package demo has demo.v1.1.0 in channel alpha; it cannot be added a second time (reg.test/new)",
        ),
        // The real duplicate is named, and others are looked at even where one has no image (Q5).
        (
            REPLACES,
            &["2.0.0 replaces=1.1.0 image=", "1.0.0 image=reg.test/new"],
            "Bundle already added that provides package and csv: package demo has demo.v1.0.0",
        ),
        (
            REPLACES,
            &["2.0.0 replaces=7.0.0", "7.1.0 pkg=other replaces=demo.v1.1.0"],
            "bundle demo.v1.1.0 belongs to package demo on index, cannot be added as an edge for package other",
        ),
        (
            REPLACES,
            &["2.0.0 replaces=1.1.0 skips=x.v1", "7.1.0 pkg=other replaces=other.v7.0.0 skips=x.v1"],
            "bundle x.v1 must belong to exactly one package, found on: [demo other]",
        ),
        (REPLACES, &["1.2.0 replaces=1.1.5"], "Invalid bundle demo.v1.2.0, replaces nonexistent bundle demo.v1.1.5"),
        (
            REPLACES,
            &["1.2.0 replaces=1.3.0", "1.3.0 replaces=1.2.0"],
            "Cycle detected, demo.v1.2.0 replaces demo.v1.3.0",
        ),
        (REPLACES, &["1.2.0 replaces=1.2.0"], "Cycle detected, demo.v1.2.0 replaces demo.v1.2.0"),
        (
            REPLACES,
            &["1.0.5 replaces=1.0.0"],
            "add prunes bundle demo.v1.0.5 (reg.test/demo.v1.0.5) from package demo, channel alpha",
        ),
        (REPLACES, &["1.2.0 replaces=1.0.0"], "adding to package demo would remove demo.v1.1.0 from channel alpha"),
        (
            REPLACES,
            &["1.1.0+1 name=twin replaces=1.1.0", "1.1.0+1 name=twin2 replaces=1.1.0"],
            "package demo: more than one",
        ),
        (
            REPLACES,
            &["2.0.0 in=a,b replaces=1.1.0 default=none"],
            "package demo: unable to determine default channel among channel heads",
        ),
        (REPLACES, &["x replaces=1.1.0"], "package demo: error parsing bundle demo.vx version x"),
        (
            REPLACES,
            &["1.2.0 replaces=1.1.0 for=1.1.0"],
            "error adding operator bundle demo.v1.2.0/1.2.0/reg.test/demo.v1.2.0: bundle demo.v1.2.0: olm.substitutesFor is an alpha-only feature",
        ),
        (
            REPLACES,
            &["1.2.0 replaces=1.1.0", "1.2.0 replaces=1.1.0 image=b"],
            "error adding operator bundle demo.v1.2.0/1.2.0/b: failed to add bundle \"demo.v1.2.0\": UNIQUE constraint failed: operatorbundle.name",
        ),
        (
            OVERWRITE,
            &["1.0.0 image=reg.test/new"],
            "Cannot overwrite a bundle that is not at the head of a channel using --overwrite-latest: demo.v1.0.0 of package demo is replaced by demo.v1.1.0",
        ),
        (OVERWRITE, &["1.1.0 replaces=1.0.0"], "Bundle reg.test/demo.v1.1.0 already exists"),
    ] {
        let db = Db::of(BASE);
        let before = db.state();
        let error = db.add(options, bundles).expect_err(bundles[0]);
        assert!(text(&error).contains(expected), "{bundles:?}: {}\nexpected: {expected}", text(&error));
        assert_eq!(db.state(), before, "{bundles:?}");
    }
}

#[test]
fn several_findings_are_reported_together_and_once() {
    let db = Db::of(&["1.0.0"]);
    let error = db.add(REPLACES, &["1.0.0", "1.0.0 image=x", "1.0.0"]).unwrap_err();
    let lines = text(&error);
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn a_stranded_bundle_says_how_to_get_rid_of_it() {
    let db = Db::of(&["1.0.0"]);
    db.raw()
        .execute_batch("INSERT INTO operatorbundle (name, version, bundlepath) VALUES ('demo.v1.1.0', '1.1.0', NULL)")
        .unwrap();
    let error = text(&db.add(REPLACES, &["1.1.0 replaces=1.0.0"]).unwrap_err());
    assert!(error.contains("prune-stranded"), "{error}");
    db.edit(|edit| edit.remove_stranded()).unwrap();
    db.add(REPLACES, &["1.1.0 replaces=1.0.0"]).unwrap();
    assert_eq!(db.graph(), "alpha*: 1.1.0 > 1.0.0");
}

#[test]
fn permissive_edits_keep_the_packages_without_findings() {
    let db = Db::of(&["1.0.0"]);
    let findings = db
        .add(PERMISSIVE, &["1.2.0 replaces=1.1.0", "1.0.0 pkg=other", "1.0.0 pkg=third image=", "1.0.0 pkg=third"])
        .unwrap();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(db.graph(), "alpha*: 1.0.0");
    assert_eq!(db.rows("SELECT name FROM operatorbundle ORDER BY 1"), ["demo.v1.0.0", "other.v1.0.0"]);
    // Bundles that vanish are only warned of.
    db.add(REPLACES, &["1.1.0 replaces=1.0.0"]).unwrap();
    let findings = db.add(PERMISSIVE, &["1.2.0 replaces=1.0.0"]).unwrap();
    assert!(
        matches!(&findings[..], [StoreError::Vanishes { bundles, .. }] if bundles == &["demo.v1.1.0"]),
        "{findings:?}"
    );
    assert_eq!(db.graph(), "alpha*: 1.2.0 > 1.0.0");
}

#[test]
fn the_head_can_be_overwritten() {
    for (base, bundle, expected) in [
        (&["1.0.0", "1.1.0 replaces=1.0.0"][..], "1.1.0 replaces=1.0.0 image=new", "alpha*: 1.1.0 > 1.0.0"),
        // The only bundle of the default channel: the package stays.
        (&["1.0.0"], "1.0.0 image=new", "alpha*: 1.0.0"),
        // A head of two channels; one of them it was alone in, and leaves.
        (
            &["1.0.0 in=alpha", "1.1.0 in=alpha,beta default=alpha replaces=1.0.0"],
            "1.1.0 in=alpha replaces=1.0.0 image=new",
            "alpha*: 1.1.0 > 1.0.0\nbeta: 1.0.0",
        ),
        (
            &["1.0.0 in=alpha", "1.1.0 in=alpha,beta default=alpha replaces=1.0.0"],
            "1.1.0 in=alpha,beta default=beta replaces=1.0.0 image=new",
            "alpha: 1.1.0 > 1.0.0\nbeta*: 1.1.0 > 1.0.0",
        ),
    ] {
        let db = Db::of(base);
        let result = db.add(OVERWRITE, &[bundle]);
        if let Err(error) = &result {
            panic!("{bundle}: {}", text(error));
        }
        assert_eq!(db.graph(), expected, "{base:?} {bundle}");
        assert_eq!(db.rows("SELECT count(*) FROM operatorbundle WHERE bundlepath = 'new'"), ["1"]);
        assert_eq!(db.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
    }
    let db = Db::of(&["1.0.0 image="]);
    let error = db.add(OVERWRITE, &["1.0.0 image=new"]).unwrap_err();
    assert!(text(&error).starts_with("index add --overwrite-latest is only supported when using bundle images"));
    let db = Db::of(&["1.0.0 in=alpha", "2.0.0 in=beta default=alpha"]);
    let error = db.add(OVERWRITE, &["1.0.0 in=alpha image=a", "2.0.0 in=beta image=b default=alpha"]).unwrap_err();
    assert!(
        text(&error).starts_with("Cannot overwrite more than one bundle at a time for a given package"),
        "{}",
        text(&error)
    );
}

#[test]
fn versions_without_an_order_neither_panic_nor_depend_on_chance() {
    let bundles: Vec<String> =
        (0..60).map(|i| format!("1.0.0+{}{} in=c{i}", if i % 3 == 0 { "0" } else { "" }, i % 7)).collect();
    let bundles: Vec<&str> = bundles.iter().map(String::as_str).collect();
    let texts = [(); 2].map(|()| text(&Db::new().add(REPLACES, &bundles).unwrap_err()));
    assert_eq!(texts[0], texts[1]);
}
