//! Versions 7 to 13: edges of bundles, dependencies, properties, substitution, deprecation.

use rusqlite::{Connection, params};

use crate::StoreError;

pub(super) fn replaces_and_skips(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "ALTER TABLE operatorbundle ADD COLUMN replaces TEXT;
        ALTER TABLE operatorbundle ADD COLUMN skips TEXT;",
    )?;
    conn.execute_batch(include_str!("../triggers.sql"))?;
    // The names that the entries of a bundle point to, and whether the entry is the bundle's own in the chain, which is its
    // first in the channel: that one points to what it replaces, the others to what it skips.
    let mut edges = conn.prepare(
        "SELECT e.operatorbundle_name, r.operatorbundle_name,
            row_number() OVER (PARTITION BY e.operatorbundle_name, e.package_name, e.channel_name ORDER BY e.depth, e.entry_id) = 1
        FROM channel_entry e
        LEFT JOIN channel_entry r ON e.replaces = r.entry_id
        JOIN operatorbundle b ON b.name = e.operatorbundle_name
        ORDER BY e.operatorbundle_name, e.depth, e.entry_id",
    )?;
    let mut rows = edges.query([])?;
    let mut bundle = String::new();
    let (mut replaces, mut skips) = (String::new(), Vec::<String>::new());
    let write =
        |bundle: &str, replaces: &str, skips: &[String]| -> rusqlite::Result<()> {
            if !replaces.is_empty() || !skips.is_empty() {
                conn.prepare_cached("UPDATE operatorbundle SET replaces = ?1, skips = ?2 WHERE name = ?3")?
                    .execute([replaces, &skips.join(","), bundle])?;
            }
            Ok(())
        };
    while let Some(row) = rows.next()? {
        let (name, target, is_own): (String, Option<String>, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if name != bundle {
            write(&bundle, &replaces, &skips)?;
            replaces.clear();
            skips.clear();
            bundle = name;
        }
        let Some(target) = target else { continue };
        if is_own && replaces.is_empty() {
            skips.retain(|skip| *skip != target);
            replaces = target;
        } else if replaces != target && !skips.contains(&target) {
            skips.push(target);
        }
    }
    Ok(write(&bundle, &replaces, &skips)?)
}

pub(super) fn dependencies(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS dependencies (
            type TEXT, value TEXT, operatorbundle_name TEXT, operatorbundle_version TEXT, operatorbundle_path TEXT,
            FOREIGN KEY (operatorbundle_name, operatorbundle_version, operatorbundle_path)
                REFERENCES operatorbundle (name, version, bundlepath) ON DELETE CASCADE);
        INSERT INTO dependencies
            SELECT DISTINCT 'olm.gvk', json_object('group', group_name, 'kind', kind, 'version', version),
                operatorbundle_name, operatorbundle_version, operatorbundle_path
            FROM api_requirer ORDER BY rowid;",
    )?;
    Ok(())
}

pub(super) fn properties(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS properties (
            type TEXT, value TEXT, operatorbundle_name TEXT, operatorbundle_version TEXT, operatorbundle_path TEXT,
            FOREIGN KEY (operatorbundle_name, operatorbundle_version, operatorbundle_path)
                REFERENCES operatorbundle (name, version, bundlepath) ON DELETE CASCADE);
        INSERT INTO properties
            SELECT DISTINCT 'olm.package', json_object('packageName', e.package_name, 'version', ifnull(b.version, '')),
                b.name, b.version, b.bundlepath
            FROM operatorbundle b JOIN channel_entry e ON e.operatorbundle_name = b.name ORDER BY b.rowid, e.entry_id;
        INSERT INTO properties
            SELECT DISTINCT 'olm.gvk', json_object('group', group_name, 'kind', kind, 'version', version),
                operatorbundle_name, operatorbundle_version, operatorbundle_path
            FROM api_provider ORDER BY rowid;",
    )?;
    // Dependencies of version 8 repeat their type within the value.
    let mut typed = conn.prepare("SELECT rowid, CAST(value AS BLOB) FROM dependencies WHERE value IS NOT NULL")?;
    let mut rows = typed.query([])?;
    while let Some(row) = rows.next()? {
        let (rowid, value): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        if let Ok(serde_json::Value::Object(mut object)) = serde_json::from_slice(&value)
            && object.remove("type").is_some()
        {
            let stripped = opm_document::json::to_string(&serde_json::Value::Object(object));
            conn.execute("UPDATE dependencies SET value = ?1 WHERE rowid = ?2", params![stripped, rowid])?;
        }
    }
    Ok(())
}

pub(super) fn path_in_properties(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "UPDATE properties SET operatorbundle_path = (
            SELECT b.bundlepath FROM operatorbundle b
            WHERE b.name = operatorbundle_name AND b.version IS operatorbundle_version)
        WHERE EXISTS (
            SELECT 1 FROM operatorbundle b
            WHERE b.name = operatorbundle_name AND b.version IS operatorbundle_version);",
    )?;
    Ok(())
}

pub(super) fn substitutes_for(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch("ALTER TABLE operatorbundle ADD COLUMN substitutesfor TEXT;")?;
    Ok(())
}

pub(super) fn deprecated(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS deprecated (operatorbundle_name TEXT PRIMARY KEY);
        INSERT OR IGNORE INTO deprecated
            SELECT DISTINCT operatorbundle_name FROM properties WHERE type = 'olm.deprecated' AND operatorbundle_name IS NOT NULL;",
    )?;
    Ok(())
}

pub(super) fn prune_deprecated(conn: &Connection) -> Result<(), StoreError> {
    // Other tools left rows without a name in an earlier upgrade, and properties as BLOBs, which no lookup by text finds.
    conn.execute_batch(
        "DELETE FROM operatorbundle WHERE name IS NULL;
        DELETE FROM deprecated WHERE operatorbundle_name NOT IN (SELECT name FROM operatorbundle);
        UPDATE properties SET value = CAST(value AS TEXT) WHERE typeof(value) = 'blob';",
    )?;
    Ok(())
}
