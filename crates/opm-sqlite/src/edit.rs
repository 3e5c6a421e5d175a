//! Editing: one command, one transaction.

use std::fs::{File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use opm_model::Stop;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tempfile::TempDir;

use crate::{StoreError, journals, migrations};

/// How long to wait for another process that holds the database.
#[cfg(not(test))]
pub(crate) fn patience() -> std::time::Duration {
    std::time::Duration::from_secs(5)
}
#[cfg(test)]
pub(crate) use crate::testing::patience;

/// How many steps of SQLite's machine to take between looks at the wish to stop.
const STEPS_BETWEEN_LOOKS: std::ffi::c_int = 10_000;
/// What every SQLite database begins with (section 1.3 of the database file format).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where it says what a reader must understand: 1 for rollback journals, 2 for write-ahead logs.
const READ_VERSION_AT: usize = 19;
/// The smallest size of a page, and so of a database that is not empty, in bytes.
const SMALLEST: u64 = 512;
/// How much of it is looked at, in bytes.
const HEAD: usize = 20;

/// A database in the middle of an edit: all of it happens, or none.
pub struct Edit<'c> {
    pub(crate) conn: &'c Connection,
    stop: &'c Stop,
}

impl Edit<'_> {
    /// Runs a part of an edit that is undone as a whole where it fails, so that the rest of the edit can go on.
    pub(crate) fn atomically<T>(&self, part: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.go_on()?;
        self.conn.execute_batch("SAVEPOINT part")?;
        let result = part();
        // A full disk or an interrupt ends the transaction and its savepoints by itself.
        if !self.conn.is_autocommit() {
            let end = if result.is_ok() { "RELEASE part" } else { "ROLLBACK TO part; RELEASE part" };
            self.conn.execute_batch(end)?;
        }
        result
    }

    /// Whether the edit may go on: nobody wants it to stop, and no failure has ended its transaction.
    fn go_on(&self) -> Result<(), StoreError> {
        // Statements look at the wish by themselves, but most are too short to get to it.
        if self.stop.is_asked() {
            return Err(StoreError::Stopped);
        }
        if self.conn.is_autocommit() { Err(StoreError::GivenUp) } else { Ok(()) }
    }
}

/// What is done once an edit succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    #[default]
    Keep,
    /// The space of what was removed is given back to the file system.
    Vacuum,
}

/// Edits the database at `path` by `work`: creates it where it is missing, upgrades it to the last schema, does the work,
/// and checks the result. All of that is one transaction: whatever fails, the file is afterwards what it was before.
///
/// Waits some seconds for other processes that hold the database. `stop` ends the work early.
pub fn edit<T>(
    path: &Path,
    afterwards: Afterwards,
    stop: &Stop,
    work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return make(path, None, Persist::New, stop, work),
        Err(source) => return Err(StoreError::Io { doing: "look at", path: path.to_owned(), source }),
        Ok(found) if !found.is_file() => return Err(StoreError::NotAFile(path.to_owned())),
        // SQLite takes a file of one byte for an empty one.
        Ok(found) if (1..SMALLEST).contains(&found.len()) => return Err(StoreError::NotADatabase(path.to_owned())),
        Ok(_) => {}
    }
    let mut conn = open(path).map_err(|e| StoreError::from(e).at(path))?;
    let edited = watch(&mut conn, stop).map_err(StoreError::from).and_then(|()| transact(&mut conn, path, stop, work));
    let answer = edited.map_err(|e| e.at(path))?;
    drop(conn);
    if afterwards == Afterwards::Vacuum
        && let Err(why) = open(path).and_then(|conn| conn.execute_batch("VACUUM"))
    {
        tracing::warn!("{}: the edit is done, but unused space stays in the file: {why}", path.display());
    }
    Ok(answer)
}

/// Makes the database at `path` anew by `work`, in place of what was there: from a copy of the database `from`, upgraded to
/// the last schema, or from nothing. It appears under its name once it is complete; until then, and whatever fails, `path` is
/// what it was before.
pub fn create<T>(
    path: &Path,
    from: Option<&Path>,
    stop: &Stop,
    work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    make(path, from, Persist::Replace, stop, work)
}

/// What a new database does to a file that has its name by then.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Persist {
    /// It takes its place.
    Replace,
    /// Another process has made it meanwhile: what that did must not be lost.
    New,
}

fn make<T>(
    path: &Path,
    from: Option<&Path>,
    persist: Persist,
    stop: &Stop,
    work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let fault = |doing| move |source| StoreError::Io { doing, path: path.to_owned(), source };
    // A link stays one: what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new()
        .prefix(".opm-")
        .suffix(".tmp")
        .permissions(permissions(&target))
        .tempfile_in(parent)
        .map_err(fault("create"))?;
    if let Some(from) = from {
        check_magic(from)?;
        let io = |source| StoreError::Io { doing: "copy", path: from.to_owned(), source };
        if journals::any_of(from) {
            let private = private_dir().map_err(fault("create a temporary directory for"))?;
            let settled = private.path().join("catalog.db");
            journals::settle_into(from, &settled).map_err(|e| e.at(from))?;
            journals::copy(&settled, draft.as_file()).map_err(io)?;
        } else {
            journals::copy(from, draft.as_file()).map_err(io)?;
        }
    }
    let answer = fill(draft.path(), from.is_some(), stop, work).map_err(|e| e.at(from.unwrap_or(path)))?;
    draft.as_file().sync_all().map_err(fault("write"))?;
    match persist {
        Persist::Replace => draft.persist(&target).map_err(|e| fault("create")(e.error))?,
        Persist::New => draft.persist_noclobber(&target).map_err(|e| match e.error.kind() {
            std::io::ErrorKind::AlreadyExists => StoreError::Locked(path.to_owned()),
            _ => fault("create")(e.error),
        })?,
    };
    Ok(answer)
}

/// The permissions of the file at `path`, or those that a new file gets.
#[cfg(unix)]
fn permissions(path: &Path) -> Permissions {
    std::fs::metadata(path).map_or_else(|_| Permissions::from_mode(0o666), |m| m.permissions())
}

fn fill<T>(
    draft: &Path,
    is_copy: bool,
    stop: &Stop,
    work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut conn = open(draft)?;
    // Nobody sees the draft before it is complete and on the disk, so its journal need not outlive this process.
    conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384")?;
    watch(&mut conn, stop)?;
    let answer = transact(&mut conn, draft, stop, work)?;
    if is_copy {
        conn.execute_batch("PRAGMA journal_mode = OFF; VACUUM; PRAGMA journal_mode = DELETE")?;
    }
    Ok(answer)
}

/// One transaction: the upgrade of the schema, where it is due, and the work.
fn transact<T>(
    conn: &mut Connection,
    path: &Path,
    stop: &Stop,
    work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    loop {
        let before = known_version(conn, path)?;
        // Tables are rebuilt in an upgrade, which enforced foreign keys would take for the loss of their rows; and whether
        // they are enforced can only be said outside a transaction.
        let upgrade = before < migrations::LATEST;
        conn.pragma_update(None, "foreign_keys", !upgrade)?;
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if known_version(&transaction, path)? != before {
            continue;
        }
        migrations::upgrade(&transaction)?;
        migrations::renew_triggers(&transaction)?;
        let edit = Edit { conn: &transaction, stop };
        let answer = work(&edit)?;
        edit.go_on()?;
        if upgrade {
            migrations::check_references(&transaction)?;
        }
        transaction.commit()?;
        return Ok(answer);
    }
}

/// The schema version of a database, provided that it is none of the future.
pub(crate) fn known_version(conn: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found = migrations::version(conn)?;
    if found > migrations::LATEST {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: migrations::LATEST });
    }
    Ok(found)
}

/// A temporary directory that only this user may enter.
pub(crate) fn private_dir() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("opm-serve-").permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Opens a database for reading and writing. The path is taken as it is: nothing in it has a meaning of its own.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let conn =
        Connection::open_with_flags(plain(path), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(patience())?;
    #[cfg(test)]
    crate::testing::opened(&conn)?;
    prepare_once(&conn)?;
    Ok(conn)
}

/// Makes statements be prepared once: not anew whenever a bound value might call for another plan.
pub(crate) fn prepare_once(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The path in a form that SQLite takes for a file even where it begins with a colon (as `:memory:` does).
pub(crate) fn plain(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// Makes the statements of `conn` end once `stop` is asked for.
pub(crate) fn watch(conn: &mut Connection, stop: &Stop) -> rusqlite::Result<()> {
    let stop = stop.clone();
    conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || stop.is_asked()))
}

/// Checks that a file is an SQLite database, or empty, which SQLite takes for a new one. Returns whether it has a write-ahead
/// log.
pub(crate) fn check_magic(path: &Path) -> Result<bool, StoreError> {
    let mut head = Vec::with_capacity(HEAD);
    let read = File::open(path).and_then(|f| f.take(HEAD as u64).read_to_end(&mut head));
    read.map_err(|source| StoreError::Io { doing: "read", path: path.to_owned(), source })?;
    if head.is_empty() || head.starts_with(MAGIC) {
        Ok(head.get(READ_VERSION_AT) == Some(&2))
    } else {
        Err(StoreError::NotADatabase(path.to_owned()))
    }
}
