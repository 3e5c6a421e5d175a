use std::path::Path;
use std::time::Duration;

use opm_image::testing::{Action, Entry, FakeRegistry, Layer, TestImage};
use rusqlite::Connection;

use crate::bed::{Bed, bundles, data, dump, lines, push, sample_database};
use crate::registry_server::kill;

#[test]
fn three_modes() {
    for (mode, expected) in [
        (
            "replaces",
            "\
entry tea alpha tea.v1.0.0 tea.v0.3.0 0
entry tea alpha tea.v0.3.1 - 1
entry tea alpha tea.v1.0.0 tea.v0.3.1 1
entry tea alpha tea.v0.3.0 tea.v0.2.0 2
entry tea alpha tea.v0.2.0 tea.v0.1.0 3
entry tea alpha tea.v0.1.0 - 4
entry tea stable tea.v1.0.0 tea.v0.3.0 0
entry tea stable tea.v0.3.1 - 1
entry tea stable tea.v1.0.0 tea.v0.3.1 1
entry tea stable tea.v0.3.0 tea.v0.2.0 2
entry tea stable tea.v0.2.0 tea.v0.1.0 3
entry tea stable tea.v0.1.0 - 4
",
        ),
        (
            "semver",
            "\
entry tea alpha tea.v1.0.0 tea.v0.3.0 0
entry tea alpha tea.v0.3.0 tea.v0.2.0 1
entry tea alpha tea.v0.2.0 tea.v0.1.0 2
entry tea alpha tea.v0.1.0 - 3
entry tea stable tea.v1.0.0 tea.v0.3.0 0
entry tea stable tea.v0.3.0 - 1
",
        ),
    ] {
        let bed = Bed::new();
        let all = bundles(&["tea/1.0.0", "tea/0.1.0", "tea/0.3.0", "tea/0.2.0"]);
        bed.opm(&["registry", "add", "-d", "x.db", "--mode", mode, "-b", &all]).ok();
        assert_eq!(lines(&dump(&bed.path("x.db")), &["entry"]), expected, "{mode}");
        assert_eq!(bed.files(), ["x.db"]);
    }
    let bed = Bed::new();
    let all = bundles(&["kettle/1.0.0", "kettle/1.1.0", "kettle/1.0.1"]);
    bed.opm(&["registry", "add", "-d", "x.db", "--mode", "SemVer-SkipPatch", "-b", &all]).ok();
    assert_eq!(
        lines(&dump(&bed.path("x.db")), &["entry"]),
        "\
entry kettle stable kettle.v1.1.0 kettle.v1.0.1 0
entry kettle stable kettle.v1.0.1 kettle.v1.0.0 1
entry kettle stable kettle.v1.0.0 - 2
"
    );
}

#[test]
fn from_a_registry_one_by_one_and_again() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let [first, second] = ["tea/0.1.0", "tea/0.2.0"].map(|b| push(&registry, b));
    let add = |image: &str| bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", image]);
    // Nobody looks on: there is no progress to show.
    assert_eq!(add(&first).ok().stderr, "");
    add(&second).ok();
    let rows = dump(&bed.path("x.db"));
    assert_eq!(lines(&rows, &["channel"]), "channel tea alpha tea.v0.2.0\n");
    assert!(rows.contains(&format!("image tea.v0.1.0 {first}\n")), "{rows}");

    let before = std::fs::read(bed.path("x.db")).unwrap();
    add(&second).fails(2, &[&format!("Bundle {second} already exists")]);
    let same_csv = push(&registry, "tea/0.2.0").replace(":0.2.0", ":copy");
    let files = [
        ("manifests/csv.yaml", data("bundles/tea/0.2.0/manifests/tea.clusterserviceversion.yaml")),
        ("manifests/crd.yaml", data("bundles/tea/0.2.0/manifests/pots.crd.yaml")),
        ("metadata/annotations.yaml", data("bundles/tea/0.2.0/metadata/annotations.yaml")),
    ];
    let files = files.map(|(name, path)| (name, std::fs::read(path).unwrap()));
    registry.push("samples/tea", "copy", &TestImage::new([Layer::zstd(files)]));
    add(&same_csv).fails(3, &["Bundle already added that provides package and csv", "tea.v0.2.0"]);
    assert!(before == std::fs::read(bed.path("x.db")).unwrap());
    bed.opm(&["registry", "add", "--use-http", "--overwrite-latest", "-d", "x.db", "-b", &same_csv]).ok();
    assert!(dump(&bed.path("x.db")).contains(&format!("bundle tea.v0.2.0 0.2.0 {same_csv} ")));
}

#[test]
fn registries_that_fail_leave_the_database_as_it_was() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let before = std::fs::read(bed.path("x.db")).unwrap();
    let status = |status: u16| Action::Status(status, Vec::new(), String::new());
    for (path, times, action, words) in [
        ("/manifests/", 1, status(401), "teahouse:2.0.0"),
        ("/manifests/", 1, status(404), "not found"),
        ("/manifests/", 99, status(500), "500"),
        ("/blobs/", 99, Action::Cut(10), "teahouse:2.0.0"),
        ("/blobs/", 99, Action::Corrupt, "digest"),
    ] {
        let registry = FakeRegistry::start();
        let image = push(&registry, "teahouse/2.0.0");
        registry.fail(path, times, action.clone());
        let ended = bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &image]);
        ended.fails(1, &[&image, words]);
        assert!(before == std::fs::read(bed.path("x.db")).unwrap(), "{action:?}");
    }
    let registry = FakeRegistry::start();
    let image = push(&registry, "teahouse/2.0.0");
    bed.opm(&["registry", "add", "-d", "x.db", "-b", &image]).fails(1, &["--use-http"]);
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", "127.0.0.1:1/a/b:1"]).fails(1, &["127.0.0.1:1"]);
    bed.opm(&["registry", "add", "-d", "x.db", "-b", "reg.example/a/b"]).fails(1, &["reg.example/a/b"]);
    let warned = bed.opm(&[
        "registry",
        "add",
        "--use-http",
        "-d",
        "x.db",
        "--permissive",
        "-b",
        &image.replace(":2.0.0", ":no"),
    ]);
    assert!(warned.ok().stderr.contains("teahouse:no"));
    assert!(before == std::fs::read(bed.path("x.db")).unwrap());

    // What passes is waited for.
    registry.fail("/manifests/", 1, Action::Status(429, vec![("retry-after", "0".to_owned())], String::new()));
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &image]).ok();
    assert_eq!(bed.files(), ["x.db"]);
}

#[test]
fn hostile_bundles_are_refused_or_tamed() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    sample_database(&bed, "x.db");
    let before = std::fs::read(bed.path("x.db")).unwrap();
    let csv = "kind: ClusterServiceVersion\nmetadata: {name: evil.v1}\nspec: {version: 1.0.0}\n";
    let annotations = "annotations:\n  operators.operatorframework.io.bundle.package.v1: evil\n  operators.operatorframework.io.bundle.channels.v1: c\n";
    let deep = format!("{{\"kind\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bomb = crate::initializer::bomb();
    let typed = csv.replace("spec: {", "spec: {install: {strategy: deployment, spec: {deployments: [{spec: {template: {spec: {containers: [{env: [{name: A, value: 1}]}]}}}}]}}, ");
    let cases: [(&str, Vec<(&str, &str)>, &str); 7] = [
        (
            "wrong-types",
            vec![("manifests/csv.yaml", &typed), ("metadata/annotations.yaml", annotations)],
            "containers[0].env[0].value must be a string",
        ),
        (
            "bomb",
            vec![("manifests/csv.yaml", &bomb), ("metadata/annotations.yaml", annotations)],
            "no bundle objects found",
        ),
        (
            "deep",
            vec![("manifests/csv.json", &deep), ("metadata/annotations.yaml", annotations)],
            "no bundle objects found",
        ),
        (
            "no-csv",
            vec![("manifests/role.yaml", "kind: Role\n"), ("metadata/annotations.yaml", annotations)],
            "no csv in bundle",
        ),
        ("no-annotations", vec![("manifests/csv.yaml", csv)], "Could not find annotations file"),
        ("empty", vec![("readme", "nothing")], "no bundle objects found"),
        (
            "no-crd",
            vec![
                (
                    "manifests/csv.yaml",
                    "kind: ClusterServiceVersion\nmetadata: {name: evil.v1}\nspec: {customresourcedefinitions: {owned: [{name: as.b, version: v1, kind: A}]}}\n",
                ),
                ("metadata/annotations.yaml", annotations),
            ],
            "couldn't find b/v1/A (as) in bundle",
        ),
    ];
    for (name, files, words) in cases {
        registry.push("evil", name, &TestImage::new([Layer::gzip(files)]));
        let image = format!("{}/evil:{name}", registry.host());
        bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &image]).fails(1, &[&image, words]);
        assert!(before == std::fs::read(bed.path("x.db")).unwrap(), "{name}");
    }

    // Paths that lead out of the image stay in it, and do no harm.
    let outside = bed.path("outside");
    let entries = [
        Entry::file("manifests/csv.yaml", csv),
        Entry::file("metadata/annotations.yaml", annotations),
        Entry::file("../../../../../../outside", "x"),
        Entry::file(outside.to_string_lossy().as_bytes(), "x"),
        Entry::symlink("way", bed.path("").to_string_lossy().as_bytes()),
        Entry::file("way/outside", "x"),
        Entry::symlink("manifests/passwd.yaml", "/etc/passwd"),
    ];
    registry.push("evil", "paths", &TestImage::new([Layer::entries(&entries)]));
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &format!("{}/evil:paths", registry.host())]).ok();
    let stored = Connection::open(bed.path("x.db")).unwrap();
    let content: Vec<u8> =
        stored.query_row("SELECT bundle FROM operatorbundle WHERE name = 'evil.v1'", [], |r| r.get(0)).unwrap();
    assert!(!String::from_utf8_lossy(&content).contains("root:"));
    assert_eq!(bed.files(), ["x.db"]);
}

#[test]
fn databases_that_are_none_or_not_ours() {
    let bed = Bed::new();
    let tea = bundles(&["tea/0.1.0"]);
    sample_database(&bed, "good.db");
    let good = std::fs::read(bed.path("good.db")).unwrap();
    let newer = |path: &Path| {
        let sql = "CREATE TABLE schema_migrations (version bigint NOT NULL); INSERT INTO schema_migrations VALUES (14)";
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
        std::fs::read(path).unwrap()
    };
    for (name, content, words) in [
        ("text.db", b"this is no database".to_vec(), "text.db: file is not a database"),
        ("cut.db", good[..good.len() / 2].to_vec(), "cut.db"),
        ("newer.db", newer(&bed.path("newer.db")), "newer.db: its schema version 14 is newer than 13"),
    ] {
        std::fs::write(bed.path(name), &content).unwrap();
        bed.opm(&["registry", "add", "-d", name, "-b", &tea]).fails(1, &[words]);
        assert!(content == std::fs::read(bed.path(name)).unwrap(), "{name}");
    }
    std::fs::create_dir(bed.path("dir.db")).unwrap();
    bed.opm(&["registry", "add", "-d", "dir.db", "-b", &tea]).fails(1, &["dir.db is not a regular file"]);
    bed.opm(&["registry", "add", "-d", "none/x.db", "-b", &tea]).fails(1, &["none/x.db"]);

    let held = Connection::open(bed.path("good.db")).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    bed.opm(&["registry", "add", "-d", "good.db", "-b", &bundles(&["teahouse/2.0.0"])])
        .fails(1, &["good.db: database is locked by another process"]);
    held.execute_batch("ROLLBACK").unwrap();
    assert!(good == std::fs::read(bed.path("good.db")).unwrap());
}

#[test]
fn a_signal_in_the_middle_of_a_pull_changes_nothing() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    sample_database(&bed, "x.db");
    let before = std::fs::read(bed.path("x.db")).unwrap();
    let image = push(&registry, "teahouse/2.0.0");
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        registry.take_seen();
        registry.fail("/blobs/", 1, Action::Delay(Duration::from_mins(1)));
        let mut child = bed.start("opm", &["registry", "add", "--use-http", "-d", "x.db", "-b", &image]);
        let asked = || registry.take_seen().iter().any(|seen| seen.path.contains("/blobs/"));
        while !asked() {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(2));
        }
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(status));
        assert!(std::fs::read_to_string(bed.path("log")).unwrap().contains("interrupted"));
        assert!(before == std::fs::read(bed.path("x.db")).unwrap());
        bed.assert_tidy();
        assert_eq!(bed.files(), ["log", "x.db"]);
    }
}
