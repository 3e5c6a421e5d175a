//! The schema and its upgrades, from every version that was ever in use (0 to 12) to the last one.
//!
//! An upgrade runs within the transaction of an edit, with foreign keys not enforced, since it rebuilds tables. Old databases
//! may hold rows that point nowhere, which [`repair`] mends; afterwards [`check_references`] proves that every reference holds.

mod m000_to_003;
mod m004_to_006;
mod m007_to_013;
mod repair;

use rusqlite::{Connection, OptionalExtension};

use crate::StoreError;

/// The last version of the schema.
pub(crate) const LATEST: i64 = 13;

/// One step: from the version before it to the one at its place.
type Step = fn(&Connection) -> Result<(), StoreError>;

/// The steps by the version that each of them reaches.
const STEPS: [Step; 14] = [
    m000_to_003::init,
    m000_to_003::related_images,
    m000_to_003::bundle_path,
    m000_to_003::required_apis,
    m004_to_006::cascade,
    m004_to_006::version_and_skip_range,
    m004_to_006::apis_to_bundles,
    m007_to_013::replaces_and_skips,
    m007_to_013::dependencies,
    m007_to_013::properties,
    m007_to_013::path_in_properties,
    m007_to_013::substitutes_for,
    m007_to_013::deprecated,
    m007_to_013::prune_deprecated,
];

/// The version of the schema: -1 where the database has none yet.
pub(crate) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    if !has_table(conn, "schema_migrations")? {
        return Ok(-1);
    }
    let version = conn.query_row("SELECT version FROM schema_migrations LIMIT 1", [], |r| r.get(0)).optional()?;
    Ok(version.unwrap_or(-1))
}

pub(crate) fn has_table(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")?.exists([name])
}

/// Brings the database to the last version. Nothing happens where it is there already.
pub(crate) fn upgrade(conn: &Connection) -> Result<(), StoreError> {
    let version = version(conn)?;
    if version == -1 && !has_table(conn, "operatorbundle")? {
        conn.execute_batch("DROP TABLE IF EXISTS schema_migrations")?;
        conn.execute_batch(include_str!("../schema.sql"))?;
        conn.execute_batch(include_str!("../triggers.sql"))?;
        record(conn, LATEST)?;
        return Ok(());
    }
    if version < LATEST {
        step_to(conn, LATEST)?;
        repair::dangling(conn)?;
    }
    Ok(())
}

/// Gives the database the triggers of this program, unless it has them: an edit that changes nothing writes nothing.
pub(crate) fn renew_triggers(conn: &Connection) -> rusqlite::Result<()> {
    let triggers = include_str!("../triggers.sql");
    let own = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND instr(?1, sql) > 0";
    let found = crate::remove::texts(conn, own, [triggers])?.len();
    if found == triggers.matches("CREATE TRIGGER").count() { Ok(()) } else { conn.execute_batch(triggers) }
}

/// Takes every step up to `target`.
fn step_to(conn: &Connection, target: i64) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL, timestamp DATETIME DEFAULT CURRENT_TIMESTAMP)",
    )?;
    let current = version(conn)?;
    for (reached, step) in (0..).zip(STEPS) {
        if reached > current && reached <= target {
            step(conn)?;
            record(conn, reached)?;
        }
    }
    Ok(())
}

/// Writes down which version the schema has. The time of that is always the same: databases that are made alike are alike.
fn record(conn: &Connection, version: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM schema_migrations", [])?;
    conn.execute("INSERT INTO schema_migrations (version) VALUES (?1)", [version])?;
    let query = "SELECT count(*) FROM pragma_table_info('schema_migrations') WHERE name = 'timestamp'";
    if conn.query_row(query, [], |r| r.get::<_, i64>(0))? > 0 {
        conn.execute("UPDATE schema_migrations SET timestamp = '1970-01-01 00:00:00'", [])?;
    }
    Ok(())
}

/// Checks that every row which points to another one finds it.
pub(crate) fn check_references(conn: &Connection) -> Result<(), StoreError> {
    let broken = conn
        .query_row("PRAGMA foreign_key_check", [], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(2)?)))
        .optional()?;
    match broken {
        None => Ok(()),
        Some((table, parent)) => Err(StoreError::Upgrade { version: LATEST, table, parent }),
    }
}

/// The CSVs of all bundles that have one, as (name, JSON), one at a time.
fn each_csv(
    conn: &Connection,
    mut work: impl FnMut(&str, &opm_bundle::Object) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare("SELECT name, csv FROM operatorbundle WHERE csv IS NOT NULL AND name IS NOT NULL ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let csv = row.get_ref(1)?.as_bytes().unwrap_or_default();
        let decoded = opm_document::first(csv).ok().flatten().and_then(opm_bundle::Object::from_value);
        match decoded {
            Some(csv) => work(&name, &csv)?,
            None => {
                tracing::warn!("upgrade: bundle {name}: its stored CSV cannot be read, so nothing is derived from it");
            }
        }
    }
    Ok(())
}

/// What was derived from a CSV; a CSV that is not as it should be only warns, since the upgrade must not lose its bundle.
fn derived<T: Default>(name: &str, result: Result<T, opm_bundle::BundleError>) -> T {
    result.unwrap_or_else(|why| {
        tracing::warn!("upgrade: bundle {name}: {why}");
        T::default()
    })
}

#[cfg(test)]
mod tests;
