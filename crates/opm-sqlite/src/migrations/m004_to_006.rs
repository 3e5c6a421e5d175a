//! Versions 4 to 6: deletions that cascade, versions and skip ranges, APIs that belong to bundles.

use rusqlite::Connection;

use super::{derived, each_csv};
use crate::StoreError;

pub(super) fn cascade(conn: &Connection) -> Result<(), StoreError> {
    // Each table is filled under a new name and then takes the place of the old one; references to the old name hold.
    conn.execute_batch(
        "CREATE TABLE new_operatorbundle (name TEXT PRIMARY KEY, csv TEXT, bundle TEXT, bundlepath TEXT);
        INSERT INTO new_operatorbundle (rowid, name, csv, bundle, bundlepath)
            SELECT rowid, name, csv, bundle, bundlepath FROM operatorbundle;
        DROP TABLE operatorbundle;
        ALTER TABLE new_operatorbundle RENAME TO operatorbundle;

        CREATE TABLE new_package (
            name TEXT PRIMARY KEY, default_channel TEXT,
            FOREIGN KEY (name, default_channel) REFERENCES channel (package_name, name) ON DELETE CASCADE);
        INSERT INTO new_package (rowid, name, default_channel) SELECT rowid, name, default_channel FROM package;
        DROP TABLE package;
        ALTER TABLE new_package RENAME TO package;

        CREATE TABLE new_channel (
            name TEXT, package_name TEXT, head_operatorbundle_name TEXT,
            PRIMARY KEY (name, package_name),
            FOREIGN KEY (head_operatorbundle_name) REFERENCES operatorbundle (name) ON DELETE CASCADE);
        INSERT INTO new_channel (rowid, name, package_name, head_operatorbundle_name)
            SELECT rowid, name, package_name, head_operatorbundle_name FROM channel;
        DROP TABLE channel;
        ALTER TABLE new_channel RENAME TO channel;

        CREATE TABLE new_channel_entry (
            entry_id INTEGER PRIMARY KEY, channel_name TEXT, package_name TEXT, operatorbundle_name TEXT,
            replaces INTEGER, depth INTEGER,
            FOREIGN KEY (replaces) REFERENCES channel_entry (entry_id) DEFERRABLE INITIALLY DEFERRED,
            FOREIGN KEY (channel_name, package_name) REFERENCES channel (name, package_name) ON DELETE CASCADE);
        INSERT INTO new_channel_entry SELECT entry_id, channel_name, package_name, operatorbundle_name, replaces, depth FROM channel_entry;
        DROP TABLE channel_entry;
        ALTER TABLE new_channel_entry RENAME TO channel_entry;

        CREATE TABLE new_api_provider (
            group_name TEXT, version TEXT, kind TEXT, channel_entry_id INTEGER,
            PRIMARY KEY (group_name, version, kind, channel_entry_id),
            FOREIGN KEY (channel_entry_id) REFERENCES channel_entry (entry_id) ON DELETE CASCADE,
            FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind) ON DELETE CASCADE);
        INSERT OR IGNORE INTO new_api_provider SELECT group_name, version, kind, channel_entry_id FROM api_provider;
        DROP TABLE api_provider;
        ALTER TABLE new_api_provider RENAME TO api_provider;

        CREATE TABLE new_api_requirer (
            group_name TEXT, version TEXT, kind TEXT, channel_entry_id INTEGER,
            PRIMARY KEY (group_name, version, kind, channel_entry_id),
            FOREIGN KEY (channel_entry_id) REFERENCES channel_entry (entry_id) ON DELETE CASCADE,
            FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind) ON DELETE CASCADE);
        INSERT OR IGNORE INTO new_api_requirer SELECT group_name, version, kind, channel_entry_id FROM api_requirer;
        DROP TABLE api_requirer;
        ALTER TABLE new_api_requirer RENAME TO api_requirer;

        CREATE TABLE new_related_image (
            image TEXT, operatorbundle_name TEXT,
            FOREIGN KEY (operatorbundle_name) REFERENCES operatorbundle (name) ON DELETE CASCADE);
        INSERT INTO new_related_image SELECT image, operatorbundle_name FROM related_image;
        DROP TABLE related_image;
        ALTER TABLE new_related_image RENAME TO related_image;",
    )?;
    Ok(())
}

pub(super) fn version_and_skip_range(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "ALTER TABLE operatorbundle ADD COLUMN skiprange TEXT;
        ALTER TABLE operatorbundle ADD COLUMN version TEXT;",
    )?;
    each_csv(conn, |name, csv| {
        let Some(csv) = opm_bundle::Csv::new(csv) else { return Ok(()) };
        let version = derived(name, csv.version());
        let skip_range = derived(name, csv.annotation(opm_bundle::SKIP_RANGE));
        conn.execute(
            "UPDATE operatorbundle SET version = ?1, skiprange = ?2 WHERE name = ?3",
            [version, skip_range, name],
        )?;
        Ok(())
    })
}

pub(super) fn apis_to_bundles(conn: &Connection) -> Result<(), StoreError> {
    for table in ["api_provider", "api_requirer"] {
        conn.execute_batch(&format!(
            "CREATE TABLE new_{table} (
                group_name TEXT, version TEXT, kind TEXT,
                operatorbundle_name TEXT, operatorbundle_version TEXT, operatorbundle_path TEXT,
                FOREIGN KEY (operatorbundle_name, operatorbundle_version, operatorbundle_path)
                    REFERENCES operatorbundle (name, version, bundlepath) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
                FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind) ON DELETE CASCADE);
            INSERT INTO new_{table}
                SELECT DISTINCT a.group_name, a.version, a.kind, b.name, b.version, b.bundlepath
                FROM {table} a
                JOIN channel_entry e ON e.entry_id = a.channel_entry_id
                JOIN operatorbundle b ON b.name = e.operatorbundle_name
                ORDER BY b.rowid, a.rowid;
            DROP TABLE {table};
            ALTER TABLE new_{table} RENAME TO {table};",
        ))?;
    }
    conn.execute_batch("CREATE UNIQUE INDEX IF NOT EXISTS pk ON operatorbundle (name, version, bundlepath);")?;
    Ok(())
}
