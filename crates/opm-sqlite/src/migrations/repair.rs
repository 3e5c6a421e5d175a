//! Rows of old databases that point nowhere. Before version 4 nothing kept them from coming about, and later programs that did
//! not enforce references made some, too.
//!
//! What a client could see is kept, by mending the reference; what nothing can reach goes, with a warning.

use rusqlite::Connection;

use crate::StoreError;

/// The entries of a channel that have a stored bundle, the nearest to the head first.
const NEAREST: &str = "SELECT b.name FROM channel_entry e JOIN operatorbundle b ON b.name = e.operatorbundle_name
    WHERE e.package_name = x.package AND e.channel_name = x.channel ORDER BY e.depth, e.entry_id LIMIT 1";

/// What is done, in this order: what it is called, and the statement.
fn mends() -> Vec<(String, String)> {
    let mut mends = Vec::new();
    let mut mend = |what: &str, sql: String| mends.push((what.to_owned(), sql));

    // Triggers must not take rows for removed that were never reachable; every edit makes them anew.
    mend("", "DROP TRIGGER IF EXISTS api_provider_cleanup".to_owned());
    mend("", "DROP TRIGGER IF EXISTS api_requirer_cleanup".to_owned());
    mend(
        "links to channel entries that do not exist were cleared",
        "UPDATE channel_entry SET replaces = NULL WHERE replaces NOT IN (SELECT entry_id FROM channel_entry)"
            .to_owned(),
    );
    mend(
        "channels that have entries, but were not listed, were added",
        format!(
            "INSERT INTO channel (name, package_name, head_operatorbundle_name)
            SELECT channel, package, ({NEAREST}) FROM (
                SELECT DISTINCT channel_name AS channel, package_name AS package FROM channel_entry e
                WHERE NOT EXISTS (SELECT 1 FROM channel c WHERE c.name = e.channel_name AND c.package_name = e.package_name)
                AND channel_name IS NOT NULL AND package_name IS NOT NULL) AS x",
        ),
    );
    mend(
        "channels whose head does not exist got the nearest stored bundle as head",
        format!(
            "UPDATE channel SET head_operatorbundle_name = (
                SELECT ({NEAREST}) FROM (SELECT channel.name AS channel, channel.package_name AS package) AS x)
            WHERE head_operatorbundle_name NOT IN (SELECT name FROM operatorbundle)",
        ),
    );
    mend(
        "default channels that do not exist were cleared",
        "UPDATE package SET default_channel = NULL WHERE NOT EXISTS (
            SELECT 1 FROM channel c WHERE c.name = default_channel AND c.package_name = package.name) AND default_channel IS NOT NULL"
            .to_owned(),
    );
    mend(
        "related images of bundles that do not exist were dropped",
        "DELETE FROM related_image WHERE operatorbundle_name NOT IN (SELECT name FROM operatorbundle)".to_owned(),
    );
    for table in ["api_provider", "api_requirer"] {
        // Clients are answered from properties and dependencies, which hold the same.
        mend(
            &format!("rows of {table} whose API is not known were dropped"),
            format!(
                "DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM api a
                    WHERE a.group_name = {table}.group_name AND a.version = {table}.version AND a.kind = {table}.kind)
                AND group_name IS NOT NULL AND version IS NOT NULL AND kind IS NOT NULL",
            ),
        );
    }
    for table in ["api_provider", "api_requirer", "dependencies", "properties"] {
        mend(
            &format!("rows of {table} for bundles that do not exist were dropped"),
            format!(
                "DELETE FROM {table} WHERE operatorbundle_name NOT IN (SELECT name FROM operatorbundle)
                AND operatorbundle_name IS NOT NULL",
            ),
        );
        // Listings go by the name alone, so that these rows were seen.
        mend(
            &format!("rows of {table} got the version and image of their bundle"),
            format!(
                "UPDATE {table} SET (operatorbundle_version, operatorbundle_path) = (
                    SELECT nullif(b.version, ''), nullif(b.bundlepath, '') FROM operatorbundle b WHERE b.name = operatorbundle_name)
                WHERE operatorbundle_version IS NOT NULL AND operatorbundle_path IS NOT NULL AND operatorbundle_name IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM operatorbundle b WHERE b.name = operatorbundle_name
                    AND b.version = operatorbundle_version AND b.bundlepath = operatorbundle_path)",
            ),
        );
    }
    mends
}

/// Mends or drops every row that points to one which does not exist.
pub(super) fn dangling(conn: &Connection) -> Result<(), StoreError> {
    for (what, sql) in mends() {
        let rows = conn.execute(&sql, [])?;
        if rows > 0 && !what.is_empty() {
            tracing::warn!("upgrade: {what} (rows: {rows})");
        }
    }
    Ok(())
}
