//! Versions 0 to 3: the first tables, related images, bundle images, required APIs.

use rusqlite::{Connection, params};

use super::{derived, each_csv};
use crate::StoreError;

pub(super) fn init(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS operatorbundle (name TEXT PRIMARY KEY, csv TEXT UNIQUE, bundle TEXT);
        CREATE TABLE IF NOT EXISTS package (
            name TEXT PRIMARY KEY, default_channel TEXT,
            FOREIGN KEY (name, default_channel) REFERENCES channel (package_name, name));
        CREATE TABLE IF NOT EXISTS channel (
            name TEXT, package_name TEXT, head_operatorbundle_name TEXT,
            PRIMARY KEY (name, package_name),
            FOREIGN KEY (package_name) REFERENCES package (name),
            FOREIGN KEY (head_operatorbundle_name) REFERENCES operatorbundle (name));
        CREATE TABLE IF NOT EXISTS channel_entry (
            entry_id INTEGER PRIMARY KEY, channel_name TEXT, package_name TEXT, operatorbundle_name TEXT,
            replaces INTEGER, depth INTEGER,
            FOREIGN KEY (replaces) REFERENCES channel_entry (entry_id) DEFERRABLE INITIALLY DEFERRED,
            FOREIGN KEY (channel_name, package_name) REFERENCES channel (name, package_name));
        CREATE TABLE IF NOT EXISTS api (
            group_name TEXT, version TEXT, kind TEXT, plural TEXT NOT NULL, PRIMARY KEY (group_name, version, kind));
        CREATE TABLE IF NOT EXISTS api_provider (
            group_name TEXT, version TEXT, kind TEXT, channel_entry_id INTEGER,
            FOREIGN KEY (channel_entry_id) REFERENCES channel_entry (entry_id),
            FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind));",
    )?;
    Ok(())
}

pub(super) fn related_images(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS related_image (
            image TEXT, operatorbundle_name TEXT,
            FOREIGN KEY (operatorbundle_name) REFERENCES operatorbundle (name));",
    )?;
    each_csv(conn, |name, csv| {
        let images = opm_bundle::Csv::new(csv).map(|csv| derived(name, csv.images())).unwrap_or_default();
        for image in images {
            conn.execute("INSERT INTO related_image (image, operatorbundle_name) VALUES (?1, ?2)", [&image, name])?;
        }
        Ok(())
    })
}

pub(super) fn bundle_path(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch("ALTER TABLE operatorbundle ADD COLUMN bundlepath TEXT;")?;
    Ok(())
}

pub(super) fn required_apis(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS api_requirer (
            group_name TEXT, version TEXT, kind TEXT, channel_entry_id INTEGER,
            FOREIGN KEY (channel_entry_id) REFERENCES channel_entry (entry_id),
            FOREIGN KEY (group_name, version, kind) REFERENCES api (group_name, version, kind));",
    )?;
    each_csv(conn, |name, csv| {
        let required = opm_bundle::Csv::new(csv).map(|csv| derived(name, csv.required_apis())).unwrap_or_default();
        for api in required {
            conn.execute(
                "INSERT OR IGNORE INTO api (group_name, version, kind, plural) VALUES (?1, ?2, ?3, ?4)",
                [&api.group, &api.version, &api.kind, &api.plural],
            )?;
            conn.execute(
                "INSERT INTO api_requirer (group_name, version, kind, channel_entry_id)
                SELECT ?1, ?2, ?3, entry_id FROM channel_entry WHERE operatorbundle_name = ?4",
                params![api.group, api.version, api.kind, name],
            )?;
        }
        Ok(())
    })
}
