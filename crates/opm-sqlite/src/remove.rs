//! Taking packages and stranded bundles out of a catalog.

use rusqlite::Connection;

use opm_model::edit::Refusal;

use crate::edit::Edit;
use crate::package::package_of;
use crate::{StoreError, bundle};

/// The columns by which rows are found that go with others.
const REMOVED_BY: [&str; 9] = [
    "api_provider (operatorbundle_name)",
    "api_requirer (operatorbundle_name)",
    "related_image (operatorbundle_name)",
    "dependencies (operatorbundle_name)",
    "properties (operatorbundle_name)",
    "channel_entry (operatorbundle_name)",
    "channel_entry (replaces)",
    "api_provider (group_name, version, kind)",
    "api_requirer (group_name, version, kind)",
];

impl Edit<'_> {
    /// The names of all packages, sorted.
    pub fn packages(&self) -> Result<Vec<String>, StoreError> {
        Ok(texts(self.conn, "SELECT name FROM package ORDER BY name", [])?)
    }

    /// Whether the catalog has channel entries of a package.
    pub fn has_package(&self, package: &str) -> Result<bool, StoreError> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM channel_entry WHERE package_name = ?1")?.exists([package])?)
    }

    /// Removes packages with their bundles, and then what is stranded. All names are checked first: any that the catalog
    /// lacks is an error, and then nothing is removed.
    pub fn remove_packages<S: AsRef<str>>(&self, packages: &[S]) -> Result<(), StoreError> {
        let mut errors = Vec::new();
        for package in packages {
            if !self.has_package(package.as_ref())? {
                errors.push(Refusal::NoPackage(package.as_ref().to_owned()).into());
            }
        }
        StoreError::all(errors)?;
        self.discard_packages(packages)
    }

    /// Removes packages with their bundles, as far as there are any, and then what is stranded.
    pub fn discard_packages<S: AsRef<str>>(&self, packages: &[S]) -> Result<(), StoreError> {
        self.indexed(|| {
            for package in packages {
                self.remove_package(package.as_ref())?;
            }
            self.remove_stranded()
        })
    }

    /// Runs a part of an edit that removes many rows, with indexes on the columns by which they are found, which the format
    /// lacks: without them, the time would grow with the square of the catalog's size. They are gone when the part ends.
    pub(crate) fn indexed<T>(&self, part: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let query = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'removal_0'";
        if self.conn.prepare_cached(query)?.exists([])? {
            return part();
        }
        for (i, columns) in REMOVED_BY.iter().enumerate() {
            self.conn.execute_batch(&format!("CREATE INDEX removal_{i} ON {columns}"))?;
        }
        let result = part();
        if !self.conn.is_autocommit() {
            for i in 0..REMOVED_BY.len() {
                self.conn.execute_batch(&format!("DROP INDEX removal_{i}"))?;
            }
        }
        result
    }

    fn remove_package(&self, package: &str) -> Result<(), StoreError> {
        let conn = self.conn;
        let names =
            texts(conn, "SELECT DISTINCT operatorbundle_name FROM channel_entry WHERE package_name = ?1", [package])?;
        conn.execute("UPDATE package SET default_channel = NULL WHERE name = ?1", [package])?;
        for name in names {
            conn.prepare_cached("DELETE FROM deprecated WHERE operatorbundle_name = ?1")?.execute([&name])?;
            unlink(conn, &name)?;
            conn.prepare_cached("DELETE FROM channel_entry WHERE operatorbundle_name = ?1")?.execute([&name])?;
            bundle::delete(conn, &name)?;
        }
        for table in ["channel_entry", "channel"] {
            conn.execute(&format!("DELETE FROM {table} WHERE package_name = ?1"), [package])?;
        }
        conn.execute("DELETE FROM package WHERE name = ?1", [package])?;
        Ok(())
    }

    /// Removes bundles that are in no channel, and the marks of deprecated bundles that are gone.
    ///
    /// A deprecated bundle may be in no channel and yet be kept, so that its mark outlives an edit; it goes when its package
    /// has gone.
    pub fn remove_stranded(&self) -> Result<(), StoreError> {
        let stranded = self.bundles_without_entries()?;
        if !stranded.is_empty() {
            self.indexed(|| {
                for (name, is_deprecated) in stranded {
                    if !is_deprecated || self.names_absent_package(&name)? {
                        bundle::delete(self.conn, &name)?;
                    }
                }
                Ok(())
            })?;
        }
        self.forget_marks()
    }

    /// The same for deprecated bundles alone, as it is due after each deprecation.
    pub(crate) fn remove_truncated(&self) -> Result<(), StoreError> {
        for (name, is_deprecated) in self.bundles_without_entries()? {
            if is_deprecated && self.names_absent_package(&name)? {
                bundle::delete(self.conn, &name)?;
            }
        }
        self.forget_marks()
    }

    /// The names of all bundles that are in no channel, and whether they are deprecated.
    fn bundles_without_entries(&self) -> Result<Vec<(String, bool)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT name, name IN (SELECT operatorbundle_name FROM deprecated) FROM operatorbundle
            WHERE name NOT IN (SELECT operatorbundle_name FROM channel_entry WHERE operatorbundle_name IS NOT NULL)
            ORDER BY name",
        )?;
        Ok(statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    fn forget_marks(&self) -> Result<(), StoreError> {
        let query = "DELETE FROM deprecated WHERE operatorbundle_name NOT IN (SELECT name FROM operatorbundle WHERE name IS NOT NULL)";
        self.conn.execute(query, [])?;
        Ok(())
    }

    /// Whether a property of the bundle names a package that is not in the catalog.
    fn names_absent_package(&self, name: &str) -> Result<bool, StoreError> {
        let query =
            "SELECT CAST(value AS TEXT) FROM properties WHERE operatorbundle_name = ?1 AND type = 'olm.package'";
        for value in texts(self.conn, query, [name])? {
            if let Some(package) = package_of(&value)
                && !self.conn.prepare_cached("SELECT 1 FROM package WHERE name = ?1")?.exists([package])?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Makes no entry point to entries of this bundle any more.
pub(crate) fn unlink(conn: &Connection, name: &str) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached("SELECT entry_id FROM channel_entry WHERE operatorbundle_name = ?1")?;
    let ids: Vec<i64> = statement.query_map([name], |r| r.get(0))?.collect::<Result<_, _>>()?;
    for id in ids {
        conn.prepare_cached("UPDATE channel_entry SET replaces = NULL WHERE replaces = ?1")?.execute([id])?;
    }
    Ok(())
}

/// The first column of a query's rows.
pub(crate) fn texts<P: rusqlite::Params>(conn: &Connection, query: &str, params: P) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare_cached(query)?;
    let rows = statement.query_map(params, |r| Ok(r.get::<_, Option<String>>(0)?.unwrap_or_default()))?;
    rows.collect()
}
