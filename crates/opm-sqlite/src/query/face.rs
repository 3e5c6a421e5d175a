//! Making the face of a catalog.

use std::path::Path;

use opm_model::property_type;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Statement, params};

use super::edges::{Entry, edges};
use crate::StoreError;

/// Makes the face of the catalog behind `catalog` in a new database at `path`.
pub(super) fn make(catalog: &Connection, path: &Path) -> Result<(), StoreError> {
    let face = Connection::open(path)?;
    face.execute_batch(include_str!("face.sql"))?;
    let transaction = face.unchecked_transaction()?;
    copy(
        catalog,
        "SELECT name, default_channel FROM package WHERE name IS NOT NULL",
        &face,
        "INSERT INTO package VALUES (?1, ?2)",
        2,
    )?;
    copy(
        catalog,
        "SELECT package_name, name, head_operatorbundle_name FROM channel",
        &face,
        "INSERT OR IGNORE INTO channel VALUES (?1, ?2, ?3)",
        3,
    )?;
    copy(
        catalog,
        "SELECT rowid, name, version, bundlepath FROM operatorbundle",
        &face,
        "INSERT OR IGNORE INTO bundle VALUES (?1, ?2, ifnull(?3, ''), ifnull(?4, ''))",
        4,
    )?;
    entries(catalog, &face)?;
    owned(catalog, &face, "properties", "property")?;
    owned(catalog, &face, "dependencies", "dependency")?;
    face.execute_batch(
        "CREATE INDEX entry_by_replaced ON entry (replaced);
        CREATE INDEX entry_by_bundle ON entry (bundle);
        CREATE INDEX entry_by_place ON entry (package, channel, name);",
    )?;
    transaction.commit()?;
    Ok(())
}

/// Copies the rows of a query over `catalog` into a table of `face`.
fn copy(catalog: &Connection, query: &str, face: &Connection, insert: &str, columns: usize) -> rusqlite::Result<()> {
    let mut query = catalog.prepare(query)?;
    let mut insert = face.prepare(insert)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            insert.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
        }
        insert.raw_execute()?;
    }
    Ok(())
}

/// Fills `entry` and `place`, a channel at a time.
fn entries(catalog: &Connection, face: &Connection) -> rusqlite::Result<()> {
    face.execute_batch(
        "CREATE TEMP TABLE unsorted (bundle INTEGER, package TEXT, channel TEXT, replaces TEXT, skips TEXT)",
    )?;
    let mut insert_entry = face.prepare("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let mut insert_place = face.prepare("INSERT INTO temp.unsorted VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut find = face.prepare("SELECT id FROM bundle WHERE name = ?1")?;
    let mut query = catalog.prepare(
        "SELECT e.package_name, e.channel_name, e.entry_id, e.operatorbundle_name, e.replaces, r.operatorbundle_name, ifnull(e.depth, 0)
        FROM channel_entry e LEFT JOIN channel_entry r ON r.entry_id = e.replaces
        WHERE e.package_name IS NOT NULL AND e.channel_name IS NOT NULL AND e.operatorbundle_name IS NOT NULL
        ORDER BY e.package_name, e.channel_name, e.entry_id",
    )?;
    let mut rows = query.query([])?;
    let mut place = (String::new(), String::new());
    let mut channel: Vec<Entry> = Vec::new();
    while let Some(row) = rows.next()? {
        let here = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        if here != (place.0.as_str(), place.1.as_str()) {
            places(&mut insert_place, &place, &channel)?;
            channel.clear();
            place = (here.0.to_owned(), here.1.to_owned());
        }
        let name: String = row.get(3)?;
        let bundle: Option<i64> = find.query_map([&name], |r| r.get(0))?.next().transpose()?;
        let entry =
            Entry { id: row.get(2)?, name, bundle, points_to: row.get(4)?, replaced: row.get(5)?, depth: row.get(6)? };
        insert_entry.execute(params![
            entry.id,
            place.0,
            place.1,
            entry.name,
            entry.bundle,
            entry.replaced,
            entry.depth
        ])?;
        channel.push(entry);
    }
    places(&mut insert_place, &place, &channel)?;
    face.execute_batch(
        "INSERT INTO place (bundle, package, channel, replaces, skips)
            SELECT u.bundle, u.package, u.channel, u.replaces, u.skips FROM temp.unsorted u JOIN bundle b ON b.id = u.bundle
            ORDER BY b.name, u.package, u.channel;
        DROP TABLE temp.unsorted",
    )
}

fn places(
    insert: &mut Statement<'_>,
    (package, channel): &(String, String),
    entries: &[Entry],
) -> rusqlite::Result<()> {
    for place in edges(entries) {
        insert.execute(params![place.bundle, package, channel, place.replaces, place.skips.join(",")])?;
    }
    Ok(())
}

/// Fills `property` (and with it `provides`) or `dependency`.
fn owned(catalog: &Connection, face: &Connection, from: &str, to: &str) -> rusqlite::Result<()> {
    let mut query = catalog.prepare(&format!(
        "SELECT rowid, operatorbundle_name, operatorbundle_version, operatorbundle_path, type,
            CASE type WHEN 'olm.gvk' THEN CAST(value AS BLOB) END
        FROM {from} WHERE operatorbundle_name IS NOT NULL ORDER BY rowid",
    ))?;
    let mut find = face.prepare("SELECT id, version, image FROM bundle WHERE name = ?1")?;
    let mut insert = face.prepare(&format!("INSERT INTO {to} VALUES (?1, ?2, ?3)"))?;
    let mut provide = face.prepare("INSERT OR IGNORE INTO provides VALUES (?1, ?2, ?3, ?4)")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let mut found = find.query([row.get_ref(1)?.as_str()?])?;
        let Some(bundle) = found.next()? else { continue };
        let id: i64 = bundle.get(0)?;
        let agrees = |column, with| -> rusqlite::Result<bool> {
            let own = row.get_ref(column)?;
            Ok(own == rusqlite::types::ValueRef::Null || own.as_str()? == bundle.get_ref(with)?.as_str()?)
        };
        insert.execute(params![id, row.get::<_, i64>(0)?, agrees(2, 1)? && agrees(3, 2)?])?;
        if to == "property"
            && row.get_ref(4)?.as_bytes_or_null()? == Some(property_type::GVK.as_bytes())
            && let Some(api) = super::content::api(row.get_ref(5)?.as_bytes_or_null()?.unwrap_or_default())
        {
            provide.execute(params![api.group, api.version, api.kind, id])?;
        }
    }
    Ok(())
}
