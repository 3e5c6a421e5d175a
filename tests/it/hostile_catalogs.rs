//! Catalogs and templates made to harm: what is wrong with them is said, at once and in little memory, and nothing is put out.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bed::{Bed, Ended};
use crate::registry_server::kill;

/// What a run may have, in kilobytes of address space: less than the largest of the files.
const MEMORY: u32 = 800_000;

/// The commands that read catalogs.
const CATALOGS: &[&str] = &["render", "validate", "migrate"];
/// The commands that read one file from the beginning to the end.
const STREAMS: &[&str] = &["alpha render-template", "alpha render-template basic", "alpha convert-template basic"];

/// Runs a command on a file or directory, in bounded memory and time; it must fail and put out nothing.
#[track_caller]
fn refused(bed: &Bed, command: &str, name: &str, words: &[&str]) {
    let mut args: Vec<&str> = command.split(' ').chain([name]).collect();
    args.extend((command == "migrate").then_some("out"));
    let before = bed.files();
    let ended = bed.opm_within(MEMORY, &args).fails(1, &[&[name], words].concat());
    assert_eq!(ended.stdout, "", "{command} {name}");
    assert_eq!(bed.files(), before, "{command} {name}");
}

#[test]
fn files_that_harm_are_refused() {
    const DEEP: usize = 100_000;
    const TOO_DEEP: &str = "nested more than 300 levels deep";
    const NO_TEXT: &str = "control characters are not allowed";
    let bed = Bed::new();
    let bomb: Vec<String> =
        ('a'..'m').map(|c| format!("{0}: &{0} [{1}]", next(c), [&*format!("*{c}"); 9].join(","))).collect();
    let steps: String = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    let files: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("zero-byte", b"schema: a\0b\n".to_vec(), "line 1, column 10: ", NO_TEXT),
        ("latin-1", b"schema: s\nname: caf\xe9\n".to_vec(), "line 2, column 10: ", "invalid UTF-8"),
        ("utf-16", b"\xff\xfes\0c\0h\0".to_vec(), "line 1, column 1: ", "invalid UTF-8"),
        ("json-zero-byte", b"{\"schema\": \"s\",\n\0}".to_vec(), "line 2, column 1: ", "invalid character '\\0'"),
        ("bomb", format!("a: &a [x]\n{}\n", bomb.join("\n")).into_bytes(), "line 2, column 20: ", "excessive aliasing"),
        ("loop", b"schema: s\na: &a [*a]\n".to_vec(), "line 2, column 8: ", "contains itself"),
        ("deep-list", format!("schema: s\nx: {}", "[".repeat(DEEP)).into_bytes(), "line 2, column 303: ", TOO_DEEP),
        ("deep-map", format!("schema: s\nx: {}", "{a: ".repeat(DEEP)).into_bytes(), "line 2, column ", TOO_DEEP),
        ("deep-dashes", "- ".repeat(DEEP).into_bytes(), "line 1, column 601: ", TOO_DEEP),
        ("deep-steps", steps.into_bytes(), "line 301, column 301: ", TOO_DEEP),
        ("deep-json-map", "{\"a\":".repeat(DEEP).into_bytes(), "line 1, column 1501: ", TOO_DEEP),
        ("deep-json-list", format!("{{\"a\":{}", "[".repeat(DEEP)).into_bytes(), "line 1, column ", TOO_DEEP),
        ("separator", b"schema: s\n---\n--- x\n".to_vec(), "line 3, column 1: ", "separator"),
    ];
    for (name, content, place, what) in &files {
        fs::write(bed.path(name), content).unwrap();
        for command in CATALOGS.iter().chain(STREAMS) {
            refused(&bed, command, name, &[place, what]);
        }
    }
    // A gigabyte, of which nothing is on the disk.
    for (name, begin, place, what) in [
        ("zeros", "", "line 1, column 1: ", NO_TEXT),
        ("yaml-zeros", "schema: s\n---\nb: ", "line 3, column 4: ", NO_TEXT),
        ("json-zeros", "{\"schema\": \"s\"}\n{}\n{}\n ", "", ""),
    ] {
        let mut file = File::create(bed.path(name)).unwrap();
        file.write_all(begin.as_bytes()).unwrap();
        file.set_len(1 << 30).unwrap();
        for command in CATALOGS.iter().chain(STREAMS) {
            refused(&bed, command, name, &[place, what]);
        }
    }
}

fn next(letter: char) -> char {
    char::from_u32(letter as u32 + 1).unwrap()
}

/// What is in a directory beside a good file.
#[test]
fn directories_that_harm_are_refused() {
    let bed = Bed::new();
    let named_pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let deep = |path: &Path| fs::create_dir_all(path.join("d/".repeat(1_000))).unwrap();
    let cases: [(&str, &dyn Fn(&Path), &str); 6] = [
        ("pipe", &named_pipe, "it is neither a file nor a directory"),
        (
            "link-to-pipe",
            &|path| {
                named_pipe(&path.ancestors().nth(2).unwrap().join("other"));
                symlink("../other", path).unwrap();
            },
            "it is neither a file nor a directory",
        ),
        ("socket", &|path| drop(UnixListener::bind(path).unwrap()), "it is neither a file nor a directory"),
        ("device", &|path| symlink("/dev/zero", path).unwrap(), "it is neither a file nor a directory"),
        ("link-to-itself", &|path| symlink("x", path).unwrap(), "symbolic links"),
        ("deep", &deep, "directories are nested more than"),
    ];
    for (name, make, what) in cases {
        fs::create_dir(bed.path(name)).unwrap();
        fs::write(bed.path(name).join("a.yaml"), "schema: s\npackage: p\n").unwrap();
        make(&bed.path(name).join("x"));
        for command in CATALOGS {
            refused(&bed, command, name, &["/x", what]);
        }
        for command in STREAMS {
            refused(&bed, command, name, &["Is a directory"]);
        }
    }
    // Directories that contain themselves are no harm.
    let rings = bed.path("rings/ring");
    fs::create_dir_all(&rings).unwrap();
    fs::write(rings.join("a.yaml"), "schema: s\npackage: p\n").unwrap();
    symlink(".", rings.join("self")).unwrap();
    symlink("..", rings.join("up")).unwrap();
    let Ended { stdout, .. } = bed.opm_within(MEMORY, &["render", "rings"]).ok();
    assert_eq!(stdout.matches("\"schema\"").count(), 1, "{stdout}");
}

/// What can be read only while somebody writes, or never ends, is no catalog, but may be a template.
#[test]
fn what_is_no_file() {
    let bed = Bed::new();
    for (command, words) in [
        ("render", "it is neither a directory nor a regular file"),
        ("migrate", "it is neither a directory nor a regular file"),
        ("validate", "control characters are not allowed"),
        ("alpha render-template", "control characters are not allowed"),
        ("alpha convert-template basic", "control characters are not allowed"),
    ] {
        refused(&bed, command, "/dev/zero", &[words]);
    }
    let _socket = UnixListener::bind(bed.path("socket")).unwrap();
    for command in CATALOGS.iter().chain(STREAMS) {
        refused(&bed, command, "socket", &[]);
        refused(&bed, command, "nowhere", &["o such file or directory"]);
    }
}

#[test]
fn files_that_may_not_be_read_are_named() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("c/sub")).unwrap();
    for file in ["c/a.yaml", "c/sub/b.yaml"] {
        fs::write(bed.path(file), "schema: s\npackage: p\n").unwrap();
    }
    let mode = |name: &str, mode| fs::set_permissions(bed.path(name), fs::Permissions::from_mode(mode)).unwrap();
    for (closed, open) in [("c/a.yaml", 0o644), ("c/sub", 0o755), ("c", 0o755)] {
        mode(closed, 0);
        for args in [&["render", "c"][..], &["validate", "c"], &["migrate", "c", "/dev/shm/opm-nothing-comes-here"]] {
            let ended = bed.opm_as_somebody_else(args).fails(1, &[closed, "Permission denied"]);
            assert_eq!(ended.stdout, "", "{args:?} {closed}");
        }
        mode(closed, open);
    }
    mode("c/a.yaml", 0);
    for command in STREAMS {
        let args: Vec<&str> = command.split(' ').chain(["c/a.yaml"]).collect();
        bed.opm_as_somebody_else(&args).fails(1, &["c/a.yaml", "Permission denied"]);
    }
}

/// A catalog whose output is longer than a pipe holds.
fn long_catalog(bed: &Bed, packages: usize) {
    let text = "lorem ipsum ".repeat(20);
    let packages: Vec<String> =
        (0..packages).map(|n| format!("schema: olm.package\nname: p{n}\ndescription: {text}\n")).collect();
    fs::write(bed.path("catalog.yaml"), packages.join("---\n")).unwrap();
}

#[test]
fn who_reads_only_the_beginning_gets_it() {
    let bed = Bed::new();
    long_catalog(&bed, 1_000);
    for format in ["json", "yaml"] {
        let mut child = bed
            .command("opm", &["render", "catalog.yaml", "-o", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        // The reader is closed with the line.
        BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(["{\n", "---\n"].contains(&first.as_str()), "{first}");
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""), "{format}");
        bed.assert_tidy();
    }
}

#[test]
fn who_interrupts_need_not_wait() {
    let bed = Bed::new();
    long_catalog(&bed, 5_000);
    assert!(Command::new("mkfifo").arg(bed.path("pipe")).status().unwrap().success());
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        // Nobody reads on, so that the rest is never written.
        let mut child = bed
            .command("opm", &["render", "catalog.yaml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0]).unwrap();
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(status), "render");
        drop(out);
        bed.assert_tidy();
        // The rest of the input never comes.
        for args in [
            &["validate", "pipe"][..],
            &["alpha", "render-template", "pipe"],
            &["alpha", "convert-template", "basic", "pipe"],
        ] {
            let mut child = bed.start("opm", args);
            let mut pipe = OpenOptions::new().write(true).open(bed.path("pipe")).unwrap();
            pipe.write_all(b"schema: s\n---\n").unwrap();
            kill(&child, signal);
            assert_eq!(child.wait().unwrap().code(), Some(status), "{args:?}");
            let said = fs::read_to_string(bed.path("log")).unwrap();
            assert!(said.contains("interrupted"), "{args:?}: {said}");
        }
        // Its directory goes with it.
        let mut child = bed.start("opm", &["migrate", "catalog.yaml", "out"]);
        while !bed.path("out").exists() {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(status), "migrate");
        assert_eq!(bed.files(), ["catalog.yaml", "log", "pipe"]);
        bed.assert_tidy();
    }
}
