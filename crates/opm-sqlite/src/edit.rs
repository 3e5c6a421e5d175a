//! Editing: one command, one transaction.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opm_model::Stop;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{StoreError, migrations};

/// How long to wait for another process that holds the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many steps of SQLite's machine to take between looks at the wish to stop.
const STEPS_BETWEEN_LOOKS: std::ffi::c_int = 10_000;
/// What every SQLite database begins with (section 1.3 of the database file format).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A database in the middle of an edit: all of it happens, or none.
pub struct Edit<'c> {
    pub(crate) conn: &'c Connection,
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
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return create(path, None, stop, work),
        Err(source) => return Err(StoreError::Io { doing: "look at", path: path.to_owned(), source }),
        Ok(found) if !found.is_file() => return Err(StoreError::NotAFile(path.to_owned())),
        Ok(_) => {}
    }
    check_magic(path)?;
    let mut conn = open(path).map_err(|e| StoreError::from(e).at(path))?;
    let edited = watch(&mut conn, stop).map_err(StoreError::from).and_then(|()| transact(&mut conn, path, work));
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
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fault = |doing| move |source| StoreError::Io { doing, path: path.to_owned(), source };
    let draft = tempfile::Builder::new()
        .prefix(".opm-")
        .suffix(".tmp")
        .permissions(permissions(path))
        .tempfile_in(parent)
        .map_err(fault("create"))?;
    if let Some(from) = from {
        let io = |source| StoreError::Io { doing: "copy", path: from.to_owned(), source };
        check_magic(from)?;
        let mut file = File::open(from).map_err(io)?;
        std::io::copy(&mut file, &mut draft.as_file()).map_err(io)?;
    }
    let answer = fill(draft.path(), from.is_some(), stop, work).map_err(|e| e.at(from.unwrap_or(path)))?;
    draft.as_file().sync_all().map_err(fault("write"))?;
    draft.persist(path).map_err(|e| fault("create")(e.error))?;
    Ok(answer)
}

/// The permissions of the file at `path`, or those that a new file gets.
#[cfg(unix)]
fn permissions(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).map_or_else(|_| std::fs::Permissions::from_mode(0o666), |m| m.permissions())
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
    let answer = transact(&mut conn, draft, work)?;
    if is_copy {
        conn.execute_batch("PRAGMA journal_mode = OFF; VACUUM; PRAGMA journal_mode = DELETE")?;
    }
    Ok(answer)
}

/// One transaction: the upgrade of the schema, where it is due, and the work.
fn transact<T>(
    conn: &mut Connection,
    path: &Path,
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
        transaction.execute_batch(include_str!("triggers.sql"))?;
        let answer = work(&Edit { conn: &transaction })?;
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

/// Opens a database for reading and writing. The path is taken as it is: nothing in it has a meaning of its own.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let conn =
        Connection::open_with_flags(plain(path), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
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

/// Checks that a file is an SQLite database, or empty, which SQLite takes for a new one.
pub(crate) fn check_magic(path: &Path) -> Result<(), StoreError> {
    let mut head = Vec::with_capacity(MAGIC.len());
    let read = File::open(path).and_then(|f| f.take(MAGIC.len() as u64).read_to_end(&mut head));
    read.map_err(|source| StoreError::Io { doing: "read", path: path.to_owned(), source })?;
    if head.is_empty() || head == MAGIC { Ok(()) } else { Err(StoreError::NotADatabase(path.to_owned())) }
}
