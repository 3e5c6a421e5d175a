//! Made-up operators and databases for tests.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opm_bundle::{Annotations, Bundle};
use opm_model::edit::Mode;
use opm_model::{Gvk, Property, Stop};
use rusqlite::Connection;

use crate::{AddOptions, Afterwards, Edit, StoreError, edit};

thread_local! {
    static PATIENCE: Cell<Duration> = const { Cell::new(Duration::from_secs(30)) };
    static MAX_PAGES: Cell<Option<u32>> = const { Cell::new(None) };
}

/// How long connections of this thread wait for locks.
pub(crate) fn patience() -> Duration {
    PATIENCE.get()
}

/// Makes connections of this thread wait no longer for locks.
pub(crate) fn without_patience() {
    PATIENCE.set(Duration::ZERO);
}

/// Lets databases that this thread opens for writing grow to so many pages only, as on a full disk.
pub(crate) fn disk_of(pages: Option<u32>) {
    MAX_PAGES.set(pages);
}

/// What is done to every connection for writing.
pub(crate) fn opened(conn: &Connection) -> rusqlite::Result<()> {
    // No test pulls the plug.
    conn.pragma_update(None, "synchronous", "OFF")?;
    if let Some(pages) = MAX_PAGES.get() {
        conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

/// A bundle by a short text: its version and then words of the form `key=value`. Bundles are called `demo.v1.0.0`; where an
/// edge or substitution names one, the version is enough.
pub(crate) fn bundle(text: &str) -> Bundle {
    let mut words = text.split(' ');
    let version = words.next().unwrap();
    let all: BTreeMap<&str, &str> = words.map(|word| word.split_once('=').unwrap()).collect();
    let get = |key: &str, default: &str| all.get(key).map_or_else(|| default.to_owned(), |v| (*v).to_owned());
    let package = get("pkg", "demo");
    let named = |v: &str| if v.is_empty() || v.contains(".v") { v.to_owned() } else { format!("{package}.v{v}") };
    let name = get("name", &named(version));
    let image = get("image", &format!("reg.test/{name}"));
    let list = |key: &str| all.get(key).into_iter().flat_map(|v| v.split(',')).map(named).collect();
    let csv = format!("{{\"kind\":\"ClusterServiceVersion\",\"metadata\":{{\"name\":\"{name}\"}},\"spec\":{{}}}}\n");
    let apis = |key: &str| -> Vec<Gvk> {
        let of = |kind: &str| Gvk {
            group: "g.test".to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
        };
        all.get(key).into_iter().flat_map(|v| v.split(',')).map(of).collect()
    };
    let gvk = |api: &Gvk| {
        Property::new(
            "olm.gvk",
            format!("{{\"group\":\"{}\",\"kind\":\"{}\",\"version\":\"{}\"}}", api.group, api.kind, api.version),
        )
    };
    let (provided_apis, required_apis) = (apis("provides"), apis("requires"));
    let own = Property::new("olm.package", format!("{{\"packageName\":\"{package}\",\"version\":\"{version}\"}}"));
    Bundle {
        version: version.to_owned(),
        replaces: named(&get("replaces", "")),
        skips: list("skips"),
        substitutes_for: named(&get("for", "")),
        annotations: Annotations {
            package: package.clone(),
            channels: get("in", "alpha"),
            default_channel: get("default", ""),
        },
        csv_json: csv.clone().into_bytes(),
        objects_json: format!("{csv}{{\"kind\":\"Role\",\"pad\":\"{}\"}}\n", get("pad", "")).into_bytes(),
        related_images: [image.clone()].into_iter().filter(|i| !i.is_empty()).collect(),
        dependencies: required_apis.iter().map(gvk).collect(),
        properties: [own].into_iter().chain(provided_apis.iter().map(gvk)).collect(),
        provided_apis,
        required_apis,
        image,
        name,
        ..Bundle::default()
    }
}

pub(crate) const REPLACES: AddOptions =
    AddOptions { mode: Mode::Replaces, overwrite_latest: false, alpha: false, permissive: false };
pub(crate) const SEMVER: AddOptions = AddOptions { mode: Mode::SemVer, ..REPLACES };
pub(crate) const SKIP_PATCH: AddOptions = AddOptions { mode: Mode::SkipPatch, ..REPLACES };

/// A database in a directory of its own.
pub(crate) struct Db {
    dir: tempfile::TempDir,
}

impl Db {
    /// A database that does not exist yet.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A database to which these were added in mode `replaces`.
    pub(crate) fn of(bundles: &[&str]) -> Self {
        let db = Self::new();
        db.add(REPLACES, bundles).unwrap();
        db
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("index.db")
    }

    pub(crate) fn edit<T>(&self, work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        edit(&self.path(), Afterwards::Keep, &Stop::new(), work)
    }

    pub(crate) fn add(&self, options: AddOptions, bundles: &[&str]) -> Result<Vec<StoreError>, StoreError> {
        let bundles: Vec<Bundle> = bundles.iter().map(|text| bundle(text)).collect();
        self.edit(|edit| edit.add(&bundles, options))
    }

    /// A connection past all that this crate does.
    pub(crate) fn raw(&self) -> Connection {
        let conn = Connection::open(self.path()).unwrap();
        // Not to be asked of a locked database; it only saves time.
        let _locked = conn.pragma_update(None, "synchronous", "OFF");
        conn
    }

    /// The rows of a query, their columns separated by blanks.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        rows(&self.raw(), query)
    }

    /// The upgrade graph of package `demo`.
    pub(crate) fn graph(&self) -> String {
        graph(&self.raw(), "demo")
    }

    /// The names of the files beside the database and itself, and its content.
    pub(crate) fn state(&self) -> (Vec<String>, Vec<u8>) {
        let names =
            std::fs::read_dir(self.dir()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        (names, std::fs::read(self.path()).unwrap_or_default())
    }
}

/// The rows of a query, their columns separated by blanks.
pub(crate) fn rows(conn: &Connection, query: &str) -> Vec<String> {
    use rusqlite::types::ValueRef;
    let mut statement = conn.prepare(query).unwrap();
    let columns = statement.column_count();
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Null => "-".to_owned(),
        ValueRef::Integer(i) => i.to_string(),
        ValueRef::Real(r) => r.to_string(),
        ValueRef::Text(t) => String::from_utf8_lossy(t).into_owned(),
        ValueRef::Blob(b) => format!("x:{}", String::from_utf8_lossy(b)),
    };
    let read =
        |row: &rusqlite::Row<'_>| Ok((0..columns).map(|i| text(row.get_ref(i).unwrap())).collect::<Vec<_>>().join(" "));
    statement.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// A package's channels, each as a line: its name (with a star at the default channel), and the chain from the head down, each
/// bundle with what it skips. Bundles that are not stored stand in angle brackets.
pub(crate) fn graph(conn: &Connection, package: &str) -> String {
    let of = |column: &str| format!("replace({column}, '{package}.v', '')");
    let name = |column: &str| {
        let (short, stored) = (of(column), format!("{column} IN (SELECT name FROM operatorbundle)"));
        format!("CASE WHEN {stored} THEN {short} ELSE '<' || {short} || '>' END")
    };
    let mut lines = Vec::new();
    for channel in rows(conn, &format!("SELECT name FROM channel WHERE package_name = '{package}' ORDER BY name")) {
        let place = format!("package_name = '{package}' AND channel_name = '{channel}'");
        let mut statement = conn
            .prepare(&format!(
                "SELECT entry_id, {}, replaces FROM channel_entry WHERE {place} ORDER BY depth, entry_id",
                name("operatorbundle_name")
            ))
            .unwrap();
        let entries: Vec<(i64, String, Option<i64>)> =
            statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap().map(Result::unwrap).collect();
        let find = |id: i64| entries.iter().find(|e| e.0 == id);
        let mut chain = Vec::new();
        let mut next = entries.first();
        while let Some(entry) = next.filter(|_| chain.len() < 50) {
            let others = entries.iter().filter(|e| e.1 == entry.1 && e.0 != entry.0).filter_map(|e| find(e.2?));
            let skips: Vec<&str> = others.map(|e| e.1.as_str()).collect();
            let skips = if skips.is_empty() { String::new() } else { format!("[{}]", skips.join(" ")) };
            chain.push(format!("{}{skips}", entry.1));
            next = entry.2.and_then(find);
        }
        let head = rows(
            conn,
            &format!(
                "SELECT {} FROM channel WHERE package_name = '{package}' AND name = '{channel}'",
                name("head_operatorbundle_name")
            ),
        );
        assert!(
            chain.first().is_none_or(|top| top.split('[').next() == Some(&head[0])),
            "{channel}: {head:?} {chain:?}"
        );
        let star = rows(conn, &format!("SELECT default_channel FROM package WHERE name = '{package}'"))
            .first()
            .is_some_and(|default| *default == channel);
        lines.push(format!("{channel}{}: {}", if star { "*" } else { "" }, chain.join(" > ")));
    }
    lines.join("\n")
}

/// The text of an error with its causes.
pub(crate) fn text(error: &StoreError) -> String {
    opm_model::with_causes(error)
}
