//! Failures leave everything as it was.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use opm_model::Stop;
use opm_model::edit::Refusal;

use crate::testing::{Db, REPLACES, bundle, disk_of, text, without_patience};
use crate::{AddOptions, Afterwards, StoreError, create, edit};

fn touch(path: &Path) -> Result<(), StoreError> {
    edit(path, Afterwards::Keep, &Stop::new(), |_| Ok(()))
}

#[test]
fn an_edit_that_fails_or_panics_late_is_undone() {
    let db = Db::of(&["1.0.0"]);
    let before = db.state();
    let error = db.edit(|edit| {
        edit.add(&[bundle("1.1.0 replaces=1.0.0")], REPLACES)?;
        edit.discard_packages(&["demo"])?;
        Err::<(), _>(Refusal::NoPackage("x".to_owned()).into())
    });
    assert_eq!(text(&error.unwrap_err()), "no package found for packagename x");
    assert_eq!(db.state(), before);
    let new = Db::new();
    assert!(new.edit(|_| Err::<(), _>(StoreError::Stopped)).is_err());
    assert_eq!(new.state(), (Vec::new(), Vec::new()));
}

#[test]
fn a_locked_database_is_said_to_be_locked() {
    without_patience();
    let db = Db::of(&["1.0.0"]);
    let holder = db.raw();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(touch(&db.path()), Err(StoreError::Locked(_))));
    holder.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(touch(&db.path()), Err(StoreError::Locked(_))));
    drop(holder);
    touch(&db.path()).unwrap();
}

#[test]
fn a_full_disk_ends_the_whole_edit_even_a_permissive_one() {
    let db = Db::of(&["1.0.0"]);
    let before = db.state();
    let pages: u32 = db.rows("PRAGMA page_count")[0].parse().unwrap();
    let pad = "x".repeat(8_000);
    for room in [0, 1, 2, 3, 8, 20] {
        for permissive in [false, true] {
            disk_of(Some(pages + room));
            let bundles: Vec<_> = (0..20).map(|i| bundle(&format!("1.0.0 pkg=p{i} pad={pad}"))).collect();
            let result = db.edit(|edit| edit.add(&bundles, AddOptions { permissive, ..REPLACES }));
            let swallowed = db.edit(|edit| {
                let ok = bundles.iter().filter(|b| edit.insert_bundle(b, false).is_ok()).count();
                assert!(ok < bundles.len());
                Ok(())
            });
            disk_of(None);
            assert!(matches!(result, Err(StoreError::Full(_))), "{room}: {result:?}");
            assert!(matches!(swallowed, Err(StoreError::GivenUp)), "{room}: {swallowed:?}");
            assert_eq!(db.state(), before);
        }
    }
}

#[test]
fn an_edit_ends_when_it_is_asked_to() {
    let db = Db::of(&["1.0.0"]);
    let before = db.state();
    // Between two parts of an edit.
    let stop = Stop::new();
    let result = edit(&db.path(), Afterwards::Keep, &stop, |edit| {
        edit.add(&[bundle("1.0.0 pkg=a")], REPLACES)?;
        stop.ask();
        edit.add(&[bundle("1.0.0 pkg=b")], REPLACES)
    });
    assert!(matches!(result, Err(StoreError::Stopped)), "{result:?}");
    assert_eq!(db.state(), before);
    // Within a statement that has no end.
    let stop = Stop::new();
    let asker = stop.clone();
    let result = edit(&db.path(), Afterwards::Keep, &stop, |edit| {
        let thread = std::thread::spawn(move || asker.ask());
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        edit.conn.query_row(endless, [], |_| Ok(()))?;
        thread.join().unwrap();
        Ok(())
    });
    assert!(matches!(result, Err(StoreError::Stopped)), "{result:?}");
    assert_eq!(db.state(), before);
}

#[test]
fn what_is_no_database_is_refused_and_kept() {
    let db = Db::new();
    std::fs::create_dir(db.path()).unwrap();
    assert!(matches!(touch(&db.path()), Err(StoreError::NotAFile(_))));
    std::fs::remove_dir(db.path()).unwrap();
    for content in [
        &b"x"[..],
        b"a: b\n",
        &[0; 5000],
        b"SQLite format 3",
        b"SQLite format 3\0",
        &[b"SQLite format 3\0", &[7; 5000][..]].concat(),
    ] {
        std::fs::write(db.path(), content).unwrap();
        let before = db.state();
        let error = touch(&db.path()).expect_err(&format!("{} {:?}", content.len(), &content[..1]));
        assert!(matches!(error, StoreError::NotADatabase(_) | StoreError::Damaged { .. }), "{error:?}");
        assert_eq!(db.state(), before);
    }
    std::fs::write(db.path(), b"").unwrap();
    db.add(REPLACES, &["1.0.0"]).unwrap();
    assert_eq!(db.graph(), "alpha*: 1.0.0");
    let missing = db.dir().join("no/such/directory.db");
    let error = touch(&missing).unwrap_err();
    assert!(text(&error).contains("no/such/directory.db"), "{}", text(&error));
}

#[test]
fn truncated_databases_are_errors_or_right() {
    let db = Db::of(&["1.0.0 provides=A", "1.1.0 replaces=1.0.0 provides=A requires=B"]);
    let whole = std::fs::read(db.path()).unwrap();
    for length in (0..whole.len()).step_by(whole.len() / 97) {
        std::fs::write(db.path(), &whole[..length]).unwrap();
        let before = db.state();
        match db.add(REPLACES, &["1.2.0 replaces=1.1.0"]) {
            Ok(_) => drop(db.graph()),
            Err(_) => assert_eq!(db.state(), before, "{length}"),
        }
        std::fs::write(db.path(), &whole[..length]).unwrap();
        let _any = super::catalog::list_all(&db.path());
        assert_eq!(db.state(), before, "{length}");
    }
    // And with any page overwritten.
    for page in 0..whole.len() / 4096 {
        for byte in [0x00, 0x05, 0xff] {
            let mut broken = whole.clone();
            broken[page * 4096 + usize::from(page == 0) * 100..][..600].fill(byte);
            std::fs::write(db.path(), &broken).unwrap();
            let before = db.state();
            let _any = super::catalog::list_all(&db.path());
            assert_eq!(db.state(), before);
            if db.add(REPLACES, &["1.2.0 replaces=1.1.0"]).is_err() {
                assert_eq!(db.state(), before);
            }
        }
    }
}

#[test]
fn paths_are_taken_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    for name in [&b"a?b.db"[..], b"a#b", b"a%41b", b"file:x?mode=memory", b":memory:", b" a b ", b"\xff\xfe.db", b"-x"]
    {
        let path = dir.path().join(OsStr::from_bytes(name));
        edit(&path, Afterwards::Vacuum, &Stop::new(), |e| e.add(&[bundle("1.0.0")], REPLACES)).unwrap();
        edit(&path, Afterwards::Vacuum, &Stop::new(), |e| e.add(&[bundle("1.1.0 replaces=1.0.0")], REPLACES)).unwrap();
        assert_eq!(super::catalog::list_all(&path).unwrap().len(), 2);
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [OsStr::from_bytes(name)]);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn edits_at_the_same_time_all_land() {
    let db = Db::of(&["1.0.0"]);
    std::thread::scope(|scope| {
        for i in 0..6 {
            let db = &db;
            scope.spawn(move || db.add(REPLACES, &[&format!("1.0.0 pkg=p{i}")]).unwrap());
        }
    });
    assert_eq!(db.rows("SELECT count(*) FROM package"), ["7"]);
    assert_eq!(db.rows("PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn what_another_process_made_meanwhile_is_not_replaced() {
    let db = Db::new();
    let result = db.edit(|edit| {
        db.add(REPLACES, &["1.0.0"])?;
        edit.add(&[bundle("1.0.0 pkg=other")], REPLACES)
    });
    assert!(matches!(result, Err(StoreError::Locked(_))), "{result:?}");
    assert_eq!(db.rows("SELECT name FROM package"), ["demo"]);
    assert_eq!(db.state().0, ["index.db"]);
}

#[test]
fn create_replaces_what_a_link_leads_to_and_keeps_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let db = Db::of(&["1.0.0"]);
    std::fs::set_permissions(db.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = db.dir().join("link.db");
    std::os::unix::fs::symlink("index.db", &link).unwrap();
    create(&link, None, &Stop::new(), |e| e.add(&[bundle("1.0.0 pkg=new")], REPLACES)).unwrap();
    assert!(link.is_symlink());
    assert_eq!(db.rows("SELECT name FROM package"), ["new"]);
    assert_eq!(std::fs::metadata(db.path()).unwrap().permissions().mode() & 0o777, 0o640);
    let before = db.state();
    assert!(create(&link, Some(&db.path()), &Stop::new(), |_| Err::<(), _>(StoreError::Stopped)).is_err());
    assert_eq!(db.state(), before);
}

#[test]
fn create_takes_over_what_is_in_the_log_of_its_source() {
    let db = Db::of(&["1.0.0"]);
    let writer = db.raw();
    writer.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO package (name) VALUES ('logged')").unwrap();
    let copy = db.dir().join("copy.db");
    let packages = create(&copy, Some(&db.path()), &Stop::new(), |edit| edit.packages()).unwrap();
    assert_eq!(packages, ["demo", "logged"]);
    assert_eq!(&std::fs::read(&copy).unwrap()[18..20], [1, 1], "the copy needs no log");
    drop(writer);
    db.add(REPLACES, &["1.1.0 replaces=1.0.0"]).unwrap();
    assert_eq!(db.state().0, ["copy.db", "index.db"]);
}

/// The rest of the test in a process that may not write; as root, permissions bind nobody.
#[test]
fn what_may_not_be_written_is_said_to_be_read_only() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const CHILD: &str = "OPM_SQLITE_TEST_READ_ONLY";
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = Path::new(&dir);
        for name in ["file.db", "closed/file.db"] {
            let change = |e: &crate::Edit<'_>| e.add(&[bundle("1.0.0 pkg=new")], REPLACES);
            let error = edit(&dir.join(name), Afterwards::Keep, &Stop::new(), change).expect_err(name);
            assert!(matches!(error, StoreError::ReadOnly { .. }), "{name}: {error:?}");
            // Reading needs no more than reading.
            assert_eq!(super::catalog::list_all(&dir.join(name)).unwrap().len(), 1);
            crate::Catalog::open(&dir.join("closed/old.db"), crate::Content::Always, crate::SchemaUpgrade::Copy)
                .unwrap();
        }
        let error = touch(&dir.join("closed/new.db")).unwrap_err();
        assert!(
            matches!(&error, StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
        );
        return;
    }
    let db = Db::of(&["1.0.0"]);
    let closed = db.dir().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::copy(db.path(), db.dir().join("file.db")).unwrap();
    std::fs::copy(db.path(), closed.join("file.db")).unwrap();
    db.raw().execute_batch("UPDATE schema_migrations SET version = 12").unwrap();
    std::fs::copy(db.path(), closed.join("old.db")).unwrap();
    let program = db.dir().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for (path, bits) in [
        ("file.db", 0o444),
        ("closed/file.db", 0o666),
        ("closed/old.db", 0o444),
        ("test", 0o755),
        ("closed", 0o555),
        ("", 0o755),
    ] {
        mode(&db.dir().join(path), bits);
    }
    let mut child = std::process::Command::new(&program);
    child.args(["--exact", "tests::atomic::what_may_not_be_written_is_said_to_be_read_only"]).env(CHILD, db.dir());
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(db.dir()).unwrap()) == 0 {
        child.uid(65_534).gid(65_534);
    }
    let output = child.current_dir("/").output().unwrap();
    mode(&closed, 0o755);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}
