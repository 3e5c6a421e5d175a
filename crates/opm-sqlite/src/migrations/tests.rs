//! Upgrades of hand-made databases of every version.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use opm_model::{Cursor, Stop};
use rusqlite::Connection;

use super::{LATEST, step_to};
use crate::testing::{Db, REPLACES, graph, rows, text};
use crate::{Catalog, Content, SchemaUpgrade, StoreError};

const CSV_A: &str = r#"{"kind":"ClusterServiceVersion","metadata":{"name":"demo.v1.0.0","annotations":{"olm.skipRange":"<1.0.0"}},"spec":{"version":"1.0.0","relatedImages":[{"image":"img/a"}],"customresourcedefinitions":{"required":[{"name":"bs.g.test","kind":"B","version":"v1"}]}}}"#;
const CSV_B: &str = r#"{"kind":"ClusterServiceVersion","metadata":{"name":"demo.v1.1.0"},"spec":{"version":"1.1.0"}}"#;

/// A database of a version, with rows of all kinds as programs of that time left them.
fn old(version: i64) -> Db {
    let db = Db::new();
    let conn = db.raw();
    conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    step_to(&conn, version).unwrap();
    let run = |since: i64, sql: &str| {
        if version >= since {
            conn.execute_batch(sql).unwrap();
        }
    };
    // Two packages; `demo.v1.0.5` is skipped and not stored; `broken.v1` has a CSV that cannot be read, `bare.v1` none.
    conn.execute(
        "INSERT INTO operatorbundle (name, csv, bundle) VALUES ('demo.v1.0.0', ?1, ?1), ('demo.v1.1.0', ?2, ?2), ('broken.v1', '{', '{'), ('bare.v1', NULL, NULL)",
        [CSV_A, CSV_B],
    )
    .unwrap();
    run(
        0,
        "INSERT INTO package VALUES ('demo', 'alpha'), ('other', 'stable');
        INSERT INTO channel VALUES ('alpha', 'demo', 'demo.v1.1.0'), ('beta', 'demo', 'demo.v1.0.0'), ('stable', 'other', 'broken.v1');
        INSERT INTO channel_entry VALUES (1, 'alpha', 'demo', 'demo.v1.1.0', 4, 0), (2, 'alpha', 'demo', 'demo.v1.0.5', NULL, 1),
            (3, 'alpha', 'demo', 'demo.v1.1.0', 2, 1), (4, 'alpha', 'demo', 'demo.v1.0.0', NULL, 2),
            (5, 'beta', 'demo', 'demo.v1.0.0', NULL, 0),
            (6, 'stable', 'other', 'broken.v1', NULL, 0), (7, 'stable', 'other', 'bare.v1', NULL, 1), (8, 'stable', 'other', 'broken.v1', 7, 1);
        INSERT INTO api VALUES ('g.test', 'v1', 'A', 'as')",
    );
    if version < 6 {
        run(
            0,
            "INSERT INTO api_provider SELECT 'g.test', 'v1', 'A', entry_id FROM channel_entry WHERE entry_id IN (1, 3, 4, 5)",
        );
    }
    run(1, "INSERT INTO related_image VALUES ('img/a', 'demo.v1.0.0')");
    run(2, "UPDATE operatorbundle SET bundlepath = 'reg.test/b' WHERE name = 'demo.v1.1.0'");
    run(3, "INSERT INTO api VALUES ('g.test', 'v1', 'B', 'bs')");
    if (3..6).contains(&version) {
        run(3, "INSERT INTO api_requirer VALUES ('g.test', 'v1', 'B', 4), ('g.test', 'v1', 'B', 5)");
    }
    run(
        5,
        "UPDATE operatorbundle SET version = '1.0.0', skiprange = '<1.0.0' WHERE name = 'demo.v1.0.0'; UPDATE operatorbundle SET version = '1.1.0' WHERE name = 'demo.v1.1.0'",
    );
    run(
        6,
        "INSERT INTO api_provider VALUES ('g.test', 'v1', 'A', 'demo.v1.0.0', '1.0.0', NULL), ('g.test', 'v1', 'A', 'demo.v1.1.0', '1.1.0', 'reg.test/b');
        INSERT INTO api_requirer VALUES ('g.test', 'v1', 'B', 'demo.v1.0.0', '1.0.0', NULL)",
    );
    run(
        7,
        "UPDATE operatorbundle SET replaces = 'demo.v1.0.0', skips = 'demo.v1.0.5' WHERE name = 'demo.v1.1.0';
        UPDATE operatorbundle SET replaces = '', skips = 'bare.v1' WHERE name = 'broken.v1'",
    );
    run(
        8,
        r#"INSERT INTO dependencies VALUES ('olm.package', '{"packageName":"other","version":">1"}', 'demo.v1.1.0', '1.1.0', 'reg.test/b'), ('odd', CAST('x' AS BLOB), 'demo.v1.1.0', '1.1.0', 'reg.test/b'), ('none', NULL, 'demo.v1.1.0', '1.1.0', 'reg.test/b')"#,
    );
    let typed = if version == 8 { r#","type":"olm.gvk""# } else { "" };
    run(
        8,
        &format!(
            r#"INSERT INTO dependencies VALUES ('olm.gvk', CAST('{{"group":"g.test","kind":"B"{typed},"version":"v1"}}' AS BLOB), 'demo.v1.0.0', '1.0.0', NULL)"#
        ),
    );
    let path = if version == 9 { "NULL" } else { "'reg.test/b'" };
    run(
        9,
        &format!(
            r#"INSERT INTO properties VALUES ('olm.package', CAST('{{"packageName":"demo","version":"1.1.0"}}' AS BLOB), 'demo.v1.1.0', '1.1.0', {path}),
        ('olm.gvk', CAST('{{"group":"g.test","kind":"A","version":"v1"}}' AS BLOB), 'demo.v1.1.0', '1.1.0', {path}),
        ('olm.gvk', '{{"group":"g.test","kind":"A","version":"v1"}}', 'demo.v1.0.0', '1.0.0', NULL),
        ('olm.deprecated', '{{}}', 'demo.v1.0.0', '1.0.0', NULL)"#
        ),
    );
    run(
        12,
        "INSERT INTO deprecated VALUES ('demo.v1.0.0'), ('long.gone'); INSERT INTO operatorbundle (version) VALUES ('junk')",
    );
    db
}

/// The columns, references and indexes of every table.
fn shape(conn: &Connection) -> BTreeMap<String, Vec<String>> {
    let of = |table: String| {
        let mut all = rows(conn, &format!("SELECT * FROM pragma_table_info('{table}')"));
        let mut keys = rows(
            conn,
            &format!(
                "SELECT \"from\", lower(\"table\"), \"to\", on_delete, seq FROM pragma_foreign_key_list('{table}')"
            ),
        );
        keys.sort();
        let mut indexes = rows(conn, &format!("SELECT name, \"unique\", origin FROM pragma_index_list('{table}')"));
        indexes.sort();
        all.extend(keys);
        all.extend(indexes);
        (table, all)
    };
    rows(conn, "SELECT name FROM sqlite_master WHERE type = 'table' UNION SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .into_iter()
        .map(of)
        .collect()
}

#[test]
fn every_version_is_upgraded_and_nothing_is_lost() {
    let fresh = Db::new();
    fresh.edit(|_| Ok(())).unwrap();
    for version in 0..=12 {
        let db = old(version);
        let before = db.state();
        // Reading upgrades a copy.
        let catalog = Catalog::open(&db.path(), Content::UnlessImage, SchemaUpgrade::Copy);
        let listing = catalog
            .map_err(|e| format!("{version}: {}", text(&e)))
            .unwrap()
            .list_bundles(Cursor::default(), &Stop::new());
        assert!(listing.is_err() || listing.unwrap().items.len() == 5, "{version}");
        assert_eq!(db.state(), before);

        db.edit(|_| Ok(())).map_err(|e| format!("{version}: {}", text(&e))).unwrap();
        let conn = db.raw();
        let is =
            |query: &str, expected: &[&str]| assert_eq!(rows(&conn, query), expected, "version {version}: {query}");
        is("SELECT version FROM schema_migrations", &["13"]);
        is("PRAGMA foreign_key_check", &[]);
        is("PRAGMA integrity_check", &["ok"]);
        assert_eq!(shape(&conn), shape(&fresh.raw()), "version {version}");
        let path = if version < 2 { "-" } else { "reg.test/b" };
        is(
            "SELECT name, version, bundlepath, skiprange, replaces, skips, csv IS NULL FROM operatorbundle ORDER BY rowid",
            &[
                "demo.v1.0.0 1.0.0 - <1.0.0 - - 0",
                &format!("demo.v1.1.0 1.1.0 {path} {} demo.v1.0.0 demo.v1.0.5 0", if version < 5 { "" } else { "-" }),
                "broken.v1 - - -  bare.v1 0",
                "bare.v1 - - - - - 1",
            ],
        );
        assert_eq!(graph(&conn, "demo"), "alpha*: 1.1.0[<1.0.5>] > 1.0.0\nbeta: 1.0.0", "version {version}");
        is("SELECT name FROM package ORDER BY 1", &["demo", "other"]);
        is("SELECT count(*) FROM channel_entry", &["8"]);
        is("SELECT image, operatorbundle_name FROM related_image", &["img/a demo.v1.0.0"]);
        is("SELECT kind, plural FROM api ORDER BY 1", &["A as", "B bs"]);
        is(
            "SELECT DISTINCT kind, operatorbundle_name FROM api_provider ORDER BY 2",
            &["A demo.v1.0.0", "A demo.v1.1.0"],
        );
        is("SELECT kind, operatorbundle_name FROM api_requirer", &["B demo.v1.0.0"]);
        is(
            "SELECT CAST(value AS TEXT) FROM dependencies WHERE type = 'olm.gvk'",
            &[r#"{"group":"g.test","kind":"B","version":"v1"}"#],
        );
        let declared: &[&str] = if version < 8 {
            &[]
        } else {
            &["none -", "odd x", r#"olm.package {"packageName":"other","version":">1"}"#]
        };
        is("SELECT type, CAST(value AS TEXT) FROM dependencies WHERE type <> 'olm.gvk' ORDER BY 1", declared);
        is("SELECT DISTINCT typeof(value) FROM properties", &["text"]);
        is(
            "SELECT operatorbundle_name, value FROM properties WHERE type = 'olm.gvk' ORDER BY 1",
            &[
                r#"demo.v1.0.0 {"group":"g.test","kind":"A","version":"v1"}"#,
                r#"demo.v1.1.0 {"group":"g.test","kind":"A","version":"v1"}"#,
            ],
        );
        is(
            "SELECT value FROM properties WHERE type = 'olm.package' AND operatorbundle_name = 'demo.v1.1.0'",
            &[r#"{"packageName":"demo","version":"1.1.0"}"#],
        );
        is("SELECT * FROM deprecated", if version < 9 { &[] } else { &["demo.v1.0.0"] });

        // What cannot be read in `broken.v1` is its own content; all bundles are listed without it.
        conn.execute_batch("UPDATE operatorbundle SET bundle = NULL WHERE name = 'broken.v1'").unwrap();
        let catalog = Catalog::open(&db.path(), Content::Always, SchemaUpgrade::Refuse).unwrap();
        let listed = catalog.list_bundles(Cursor::default(), &Stop::new()).unwrap().items;
        let names: Vec<String> = listed.into_iter().map(|b| format!("{}/{}", b.csv_name, b.channel)).collect();
        assert_eq!(
            names,
            ["bare.v1/stable", "broken.v1/stable", "demo.v1.0.0/alpha", "demo.v1.0.0/beta", "demo.v1.1.0/alpha"]
        );

        // The upgrade happens once; and the result can be edited.
        let dump = "SELECT * FROM operatorbundle, properties";
        let once = rows(&conn, dump);
        db.edit(|_| Ok(())).unwrap();
        assert_eq!(rows(&conn, dump), once, "version {version}");
        db.add(REPLACES, &["1.2.0 in=alpha default=alpha replaces=1.1.0"])
            .map_err(|e| format!("{version}: {}", text(&e)))
            .unwrap();
        db.edit(|edit| edit.remove_packages(&["demo"])).unwrap();
    }
}

#[test]
fn a_database_without_a_version_is_one_of_the_first() {
    let db = old(0);
    db.raw().execute_batch("DROP TABLE schema_migrations").unwrap();
    db.edit(|_| Ok(())).unwrap();
    assert_eq!(db.rows("SELECT count(*), max(version) FROM operatorbundle"), ["4 1.1.0"]);
    let empty = old(0);
    empty.raw().execute_batch("DELETE FROM schema_migrations").unwrap();
    empty.edit(|_| Ok(())).unwrap();
    assert_eq!(empty.rows("SELECT version FROM schema_migrations"), [LATEST.to_string()]);
}

#[test]
fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    for version in 0..=12 {
        let db = old(version);
        // Something that a later step wants to make is there already.
        let obstacle = match version {
            0..=3 => "CREATE TABLE new_channel (x)",
            4..=10 => "ALTER TABLE operatorbundle ADD COLUMN substitutesfor TEXT",
            11 => "CREATE TABLE deprecated (x)",
            _ => "DROP TABLE properties",
        };
        db.raw().execute_batch(obstacle).unwrap();
        let before = db.state();
        let error = db.edit(|_| Ok(())).unwrap_err();
        assert!(text(&error).contains("index.db"), "{version}: {}", text(&error));
        assert_eq!(db.state(), before, "{version}");
    }
}

#[test]
fn a_schema_of_the_future_is_refused() {
    let db = old(12);
    db.raw().execute_batch("UPDATE schema_migrations SET version = 14").unwrap();
    let before = db.state();
    assert!(matches!(db.edit(|_| Ok(())), Err(StoreError::Newer { found: 14, known: 13, .. })));
    assert_eq!(db.state(), before);
}

#[test]
fn rows_that_point_nowhere_are_mended_or_dropped() {
    let stray = "PRAGMA foreign_keys = OFF;
        UPDATE channel_entry SET replaces = 77 WHERE entry_id = 5;
        UPDATE package SET default_channel = 'none' WHERE name = 'other';
        UPDATE channel SET head_operatorbundle_name = 'lost.v9' WHERE name = 'beta';
        INSERT INTO channel_entry VALUES (20, 'hidden', 'demo', 'demo.v1.1.0', NULL, 0);
        INSERT INTO channel_entry VALUES (21, 'ghost', 'ghosts', 'ghost.v1', NULL, 0)";
    for version in 0..=12 {
        let db = old(version);
        let conn = db.raw();
        conn.execute_batch(stray).unwrap();
        let more = |since, sql: &str| {
            if version >= since {
                conn.execute_batch(sql).unwrap();
            }
        };
        more(1, "INSERT INTO related_image VALUES ('img/lost', 'lost.v9')");
        if version < 6 {
            more(0, "INSERT INTO api_provider VALUES ('g.test', 'v1', 'Unknown', 1), ('g.test', 'v1', 'A', 99)");
        } else {
            more(
                6,
                "INSERT INTO api_provider VALUES ('g.test', 'v1', 'A', 'lost.v9', '9', 'x'), ('g.test', 'v1', 'A', 'demo.v1.1.0', '0.0.1', 'wrong')",
            );
        }
        more(
            8,
            "INSERT INTO dependencies VALUES ('t', '1', 'lost.v9', '9', 'x'), ('kept', '1', 'demo.v1.1.0', '1.1.0', 'wrong')",
        );
        more(
            9,
            "INSERT INTO properties VALUES ('t', '1', 'lost.v9', '9', 'x'), ('kept', '1', 'demo.v1.1.0', '9', 'wrong')",
        );
        drop(conn);
        db.edit(|_| Ok(())).map_err(|e| format!("{version}: {}", text(&e))).unwrap();
        assert_eq!(db.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
        assert_eq!(
            db.rows("SELECT name, head_operatorbundle_name FROM channel WHERE package_name = 'demo' ORDER BY 1"),
            ["alpha demo.v1.1.0", "beta demo.v1.0.0", "hidden demo.v1.1.0"]
        );
        assert_eq!(db.rows("SELECT name, default_channel FROM package ORDER BY 1"), ["demo alpha", "other -"]);
        for table in ["properties", "dependencies"] {
            let kept = db
                .rows(&format!("SELECT operatorbundle_version, operatorbundle_path FROM {table} WHERE type = 'kept'"));
            let since = if table == "properties" { 9 } else { 8 };
            assert_eq!(kept, if version < since { vec![] } else { vec!["1.1.0 reg.test/b"] }, "{version} {table}");
            assert_eq!(db.rows(&format!("SELECT 1 FROM {table} WHERE operatorbundle_name = 'lost.v9'")).len(), 0);
        }
    }
}
