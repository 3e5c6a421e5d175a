//! Taking out the head of a channel, so that another image with the same CSV name can take its place.

use rusqlite::Connection;

use crate::bundle;
use crate::remove::{texts, unlink};

/// Takes the bundle out of the package. Channels that it heads fall to the bundle that it replaces there, if any; the default
/// channel is kept in any case, since the package would go with it.
pub(super) fn take_out(conn: &Connection, package: &str, name: &str) -> rusqlite::Result<()> {
    let channels = texts(
        conn,
        "SELECT DISTINCT channel_name FROM channel_entry WHERE package_name = ?1 AND operatorbundle_name = ?2",
        [package, name],
    )?;
    for channel in channels {
        let next = texts(
            conn,
            "SELECT b.name FROM channel_entry e JOIN channel_entry r ON e.replaces = r.entry_id
            JOIN operatorbundle b ON b.name = r.operatorbundle_name
            WHERE e.package_name = ?1 AND e.channel_name = ?2 AND e.operatorbundle_name = ?3
                AND e.depth = (SELECT min(depth) FROM channel_entry
                    WHERE package_name = ?1 AND channel_name = ?2 AND operatorbundle_name = ?3)
            ORDER BY e.entry_id LIMIT 1",
            [package, &channel, name],
        )?;
        conn.execute(
            "UPDATE channel SET head_operatorbundle_name = ?1 WHERE package_name = ?2 AND name = ?3
                AND (?1 IS NOT NULL OR name = (SELECT default_channel FROM package WHERE name = ?2))",
            (next.first(), package, &channel),
        )?;
    }
    unlink(conn, name)?;
    conn.execute("DELETE FROM channel_entry WHERE operatorbundle_name = ?1", [name])?;
    bundle::delete(conn, name)?;
    conn.execute("DELETE FROM deprecated WHERE operatorbundle_name = ?1", [name])?;
    Ok(())
}
