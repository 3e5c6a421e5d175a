//! What processes do to a database that end abruptly, or that are several.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Instant;

use crate::bed::{Bed, bundles, dump, lines, sample_database};
use crate::rows::{every_row, old_database};

/// How many runs are killed on each database.
const ROUNDS: u32 = 100;

/// Kills runs that turn the database `from` into another, at moments spread over the time that a whole run takes. Whoever opens
/// the database afterwards finds the one or the other.
fn check(from: impl FnOnce(&Bed), added: &[&str]) {
    let bed = Bed::new();
    from(&bed);
    let added = bundles(added);
    let add = |name: &str| {
        bed.command("opm", &["registry", "add", "-d", name, "-b", &added]).stderr(Stdio::null()).spawn().unwrap()
    };
    std::fs::copy(bed.path("from.db"), bed.path("whole.db")).unwrap();
    let begin = Instant::now();
    assert!(add("whole.db").wait().unwrap().success());
    let whole = begin.elapsed();
    let states = [every_row(&bed.path("from.db")), every_row(&bed.path("whole.db"))];
    assert_ne!(states[0], states[1]);
    let mut counts = [0, 0];
    for round in 0..ROUNDS {
        for file in ["x.db", "x.db-journal"] {
            let _absent = std::fs::remove_file(bed.path(file));
        }
        std::fs::copy(bed.path("from.db"), bed.path("x.db")).unwrap();
        let mut child = add("x.db");
        std::thread::sleep(whole * (round * 37 % ROUNDS) / 85);
        child.kill().unwrap();
        child.wait().unwrap();
        let state = every_row(&bed.path("x.db"));
        let place = states.iter().position(|s| *s == state);
        counts[place.unwrap_or_else(|| panic!("round {round}: neither the old nor the new one: {state}"))] += 1;
    }
    assert!(counts[0] > 0, "every run was killed too late: {counts:?}");
    // Whoever comes next succeeds, whatever the last one left.
    let _ended = add("x.db").wait().unwrap();
    assert_eq!(every_row(&bed.path("x.db")), states[1]);
}

#[test]
fn an_edit_happens_or_does_not() {
    check(|bed| sample_database(bed, "from.db"), &["kettle/1.1.0", "teahouse/2.0.0", "teahouse/2.1.0"]);
}

#[test]
fn an_upgrade_of_the_schema_happens_or_does_not() {
    check(|bed| old_database(&bed.path("from.db")), &["kettle/1.0.0", "teahouse/2.0.0", "tea/0.1.0"]);
}

/// A new database is there with all that was asked for, or not at all.
#[test]
fn a_first_database_is_whole_or_absent() {
    let bed = Bed::new();
    let mut seen = BTreeSet::new();
    for round in 0..40 {
        let _absent = std::fs::remove_file(bed.path("x.db"));
        let _absent = std::fs::remove_file(bed.path("x.db-journal"));
        let all = bundles(&["tea/0.1.0", "tea/0.2.0", "kettle/1.0.0"]);
        let mut child =
            bed.command("opm", &["registry", "add", "-d", "x.db", "-b", &all]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round));
        child.kill().unwrap();
        child.wait().unwrap();
        // An empty file is an empty database to everybody who opens it.
        let is_there = bed.path("x.db").exists();
        let conn = rusqlite::Connection::open(bed.path("x.db")).unwrap();
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        if tables > 0 {
            assert!(is_there);
            let bundles: i64 = conn.query_row("SELECT count(*) FROM operatorbundle", [], |row| row.get(0)).unwrap();
            assert_eq!(bundles, 3);
        }
        seen.insert(tables > 0);
    }
    assert!(seen.contains(&false), "every run was killed too late");
}

#[test]
fn two_at_once_both_land() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let start = |bundle: &str| {
        bed.command("opm", &["registry", "add", "-d", "x.db", "-b", &bundles(&[bundle])])
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let both = [start("kettle/1.1.0"), start("teahouse/2.0.0")];
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    let channels = lines(&dump(&bed.path("x.db")), &["channel"]);
    assert!(channels.contains("kettle.v1.1.0") && channels.contains("teahouse.v2.0.0"), "{channels}");
}
