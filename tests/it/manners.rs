//! What every command owes the person who runs it: their files, their disk, their pipes.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use opm_image::testing::{Action, Entry, FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, bundles, data, push, sample_database};
use crate::registry_server::kill;
use crate::rows::every_row;

#[test]
fn nobody_reads_the_output() {
    let bed = Bed::new();
    let run = |args: &[&str], stdout: Stdio| {
        let child = bed.command("opm", args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let ended = child.wait_with_output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    for args in [&["version"][..], &["--help"], &["registry", "add", "--help"], &["render", &data("manifests/none")]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let (status, said) = run(args, writer.into());
        if args[0] != "render" {
            assert_eq!((status, said.as_str()), (Some(0), ""), "{args:?}");
        }
        assert!(!said.contains("panicked") && !said.contains("roken pipe"), "{args:?}: {said}");
    }
    // A disk without room is no reader that has enough.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (status, said) = run(&["version"], full.into());
    assert_eq!(status, Some(1));
    assert!(said.contains("cannot write to stdout") && said.contains("No space left on device"), "{said}");
}

#[test]
fn other_peoples_files_stay() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    // Other tools have working files of these names, and remove them.
    for dir in ["cache", "bundle_tmp1", "index_tmp_1"] {
        std::fs::create_dir(bed.path(dir)).unwrap();
        std::fs::write(bed.path(dir).join("mine"), "mine").unwrap();
    }
    let image = push(&registry, "tea/0.1.0");
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &image]).ok();
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &format!("{image}-no")]).fails(1, &[&image]);
    assert_eq!(bed.files(), ["bundle_tmp1", "cache", "index_tmp_1", "x.db"]);
    assert_eq!(std::fs::read_to_string(bed.path("cache/mine")).unwrap(), "mine");
}

#[test]
fn a_database_is_the_file_of_that_name() {
    let bed = Bed::new();
    let add =
        |database: &str, bundle: &str| bed.opm(&["registry", "add", "-d", database, "-b", &bundles(&[bundle])]).ok();
    for name in ["a?b=c.db", "a#b.db", "a%20b.db", "file:a.db", "tea ☕.db", "x'y\".db"] {
        add(name, "tea/0.1.0");
        assert_eq!(bed.files(), [name]);
        std::fs::remove_file(bed.path(name)).unwrap();
    }
    // What a link leads to is edited; its permissions stay, and so does the link.
    add("real.db", "tea/0.1.0");
    std::fs::set_permissions(bed.path("real.db"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("real.db", bed.path("link.db")).unwrap();
    add("link.db", "tea/0.2.0");
    bed.run("initializer", &["-m", &data("manifests"), "-o", "link.db"]).ok();
    assert!(bed.path("link.db").is_symlink());
    let real = std::fs::symlink_metadata(bed.path("real.db")).unwrap();
    assert!(real.is_file() && real.permissions().mode() & 0o777 == 0o600);
    assert!(every_row(&bed.path("real.db")).contains("teahouse.v2.1.0"));
    assert_eq!(bed.files(), ["link.db", "real.db"]);
}

#[test]
fn a_database_that_may_only_be_read_is_read() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let before = std::fs::read(bed.path("x.db")).unwrap();
    std::fs::set_permissions(bed.path("x.db"), std::fs::Permissions::from_mode(0o444)).unwrap();
    for args in [
        &["registry", "add", "-d", "x.db", "-b", &bundles(&["teahouse/2.0.0"])][..],
        &["registry", "rm", "-d", "x.db", "-o", "tea"],
        &["registry", "prune", "-d", "x.db", "-p", "tea"],
    ] {
        bed.opm_as_somebody_else(args).fails(1, &["x.db"]);
        assert!(before == std::fs::read(bed.path("x.db")).unwrap(), "{args:?}");
    }
    let read = bed.opm_as_somebody_else(&["render", "x.db"]).ok();
    assert!(read.stderr.is_empty() && read.stdout.contains("tea.v1.0.0"), "{read:?}");
    assert_eq!(bed.files(), ["opm", "x.db"]);
}

#[test]
fn an_index_that_is_interrupted_or_fails_at_the_end_leaves_nothing() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        registry.take_seen();
        registry.fail("/blobs/", 1, Action::Delay(Duration::from_mins(1)));
        let mut child = bed.start("opm", &["index", "add", "--use-http", "--generate", "-b", &image]);
        while !registry.take_seen().iter().any(|seen| seen.path.contains("/blobs/")) {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(2));
        }
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(status));
        bed.assert_tidy();
        assert_eq!(bed.files(), ["log"]);
    }
    std::fs::remove_file(bed.path("log")).unwrap();
    let tea = bundles(&["tea/0.1.0"]);
    let add = |dockerfile: &str| bed.opm(&["index", "add", "--generate", "-d", dockerfile, "-b", &tea]);
    add("nowhere/Dockerfile").fails(1, &["nowhere/Dockerfile"]);
    assert!(bed.files().is_empty(), "{:?}", bed.files());
    std::fs::create_dir(bed.path("Dockerfile")).unwrap();
    add("Dockerfile").fails(1, &["Dockerfile"]);
    assert_eq!(bed.files(), ["Dockerfile"]);
}

#[test]
fn a_bundle_that_is_named_twice_is_added_once() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &format!("{image},{image}")]).ok();
    let tea = bundles(&["tea/0.1.0", "tea/0.1.0"]);
    bed.opm(&["registry", "add", "-d", "y.db", "-b", &tea]).ok();
}

#[test]
fn an_unpack_that_is_interrupted_leaves_nothing() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let many: Vec<Entry> = (0..9_000).map(|n| Entry::file(format!("manifests/{n}"), "")).collect();
    registry.push("ns/many", "1", &TestImage::new([Layer::entries(&many)]));
    let image = format!("{}/ns/many:1", registry.host());
    let mut child = bed.start("opm", &["registry", "add", "--use-http", "-d", "x.db", "-b", &image]);
    // Files appear three levels below: opm-*/image/.opm-image-*/N
    while !bed.temporary_files_are_there() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    bed.assert_tidy();
}
