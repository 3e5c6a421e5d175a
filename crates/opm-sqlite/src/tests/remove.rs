//! Removing, pruning, deprecating.

use crate::testing::{Db, REPLACES, SEMVER, text};
use crate::{DeprecateOptions, StoreError};

const CHILDREN: [&str; 5] = ["api_provider", "api_requirer", "related_image", "dependencies", "properties"];

fn rows_about(db: &Db, bundle: &str) -> usize {
    let count = |table: &str| db.rows(&format!("SELECT 1 FROM {table} WHERE operatorbundle_name = '{bundle}'")).len();
    CHILDREN.into_iter().map(count).sum()
}

#[test]
fn packages_go_with_everything_they_own() {
    let db = Db::of(&[
        "1.0.0 provides=A requires=B image=",
        " name=third.vx pkg=third provides=A image=",
        "1.0.0 pkg=other provides=A,C requires=B",
    ]);
    let before = rows_about(&db, "other.v1.0.0");
    db.edit(|edit| edit.remove_packages(&["demo", "third"])).unwrap();
    assert_eq!(rows_about(&db, "demo.v1.0.0") + rows_about(&db, "third.vx"), 0, "also rows whose keys are NULL (Q10)");
    assert_eq!(rows_about(&db, "other.v1.0.0"), before);
    assert_eq!(db.rows("SELECT name FROM operatorbundle"), ["other.v1.0.0"]);
    assert_eq!(db.rows("SELECT name FROM package UNION SELECT package_name FROM channel UNION SELECT package_name FROM channel_entry"), ["other"]);
    assert_eq!(db.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
}

#[test]
fn unknown_packages_are_found_before_anything_is_removed() {
    let db = Db::of(&["1.0.0", "1.0.0 pkg=other"]);
    let before = db.state();
    let error = text(&db.edit(|edit| edit.remove_packages(&["demo", "none", "nor"])).unwrap_err());
    assert_eq!(error, "no package found for packagename none\nno package found for packagename nor");
    assert_eq!(db.state(), before);
    db.edit(|edit| edit.discard_packages(&["demo", "none"])).unwrap();
    assert_eq!(db.edit(|edit| edit.packages()).unwrap(), ["other"]);
}

#[test]
fn stranded_bundles_go_and_deprecated_ones_stay() {
    let db = Db::of(&["1.0.0"]);
    db.raw()
        .execute_batch(
            "INSERT INTO operatorbundle (name, version, bundlepath) VALUES ('s', '1', 'i'), ('d', '2', 'j'), (NULL, NULL, NULL);
            INSERT INTO properties VALUES ('olm.package', '{\"packageName\":\"foreign\",\"version\":\"1\"}', 'demo.v1.0.0', '1.0.0', 'reg.test/demo.v1.0.0');
            INSERT INTO properties VALUES ('t', '{}', 's', NULL, NULL);
            INSERT INTO deprecated VALUES ('d'), ('gone')",
        )
        .unwrap();
    db.edit(|edit| edit.remove_stranded()).unwrap();
    assert_eq!(db.rows("SELECT name FROM operatorbundle WHERE name IS NOT NULL ORDER BY 1"), ["d", "demo.v1.0.0"]);
    assert_eq!(db.rows("SELECT * FROM deprecated"), ["d"]);
    assert_eq!(rows_about(&db, "s"), 0);
}

fn deprecate(db: &Db, images: &[&str], options: DeprecateOptions) -> Result<Vec<StoreError>, StoreError> {
    let images: Vec<String> = images.iter().map(|image| format!("reg.test/demo.v{image}")).collect();
    db.edit(|edit| edit.deprecate_truncate(&images, options))
}

const STRICT: DeprecateOptions = DeprecateOptions { permissive: false, allow_package_removal: false };
const PERMISSIVE: DeprecateOptions = DeprecateOptions { permissive: true, ..STRICT };
const REMOVAL: DeprecateOptions = DeprecateOptions { allow_package_removal: true, ..STRICT };
const BASE: &[&str] = &[
    "0.14.0 in=preview,stable default=preview",
    "0.15.0 in=preview,stable default=preview replaces=0.14.0",
    "0.22.2 in=preview default=preview replaces=0.15.0",
];

#[test]
fn deprecation_truncates() {
    for (images, options, findings, expected) in [
        (&["0.15.0"][..], STRICT, 0, "preview*: 0.22.2 > 0.15.0"),
        (&["0.15.0", "0.14.0"], STRICT, 0, "preview*: 0.22.2 > 0.15.0"),
        (&["0.14.0"], STRICT, 0, "preview*: 0.22.2 > 0.15.0 > 0.14.0\nstable: 0.15.0 > 0.14.0"),
        (&["0.15.0", "9.9.9"], PERMISSIVE, 1, "preview*: 0.22.2 > 0.15.0"),
        (&["0.22.2"], PERMISSIVE, 1, "preview*: 0.22.2 > 0.15.0 > 0.14.0\nstable: 0.15.0 > 0.14.0"),
        (&["0.22.2", "0.15.0"], REMOVAL, 0, ""),
    ] {
        let db = Db::of(BASE);
        let found = deprecate(&db, images, options).map_err(|e| text(&e)).unwrap();
        assert_eq!(found.len(), findings, "{images:?}: {found:?}");
        assert_eq!(db.graph(), expected, "{images:?}");
        assert_eq!(db.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
    }
    let db = Db::of(BASE);
    deprecate(&db, &["0.15.0"], STRICT).unwrap();
    assert_eq!(db.rows("SELECT * FROM deprecated"), ["demo.v0.15.0"]);
    assert_eq!(db.rows("SELECT name FROM operatorbundle ORDER BY 1"), ["demo.v0.15.0", "demo.v0.22.2"]);
    let mark = "SELECT operatorbundle_name, value FROM properties WHERE type = 'olm.deprecated'";
    assert_eq!(db.rows(mark), ["demo.v0.15.0 {}"]);
    deprecate(&db, &["0.15.0"], STRICT).unwrap();
    assert_eq!(db.rows(mark).len(), 1, "once is enough");
    // Later edits end chains there, and do not bring back the channel that it headed.
    db.add(REPLACES, &["0.23.0 in=preview replaces=0.22.2"]).unwrap();
    assert_eq!(db.graph(), "preview*: 0.23.0 > 0.22.2 > 0.15.0");
    db.edit(|edit| edit.remove_packages(&["demo"])).unwrap();
    assert_eq!(db.rows("SELECT * FROM deprecated"), Vec::<String>::new(), "marks go with the package");
}

#[test]
fn what_cannot_be_deprecated_changes_nothing() {
    for (images, options, expected) in [
        (
            &["0.15.0", "9.9.9"][..],
            STRICT,
            "target bundlepaths for deprecation missing from registry: [reg.test/demo.v9.9.9]",
        ),
        (
            &["0.15.0", "0.22.2"],
            STRICT,
            "error deprecating bundle reg.test/demo.v0.22.2: Bundle deprecation causing default channel removal",
        ),
        (
            &["0.22.2"],
            REMOVAL,
            "cannot deprecate default channel head from package without removing all other channel heads in package demo: must deprecate reg.test/demo.v0.15.0, head of channel stable",
        ),
    ] {
        let db = Db::of(BASE);
        let before = db.state();
        let error = text(&deprecate(&db, images, options).unwrap_err());
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(db.state(), before);
    }
    let db = Db::new();
    assert!(
        text(&deprecate(&db, &["1.0.0"], STRICT).unwrap_err())
            .starts_with("target bundlepaths for deprecation missing")
    );
}

#[test]
fn skipped_bundles_below_go_too_and_those_of_other_channels_stay() {
    let db = Db::new();
    db.add(SEMVER, &["1.0.0 in=a,b default=a", "1.1.0 in=a", "1.2.0 in=a"]).unwrap();
    deprecate(&db, &["1.1.0"], STRICT).unwrap();
    assert_eq!(db.graph(), "a*: 1.2.0 > 1.1.0\nb: 1.0.0");
    assert_eq!(db.rows("SELECT count(*) FROM operatorbundle"), ["3"]);
}
