//! Storing one bundle, and taking one out again.

use opm_bundle::Bundle;
use opm_model::edit::Refusal;
use opm_model::property_type;
use rusqlite::{Connection, params};

use crate::edit::Edit;
use crate::{StoreError, add};

impl Edit<'_> {
    /// Stores a bundle: its row, related images, dependencies, properties and APIs. It is in no channel yet.
    ///
    /// With `alpha`, a bundle may stand in for another one (`olm.substitutesFor`), and the edges of the bundles around it are
    /// rewritten accordingly; without, such a bundle is an error.
    pub fn insert_bundle(&self, bundle: &Bundle, alpha: bool) -> Result<(), StoreError> {
        let Err(error) = self.atomically(|| self.insert_parts(bundle, alpha)) else { return Ok(()) };
        Err(StoreError::Bundle {
            name: bundle.name.clone(),
            version: bundle.version.clone(),
            image: bundle.image.clone(),
            source: Box::new(error.finding()?),
        })
    }

    fn insert_parts(&self, bundle: &Bundle, alpha: bool) -> Result<(), StoreError> {
        if !bundle.substitutes_for.is_empty() && !alpha {
            return Err(Refusal::AlphaOnly(bundle.name.clone()).into());
        }
        let conn = self.conn;
        let key = [bundle.name.as_str(), &bundle.version, &bundle.image];
        if let Some(why) = clash(conn, key)? {
            return Err(Refusal::AddBundle { name: bundle.name.clone(), why }.into());
        }
        conn.prepare_cached(
            "INSERT INTO operatorbundle (name, csv, bundle, bundlepath, version, skiprange, replaces, skips, substitutesfor)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            bundle.name,
            bundle.csv_json,
            bundle.objects_json,
            bundle.image,
            bundle.version,
            bundle.skip_range,
            bundle.replaces,
            bundle.skips.join(","),
            bundle.substitutes_for,
        ])?;
        let mut statement =
            conn.prepare_cached("INSERT INTO related_image (image, operatorbundle_name) VALUES (?1, ?2)")?;
        for image in &bundle.related_images {
            statement.execute([image, &bundle.name])?;
        }
        let mut statement = conn.prepare_cached(
            "INSERT INTO dependencies (type, value, operatorbundle_name, operatorbundle_version, operatorbundle_path)
            VALUES (?1, ?2, ?3, nullif(?4, ''), nullif(?5, ''))",
        )?;
        for dependency in &bundle.dependencies {
            statement.execute(params![dependency.kind, dependency.value.as_bytes(), key[0], key[1], key[2]])?;
        }
        for property in &bundle.properties {
            add_property(conn, &property.kind, &property.value, key)?;
        }
        if is_deprecated(conn, &bundle.name)?
            && !bundle.properties.iter().any(|p| p.kind == property_type::DEPRECATED && p.value == "{}")
        {
            add_property(conn, property_type::DEPRECATED, "{}", key)?;
        }
        if alpha {
            add::substitutes::rewrite(conn, &bundle.name)?;
        }
        for (table, apis) in [("api_provider", &bundle.provided_apis), ("api_requirer", &bundle.required_apis)] {
            for api in apis {
                conn.prepare_cached(
                    "INSERT OR IGNORE INTO api (group_name, version, kind, plural) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute([&api.group, &api.version, &api.kind, &api.plural])?;
                conn.prepare_cached(&format!(
                    "INSERT INTO {table} (group_name, version, kind, operatorbundle_name, operatorbundle_version, operatorbundle_path)
                    VALUES (?1, ?2, ?3, ?4, nullif(?5, ''), nullif(?6, ''))",
                ))?
                .execute([&api.group, &api.version, &api.kind, key[0], key[1], key[2]])?;
            }
        }
        Ok(())
    }
}

/// Which uniqueness rule forbids a bundle of this name, version and image.
fn clash(conn: &Connection, [name, version, image]: [&str; 3]) -> rusqlite::Result<Option<String>> {
    let mut statement = conn.prepare_cached("SELECT version, bundlepath FROM operatorbundle WHERE name = ?1")?;
    let mut rows = statement.query([name])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (has_version, has_image): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
    let (has_version, has_image) = (has_version.unwrap_or_default(), has_image.unwrap_or_default());
    let columns = if has_version == version && has_image == image {
        "operatorbundle.name, operatorbundle.version, operatorbundle.bundlepath"
    } else {
        "operatorbundle.name"
    };
    let place = if conn.prepare_cached("SELECT 1 FROM channel_entry WHERE operatorbundle_name = ?1")?.exists([name])? {
        "a bundle of that name is in the catalog already"
    } else {
        "a bundle of that name is in the catalog already, but in no channel: remove it with prune-stranded, then run this again"
    };
    let version = if has_version.is_empty() { String::new() } else { format!(", version {has_version}") };
    let image = if has_image.is_empty() { String::new() } else { format!(", image {has_image}") };
    Ok(Some(format!("UNIQUE constraint failed: {columns}: {place}{version}{image}")))
}

pub(crate) fn is_deprecated(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM deprecated WHERE operatorbundle_name = ?1")?.exists([name])
}

pub(crate) fn exists(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM operatorbundle WHERE name = ?1")?.exists([name])
}

/// Adds a property to the bundle with this name, version and image.
pub(crate) fn add_property(conn: &Connection, kind: &str, value: &str, key: [&str; 3]) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO properties (type, value, operatorbundle_name, operatorbundle_version, operatorbundle_path)
        VALUES (?1, ?2, ?3, nullif(?4, ''), nullif(?5, ''))",
    )?
    .execute([kind, value, key[0], key[1], key[2]])?;
    Ok(())
}

/// Deletes a bundle with all that belongs to it by name. Its channel entries, and channels that it heads, stay.
pub(crate) fn delete_parts(conn: &Connection, name: &str) -> rusqlite::Result<()> {
    for table in ["api_provider", "api_requirer", "related_image", "dependencies", "properties"] {
        conn.prepare_cached(&format!("DELETE FROM {table} WHERE operatorbundle_name = ?1"))?.execute([name])?;
    }
    Ok(())
}

/// Deletes a bundle: its row, all that belongs to it, the channels that it heads with their entries, and the packages whose
/// default channel is one of these.
pub(crate) fn delete(conn: &Connection, name: &str) -> rusqlite::Result<()> {
    delete_parts(conn, name)?;
    delete_channels_headed_by(conn, name)?;
    conn.prepare_cached("DELETE FROM operatorbundle WHERE name = ?1")?.execute([name])?;
    Ok(())
}

/// Deletes the channels that a bundle heads, with their entries and the packages whose default channel is one of them.
pub(crate) fn delete_channels_headed_by(conn: &Connection, name: &str) -> rusqlite::Result<()> {
    let mut statement =
        conn.prepare_cached("SELECT package_name, name FROM channel WHERE head_operatorbundle_name = ?1")?;
    let headed: Vec<(String, String)> =
        statement.query_map([name], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
    for (package, channel) in headed {
        delete_entries(conn, &package, &channel)?;
        conn.prepare_cached("DELETE FROM package WHERE name = ?1 AND default_channel = ?2")?
            .execute([&package, &channel])?;
        conn.prepare_cached("DELETE FROM channel WHERE package_name = ?1 AND name = ?2")?
            .execute([&package, &channel])?;
    }
    Ok(())
}

/// Deletes all entries of a channel.
pub(crate) fn delete_entries(conn: &Connection, package: &str, channel: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM channel_entry WHERE package_name = ?1 AND channel_name = ?2")?
        .execute([package, channel])?;
    Ok(())
}
