//! Answering questions from a catalog, straight from its file.
//!
//! The format has no index on the columns that questions are asked by. So a small *face* of the catalog is made at the start,
//! in a private temporary database: names, edges and row numbers, but no content ([`face`]). An answer looks up its rows
//! there and reads from the catalog's own file just these, in short read transactions. Neither is held in memory.
//!
//! The catalog's file is opened read-only and never copied, unless its schema is old or a crashed writer left a journal: then
//! a private copy is upgraded or recovered and served. When another process commits an edit, the file's change counter
//! tells, and the face is made anew; likewise where another file takes its place.

mod answer;
mod content;
mod edges;
mod face;

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use opm_model::{Package, QueryError, Stop};
use rusqlite::{Connection, OpenFlags, ffi};
use tempfile::TempDir;

use crate::{Afterwards, StoreError, edit, journals, migrations};

/// Which bundles of a listing come with their manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// All.
    Always,
    /// All, but where places of a bundle follow each other on a page, only at the first of them.
    Once,
    /// Those without a bundle image, from which clients could take them.
    UnlessImage,
}

/// What to do about a catalog with an old schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaUpgrade {
    /// Upgrade a private copy.
    Copy,
    /// Refuse to open it.
    Refuse,
}

/// How long a reader waits for a writer that is about to commit.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that are kept open while nobody uses them.
const SPARE_CONNECTIONS: usize = 16;
/// Packages that a face remembers.
const PACKAGES_REMEMBERED: usize = 256;
/// How often an answer is begun anew because the catalog was edited meanwhile.
const ATTEMPTS: usize = 50;
/// Where the file's change counter stands (section 1.3.8 of the database file format).
const CHANGE_COUNTER_AT: u64 = 24;

/// An SQLite catalog that answers questions ([`opm_model::Query`]).
pub struct Catalog {
    path: PathBuf,
    content: Content,
    /// Holds the face, and the private copy where one is served.
    private: TempDir,
    face: RwLock<Arc<Face>>,
    making: Mutex<()>,
    faces_made: AtomicU64,
    spare: Mutex<Vec<Reader>>,
}

/// The face of the catalog at one state of its file.
struct Face {
    number: u64,
    path: PathBuf,
    /// The file that it was made of. Closing any handle of a file ends all locks that this process has on it, so that there
    /// is but one for as long as the file is served.
    file: Arc<File>,
    stamp: Stamp,
    /// Packages that were asked for: clients ask for the same few over and over.
    packages: Mutex<BTreeMap<String, Package>>,
}

/// What tells one state of a file from another: which file it is, and how often SQLite committed to it; size and time, since a
/// file may also be overwritten by other means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    counter: [u8; 4],
}

/// Device and number of a file.
fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

impl Stamp {
    /// The stamp of the file at `path`, of which `file` is a handle; `None` where that has another file by now.
    fn of(path: &Path, file: &File) -> std::io::Result<Option<Self>> {
        let found = std::fs::metadata(path)?;
        if identity(&found) != identity(&file.metadata()?) {
            return Ok(None);
        }
        let mut counter = [0; 4];
        file.read_exact_at(&mut counter, CHANGE_COUNTER_AT)?;
        let (file, modified) = (identity(&found), (found.mtime(), found.mtime_nsec()));
        Ok(Some(Self { file, size: found.size(), modified, counter }))
    }
}

/// A connection to the catalog, with a face attached.
struct Reader {
    face: Arc<Face>,
    conn: Connection,
}

impl Drop for Face {
    fn drop(&mut self) {
        // It may be gone already together with its directory.
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// Why an attempt at an answer ended.
enum Interruption {
    /// The face no longer fits the file.
    Stale,
    Failed(QueryError),
}

impl From<QueryError> for Interruption {
    fn from(error: QueryError) -> Self {
        Self::Failed(error)
    }
}

impl Catalog {
    /// Opens the catalog in the file at `path` for questions. Neither the file nor its directory is written.
    pub fn open(path: &Path, content: Content, upgrade: SchemaUpgrade) -> Result<Self, StoreError> {
        let io = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { doing, path, source }
        };
        match std::fs::metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(StoreError::Missing(path.to_owned())),
            Err(source) => return Err(io("look at", path)(source)),
            Ok(found) if !found.is_file() => return Err(StoreError::NotAFile(path.to_owned())),
            Ok(_) => {}
        }
        let has_log = edit::check_magic(path)?;
        let private = edit::private_dir().map_err(io("create a temporary directory in", &std::env::temp_dir()))?;
        let served = match in_place_or_copy(path, has_log, upgrade, private.path()).map_err(|e| e.at(path))? {
            Served::InPlace => path.to_owned(),
            Served::Copy(copy) => copy,
        };
        let first = make_face(&served, None, private.path(), 0).map_err(|e| e.at(path))?;
        Ok(Self {
            path: served,
            content,
            private,
            face: RwLock::new(Arc::new(first)),
            making: Mutex::new(()),
            faces_made: AtomicU64::new(1),
            spare: Mutex::new(Vec::new()),
        })
    }

    /// The private directory of this catalog. It goes with the catalog; an owner that cannot wait until all answers under way
    /// have let go of it may remove it before.
    pub fn private_dir(&self) -> &Path {
        self.private.path()
    }

    /// Runs `ask` on a connection whose face fits the catalog's file. Where `ask` reads the file itself, it does so in one
    /// read transaction during which no edit can be committed.
    fn read<T>(
        &self,
        stop: &Stop,
        reads_file: bool,
        mut ask: impl FnMut(&Reader) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        for _ in 0..ATTEMPTS {
            // Statements look at the wish by themselves, but most are too short to get to it.
            if stop.is_asked() {
                return Err(QueryError::Stopped);
            }
            let mut reader = self.reader()?;
            edit::watch(&mut reader.conn, stop).map_err(|e| self.fault(e))?;
            match self.attempt(&reader, reads_file, &mut ask) {
                Ok(answer) => {
                    self.give_back(reader);
                    return Ok(answer);
                }
                Err(Interruption::Stale) => {}
                Err(Interruption::Failed(_)) if stop.is_asked() => return Err(QueryError::Stopped),
                Err(Interruption::Failed(error)) => {
                    self.give_back(reader);
                    return Err(error);
                }
            }
        }
        Err(self.failure("the catalog is being edited without pause; ask again".to_owned()))
    }

    fn attempt<T>(
        &self,
        reader: &Reader,
        reads_file: bool,
        ask: &mut impl FnMut(&Reader) -> Result<T, QueryError>,
    ) -> Result<T, Interruption> {
        if !reads_file {
            return Ok(ask(reader)?);
        }
        let fault = |e| Interruption::Failed(self.fault(e));
        let transaction = reader.conn.unchecked_transaction().map_err(fault)?;
        // Any row takes the lock that keeps writers from committing.
        transaction
            .prepare_cached("SELECT count(*) FROM main.schema_migrations")
            .and_then(|mut s| s.query_row([], |_| Ok(())))
            .map_err(fault)?;
        if !self.is_current(&reader.face)? {
            return Err(Interruption::Stale);
        }
        Ok(ask(reader)?)
    }

    /// A package that was asked for before, if the catalog has not been edited since.
    fn remembered(&self, package: &str) -> Option<Package> {
        let face = self.current();
        if !self.is_current(&face).ok()? {
            return None;
        }
        face.packages.lock().unwrap_or_else(PoisonError::into_inner).get(package).cloned()
    }

    /// A connection with the current face, made anew where the file has changed since.
    fn reader(&self) -> Result<Reader, QueryError> {
        let mut face = self.current();
        if !self.is_current(&face)? {
            face = self.renew().map_err(|e| QueryError::Store(Box::new(e.at(&self.path))))?;
        }
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(reader) = spare.pop() {
            if reader.face.number == face.number {
                return Ok(reader);
            }
        }
        drop(spare);
        Reader::open(&self.path, face).map_err(|e| self.fault(e))
    }

    fn give_back(&self, reader: Reader) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_CONNECTIONS {
            spare.push(reader);
        }
    }

    fn current(&self) -> Arc<Face> {
        Arc::clone(&self.face.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the face anew, unless somebody else just has.
    fn renew(&self) -> Result<Arc<Face>, StoreError> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        if self.is_current(&current).is_ok_and(|is_current| is_current) {
            return Ok(current);
        }
        tracing::info!("{}: the catalog was edited; reading its index anew", self.path.display());
        let number = self.faces_made.fetch_add(1, Ordering::Relaxed);
        let face = Arc::new(make_face(&self.path, Some(&current.file), self.private.path(), number)?);
        *self.face.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&face);
        Ok(face)
    }

    /// Whether a face fits the file as it is now.
    fn is_current(&self, face: &Face) -> Result<bool, QueryError> {
        match Stamp::of(&self.path, &face.file) {
            Ok(now) => Ok(now == Some(face.stamp)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(QueryError::Store(Box::new(StoreError::Missing(self.path.clone()))))
            }
            Err(e) => Err(self.failure(e.to_string())),
        }
    }

    fn fault(&self, error: rusqlite::Error) -> QueryError {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
            return QueryError::Stopped;
        }
        QueryError::Store(Box::new(StoreError::from(error).at(&self.path)))
    }

    fn failure(&self, detail: String) -> QueryError {
        QueryError::Store(Box::new(StoreError::Failed { path: self.path.clone(), detail }))
    }
}

impl Reader {
    /// Remembers a package for as long as the catalog is not edited.
    fn remember(&self, package: &Package) {
        let mut packages = self.face.packages.lock().unwrap_or_else(PoisonError::into_inner);
        if packages.len() < PACKAGES_REMEMBERED {
            packages.insert(package.name.clone(), package.clone());
        }
    }

    fn open(path: &Path, face: Arc<Face>) -> rusqlite::Result<Self> {
        let conn = open_for_reading(path)?;
        conn.execute("ATTACH CAST(?1 AS TEXT) AS face", [face.path.as_os_str().as_bytes()])?;
        // Rows of content are too long to be worth caching, and nobody else writes the face.
        conn.execute_batch(
            "PRAGMA main.cache_size = -256; PRAGMA face.cache_size = -512; PRAGMA face.locking_mode = EXCLUSIVE",
        )?;
        Ok(Self { face, conn })
    }
}

/// Opens a database that is only read. The path is taken as it is: nothing in it has a meaning of its own.
fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(edit::plain(path), flags)?;
    conn.busy_timeout(PATIENCE)?;
    edit::prepare_once(&conn)?;
    Ok(conn)
}

enum Served {
    InPlace,
    Copy(PathBuf),
}

/// Finds out whether the file can be served as it is; where it cannot, makes a private copy that can.
///
/// A database with a write-ahead log cannot: reading it makes files beside it, and its counter does not tell of edits. So edits
/// of such a database are not seen while it is served.
fn in_place_or_copy(path: &Path, has_log: bool, upgrade: SchemaUpgrade, private: &Path) -> Result<Served, StoreError> {
    let copy = private.join("catalog.db");
    let mut conn = open_for_reading(if has_log { settle(path, &copy)? } else { path })?;
    let version = match edit::known_version(&conn, path) {
        Err(StoreError::Sql(error)) if needs_recovery(&error) => {
            conn = open_for_reading(settle(path, &copy)?)?;
            edit::known_version(&conn, path)?
        }
        version => version?,
    };
    if version == migrations::LATEST {
        return Ok(if copy.exists() { Served::Copy(copy) } else { Served::InPlace });
    }
    if version == -1 && !migrations::has_table(&conn, "operatorbundle")? {
        return Err(StoreError::NotACatalog(path.to_owned()));
    }
    if upgrade == SchemaUpgrade::Refuse {
        return Err(StoreError::Older { path: path.to_owned(), found: version, known: migrations::LATEST });
    }
    tracing::info!("{}: a copy upgraded from schema version {version} is served", path.display());
    if !copy.exists() {
        conn.execute("VACUUM INTO CAST(?1 AS TEXT)", [copy.as_os_str().as_bytes()])?;
    }
    drop(conn);
    edit::edit(&copy, Afterwards::Keep, &Stop::new(), |_| Ok(()))?;
    Ok(Served::Copy(copy))
}

/// Whether an error means that the file must be written before it can be read.
fn needs_recovery(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|e| e.extended_code);
    code.is_some_and(|c| c & 0xff == ffi::SQLITE_READONLY || c & 0xff == ffi::SQLITE_CANTOPEN)
}

/// Makes a copy of a database that has a journal or a log beside it.
fn settle<'a>(path: &Path, copy: &'a Path) -> Result<&'a Path, StoreError> {
    tracing::info!("{}: it has a log, or its last writer did not finish; a copy is served", path.display());
    journals::settle_into(path, copy)?;
    Ok(copy)
}

/// Makes the face of the catalog at its current state. `last` is a handle of the file that was served until now.
fn make_face(path: &Path, last: Option<&Arc<File>>, private: &Path, number: u64) -> Result<Face, StoreError> {
    let io = |source| StoreError::Io { doing: "read", path: path.to_owned(), source };
    for _ in 0..ATTEMPTS {
        let is_same = |last: &File| -> std::io::Result<bool> {
            Ok(identity(&last.metadata()?) == identity(&std::fs::metadata(path)?))
        };
        let file = match last {
            Some(last) if is_same(last).map_err(io)? => Arc::clone(last),
            _ => Arc::new(File::open(path).map_err(io)?),
        };
        let conn = open_for_reading(path)?;
        let transaction = conn.unchecked_transaction()?;
        edit::known_version(&transaction, path)?;
        if let Some(stamp) = Stamp::of(path, &file).map_err(io)? {
            let path = private.join(format!("face-{number}.db"));
            let face = Face { number, path, file, stamp, packages: Mutex::default() };
            face::make(&transaction, &face.path)?;
            return Ok(face);
        }
    }
    Err(StoreError::Locked(path.to_owned()))
}
