//! Databases as SQLite sees them: all their rows, and one of an old schema.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

/// Everything that a database says, whatever its schema: the definitions and all rows but for times, in a stable order. A
/// journal that a killed process left is rolled back first, as it is for everybody who opens the file.
pub(crate) fn every_row(path: &Path) -> String {
    let conn = Connection::open(path).unwrap();
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{}", path.display());
    let broken = conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!broken, "{}: a row refers to none", path.display());
    let mut lines = Vec::new();
    let mut statement = conn.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").unwrap();
    let mut definitions = statement.query([]).unwrap();
    while let Some(row) = definitions.next().unwrap() {
        let (kind, name): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        lines.push(format!("{kind} {name} {:?}", row.get::<_, Option<String>>(2).unwrap()));
        if kind == "table" {
            lines.extend(rows(&conn, &name));
        }
    }
    lines.join("\n")
}

fn rows(conn: &Connection, table: &str) -> Vec<String> {
    let mut statement = conn.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let columns: Vec<usize> =
        (0..statement.column_count()).filter(|&column| statement.column_name(column).unwrap() != "timestamp").collect();
    let all = statement.query_map([], |row| {
        let values: Result<Vec<Value>, _> = columns.iter().map(|&column| row.get(column)).collect();
        Ok(format!("{table} {:?}", values?))
    });
    let mut rows: Vec<String> = all.unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

/// A database of schema version 5, as old tools left it: one package with two bundles.
pub(crate) fn old_database(path: &Path) {
    let csv = |v: u8, replaces: &str| {
        format!(
            r#"{{"kind":"ClusterServiceVersion","metadata":{{"name":"old.v{v}"}},"spec":{{"version":"{v}.0.0"{replaces}}}}}"#
        )
    };
    let mut script = "
        CREATE TABLE schema_migrations (version bigint NOT NULL, timestamp DATETIME DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO schema_migrations (version) VALUES (5);
        CREATE TABLE operatorbundle (name TEXT PRIMARY KEY, csv TEXT, bundle TEXT, bundlepath TEXT, skiprange TEXT, version TEXT);
        CREATE TABLE package (name TEXT PRIMARY KEY, default_channel TEXT,
            FOREIGN KEY (name, default_channel) REFERENCES channel (package_name, name) ON DELETE CASCADE);
        CREATE TABLE channel (name TEXT, package_name TEXT, head_operatorbundle_name TEXT, PRIMARY KEY (name, package_name),
            FOREIGN KEY (head_operatorbundle_name) REFERENCES operatorbundle (name) ON DELETE CASCADE);
        CREATE TABLE channel_entry (entry_id INTEGER PRIMARY KEY, channel_name TEXT, package_name TEXT, operatorbundle_name TEXT,
            replaces INTEGER, depth INTEGER,
            FOREIGN KEY (replaces) REFERENCES channel_entry (entry_id) DEFERRABLE INITIALLY DEFERRED,
            FOREIGN KEY (channel_name, package_name) REFERENCES channel (name, package_name) ON DELETE CASCADE);
        CREATE TABLE api (group_name TEXT, version TEXT, kind TEXT, plural TEXT NOT NULL, PRIMARY KEY (group_name, version, kind));
        CREATE TABLE api_provider (group_name TEXT, version TEXT, kind TEXT, channel_entry_id INTEGER,
            PRIMARY KEY (group_name, version, kind, channel_entry_id),
            FOREIGN KEY (channel_entry_id) REFERENCES channel_entry (entry_id) ON DELETE CASCADE,
            FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind) ON DELETE CASCADE);
        CREATE TABLE api_requirer (group_name TEXT, version TEXT, kind TEXT, channel_entry_id INTEGER,
            PRIMARY KEY (group_name, version, kind, channel_entry_id),
            FOREIGN KEY (channel_entry_id) REFERENCES channel_entry (entry_id) ON DELETE CASCADE,
            FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind) ON DELETE CASCADE);
        CREATE TABLE related_image (image TEXT, operatorbundle_name TEXT,
            FOREIGN KEY (operatorbundle_name) REFERENCES operatorbundle (name) ON DELETE CASCADE);
        INSERT INTO package VALUES ('old', NULL);
        INSERT INTO api VALUES ('old.example.com', 'v1', 'Old', 'olds');
    "
    .to_owned();
    for (v, replaces) in [(1, ""), (2, r#","replaces":"old.v1""#)] {
        let csv = csv(v, replaces);
        script += &format!(
            "INSERT INTO operatorbundle (name, csv, bundle, version) VALUES ('old.v{v}', '{csv}', '{csv}', '{v}.0.0');"
        );
    }
    script += "
        INSERT INTO channel VALUES ('c', 'old', 'old.v2');
        UPDATE package SET default_channel = 'c';
        INSERT INTO channel_entry VALUES (1, 'c', 'old', 'old.v2', 2, 0), (2, 'c', 'old', 'old.v1', NULL, 1);
        INSERT INTO api_provider VALUES ('old.example.com', 'v1', 'Old', 1), ('old.example.com', 'v1', 'Old', 2);
        INSERT INTO api_requirer VALUES ('old.example.com', 'v1', 'Old', 1);
        INSERT INTO related_image VALUES ('reg.example/old:2', 'old.v2');
    ";
    Connection::open(path).unwrap().execute_batch(&script).unwrap();
}
