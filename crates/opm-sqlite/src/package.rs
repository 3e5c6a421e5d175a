//! Building the channels of a package from its manifest: every chain from a head down, by `replaces` and `skips`.

use opm_model::edit::Refusal;
use opm_model::{PackageManifest, property_type};
use rusqlite::{Connection, OptionalExtension, params};

use crate::edit::Edit;
use crate::{StoreError, bundle};

impl Edit<'_> {
    /// Builds a package anew from its manifest, whose bundles are stored already. Heads that are deprecated lose their
    /// channel. All that is wrong is reported at once, and then the package is as it was before.
    pub fn load_package(&self, manifest: &PackageManifest) -> Result<(), StoreError> {
        self.atomically(|| self.rebuild(manifest))
    }

    fn rebuild(&self, manifest: &PackageManifest) -> Result<(), StoreError> {
        let conn = self.conn;
        let package = manifest.package.as_str();
        let mut errors = Vec::new();

        conn.prepare_cached("UPDATE package SET default_channel = NULL WHERE name = ?1")?.execute([package])?;
        for table in ["channel_entry", "channel"] {
            conn.prepare_cached(&format!("DELETE FROM {table} WHERE package_name = ?1"))?.execute([package])?;
        }
        conn.prepare_cached("INSERT OR IGNORE INTO package (name) VALUES (?1)")?.execute([package])?;

        let mut channels = Vec::new();
        let mut has_default = false;
        for channel in &manifest.channels {
            let (name, head) = (channel.name.as_str(), channel.current_csv.as_str());
            if bundle::is_deprecated(conn, head)? {
                continue;
            }
            let fault = |why| StoreError::AddChannel { channel: name.to_owned(), package: package.to_owned(), why };
            if !bundle::exists(conn, head)? {
                errors.push(fault(format!("FOREIGN KEY constraint failed: its head {head:?} is not in the catalog")));
                continue;
            }
            if channels.contains(&(name, head)) || channels.iter().any(|(n, _)| *n == name) {
                errors.push(fault(
                    "UNIQUE constraint failed: channel.name, channel.package_name: it is listed twice".to_owned(),
                ));
                continue;
            }
            conn.prepare_cached(
                "INSERT INTO channel (name, package_name, head_operatorbundle_name) VALUES (?1, ?2, ?3)",
            )?
            .execute([name, package, head])?;
            channels.push((name, head));
            if name == manifest.default_channel || manifest.channels.len() == 1 {
                conn.prepare_cached("UPDATE package SET default_channel = ?1 WHERE name = ?2")?
                    .execute([name, package])?;
                has_default = true;
            }
        }
        if !has_default {
            errors.push(Refusal::NoDefaultChannel(package.to_owned()).into());
        }
        for (channel, head) in channels {
            if let Err(error) = (Chain { conn, package, channel, depth: 0 }).walk(head) {
                errors.push(error.finding()?);
            }
        }
        StoreError::all(errors)
    }
}

/// What the graph needs to know of a stored bundle.
struct Node {
    replaces: String,
    skips: Vec<String>,
    version: String,
    image: String,
}

impl Node {
    fn read(conn: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        conn.prepare_cached("SELECT replaces, skips, version, bundlepath FROM operatorbundle WHERE name = ?1")?
            .query_row([name], |r| {
                let text = |i| r.get::<_, Option<String>>(i).map(Option::unwrap_or_default);
                Ok(Self { replaces: text(0)?, skips: split(&text(1)?), version: text(2)?, image: text(3)? })
            })
            .optional()
    }
}

/// The names in a list that is separated by commas.
pub(crate) fn split(list: &str) -> Vec<String> {
    if list.is_empty() { Vec::new() } else { list.split(',').map(str::to_owned).collect() }
}

/// The chain of one channel while it is written.
struct Chain<'a> {
    conn: &'a Connection,
    package: &'a str,
    channel: &'a str,
    depth: i64,
}

impl Chain<'_> {
    /// Writes the entries from the head down.
    fn walk(mut self, head: &str) -> Result<(), StoreError> {
        let mut name = head.to_owned();
        let mut entry = self.entry(&name, 0)?;
        let mut seen = vec![name.clone()];
        self.depth = 1;
        let mut node = Node::read(self.conn, &name)?;
        while let Some(current) = node {
            note_package(self.conn, self.package, &name, &current)?;
            if bundle::is_deprecated(self.conn, &name)? {
                break;
            }
            for skipped in &current.skips {
                let target = self.entry(skipped, self.depth)?;
                let from = self.entry(&name, self.depth)?;
                self.point(from, target)?;
                self.depth += 1;
            }
            if current.replaces.is_empty() {
                break;
            }
            let target = self.entry(&current.replaces, self.depth)?;
            let (package, channel, replaces) =
                (self.package.to_owned(), self.channel.to_owned(), current.replaces.clone());
            if seen.contains(&current.replaces) {
                return Err(Refusal::Cycle { package, channel, bundle: name, replaces }.into());
            }
            self.point(entry, target)?;
            node = Node::read(self.conn, &current.replaces)?;
            if node.is_none() {
                return Err(Refusal::ReplacesNothing { package, channel, bundle: name, replaces }.into());
            }
            self.depth += 1;
            entry = target;
            name = current.replaces;
            seen.push(name.clone());
        }
        Ok(())
    }

    fn entry(&self, bundle: &str, depth: i64) -> rusqlite::Result<i64> {
        add_entry(self.conn, self.package, self.channel, bundle, depth)
    }

    fn point(&self, entry: i64, target: i64) -> rusqlite::Result<()> {
        point_entry(self.conn, entry, target)
    }
}

/// Adds a channel entry that points nowhere; returns its id.
pub(crate) fn add_entry(
    conn: &Connection,
    package: &str,
    channel: &str,
    bundle: &str,
    depth: i64,
) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO channel_entry (channel_name, package_name, operatorbundle_name, depth) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![channel, package, bundle, depth])?;
    Ok(conn.last_insert_rowid())
}

/// Makes an entry point to another one.
pub(crate) fn point_entry(conn: &Connection, entry: i64, target: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE channel_entry SET replaces = ?1 WHERE entry_id = ?2")?.execute([target, entry])?;
    Ok(())
}

/// Gives a bundle its `olm.package` property for this package, unless it has one.
fn note_package(conn: &Connection, package: &str, name: &str, node: &Node) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT CAST(value AS TEXT) FROM properties WHERE operatorbundle_name = ?1 AND type = 'olm.package'",
    )?;
    let mut rows = statement.query([name])?;
    while let Some(row) = rows.next()? {
        if package_of(&row.get::<_, String>(0)?).as_deref() == Some(package) {
            return Ok(());
        }
    }
    let text = |s: &str| opm_document::json::to_string(&serde_json::Value::String(s.to_owned()));
    let value = format!("{{\"packageName\":{},\"version\":{}}}", text(package), text(&node.version));
    bundle::add_property(conn, property_type::PACKAGE, &value, [name, &node.version, &node.image])
}

/// The package that the value of an `olm.package` property names.
pub(crate) fn package_of(value: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(value).ok()?;
    Some(value.get("packageName")?.as_str()?.to_owned())
}
