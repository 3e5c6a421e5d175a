use std::fs;
use std::time::Duration;

use opm_image::testing::{Action, FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, data, push, sample_database};

const CONFIGS: &str = "operators.operatorframework.io.index.configs.v1";
const DATABASE: &str = "operators.operatorframework.io.index.database.v1";
const PACKAGE: &str = "operators.operatorframework.io.bundle.package.v1";

/// The values of these fields, at the beginning of whose lines they are, in order.
fn fields<'a>(text: &'a str, names: &[&str]) -> Vec<&'a str> {
    let wanted = |line: &&str| names.iter().any(|name| line.starts_with(&format!("    \"{name}\": ")));
    text.lines().filter(wanted).map(|line| line.trim_matches([' ', ','])).collect()
}

#[test]
fn all_forms_of_a_catalog_render_the_same() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let database = fs::read(bed.path("x.db")).unwrap();
    let mut permissions = fs::metadata(bed.path("x.db")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(bed.path("x.db"), permissions).unwrap();
    let json = bed.opm(&["render", "x.db"]).ok().stdout;
    assert_eq!(
        fields(&json, &["schema", "name"]),
        [
            "\"schema\": \"olm.package\"",
            "\"name\": \"kettle\"",
            "\"schema\": \"olm.channel\"",
            "\"name\": \"stable\"",
            "\"schema\": \"olm.bundle\"",
            "\"name\": \"kettle.v1.0.0\"",
            "\"schema\": \"olm.bundle\"",
            "\"name\": \"kettle.v1.0.1\"",
            "\"schema\": \"olm.package\"",
            "\"name\": \"tea\"",
            "\"schema\": \"olm.channel\"",
            "\"name\": \"alpha\"",
            "\"schema\": \"olm.channel\"",
            "\"name\": \"stable\"",
            "\"schema\": \"olm.bundle\"",
            "\"name\": \"tea.v0.1.0\"",
            "\"schema\": \"olm.bundle\"",
            "\"name\": \"tea.v0.2.0\"",
            "\"schema\": \"olm.bundle\"",
            "\"name\": \"tea.v0.3.0\"",
            "\"schema\": \"olm.bundle\"",
            "\"name\": \"tea.v1.0.0\"",
        ]
    );

    let yaml = bed.opm(&["render", "x.db", "-o", "yaml"]).ok().stdout;
    assert!(yaml.starts_with("---\ndefaultChannel: stable\nicon:\n"), "{yaml:.100}");
    fs::create_dir_all(bed.path("c/deep")).unwrap();
    fs::write(bed.path("c/deep/catalog.yaml"), &yaml).unwrap();
    let registry = FakeRegistry::start();
    let file = ("configs/catalog.json", json.as_bytes());
    let layers = [Layer::gzip([file]), Layer::gzip([("database/index.db", &database[..])])];
    let image = TestImage::new(layers);
    registry.push("ns/fbc", "1", &image.clone().label(CONFIGS, "/configs"));
    registry.push("ns/db", "1", &image.clone().label(DATABASE, "/database/index.db"));
    registry.push("ns/both", "1", &image.label(DATABASE, "database/none.db").label(CONFIGS, "configs"));
    let image = |name: &str| format!("{}/ns/{name}:1", registry.host());
    for form in ["c", "c/deep/catalog.yaml", &image("fbc"), &image("db"), &image("both")] {
        let found = bed.opm(&["render", "--use-http", form]).ok();
        assert!(found.stdout == json, "{form} renders differently: {}", found.stdout);
        assert_eq!(found.stderr.contains("has both labels"), form.contains("both"), "{}", found.stderr);
    }
    assert!(fs::read(bed.path("x.db")).unwrap() == database);
    assert_eq!(bed.files(), ["c", "x.db"]);
}

#[test]
fn an_old_database_is_read_as_an_upgraded_copy() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let expected = bed.opm(&["render", "x.db"]).ok().stdout;
    let conn = rusqlite::Connection::open(bed.path("x.db")).unwrap();
    conn.execute("UPDATE schema_migrations SET version = 12", []).unwrap();
    conn.execute("ALTER TABLE operatorbundle DROP COLUMN substitutesfor", []).unwrap();
    drop(conn);
    let before = fs::read(bed.path("x.db")).unwrap();
    assert!(bed.opm(&["render", "x.db"]).ok().stdout == expected);
    assert!(fs::read(bed.path("x.db")).unwrap() == before);
}

#[test]
fn images_that_only_the_database_knows_are_related() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let conn = rusqlite::Connection::open(bed.path("x.db")).unwrap();
    conn.execute("INSERT INTO related_image VALUES ('reg.example/extra:1', 'kettle.v1.0.1')", []).unwrap();
    drop(conn);
    let text = bed.opm(&["render", "x.db"]).ok().stdout;
    let entry = "{\n            \"name\": \"\",\n            \"image\": \"reg.example/extra:1\"\n        }";
    assert_eq!(text.matches(entry).count(), 1, "{text}");
}

#[test]
fn references_of_all_kinds_come_in_their_order() {
    let bed = Bed::new();
    fs::write(bed.path("p.yaml"), "schema: olm.package\nname: tea\n").unwrap();
    let registry = FakeRegistry::start();
    let unlabelled = push(&registry, "tea/0.2.0");
    let read = |path: &str| fs::read(data(&format!("bundles/kettle/1.0.1/{path}"))).unwrap();
    let files =
        ["manifests/kettle.clusterserviceversion.yaml", "manifests/kettles.crd.yaml", "metadata/annotations.yaml"];
    let image = TestImage::new([Layer::gzip(files.map(|path| (path, read(path))))]);
    registry.push("ns/kettle", "1.0.1", &image.label(PACKAGE, "kettle"));
    let image = format!("{}/ns/kettle:1.0.1", registry.host());
    let template = "reg.example/{{.Package}}/{{.Name}}:{{.Version}}";
    let (first, second) = (data("bundles/tea/1.0.0"), data("bundles/tea/0.1.0"));
    let args = ["render", "--use-http", &image, &first, "p.yaml", &second, "--alpha-image-ref-template", template];
    let text = bed.opm(&args).ok().stdout;
    // Packages by name, bundles by name: the order of references shows where these are equal.
    assert_eq!(
        fields(&text, &["name", "image"]),
        [
            "\"name\": \"kettle.v1.0.1\"",
            &format!("\"image\": \"{image}\""),
            "\"name\": \"tea\"",
            "\"name\": \"tea.v0.1.0\"",
            "\"image\": \"reg.example/tea/tea.v0.1.0:0.1.0\"",
            "\"name\": \"tea.v1.0.0\"",
            "\"image\": \"reg.example/tea/tea.v1.0.0:1.0.0\"",
        ]
    );
    fs::write(bed.path("q.yaml"), "schema: q\nk: 1\n---\nschema: q\nk: 2\n").unwrap();
    fs::write(bed.path("r.yaml"), "schema: a\nk: 3\n").unwrap();
    let text = bed.opm(&["render", "r.yaml", "q.yaml", "r.yaml"]).ok().stdout;
    assert_eq!(fields(&text, &["k"]), ["\"k\": 3", "\"k\": 1", "\"k\": 2", "\"k\": 3"]);

    bed.opm(&["render", "--use-http", &unlabelled]).fails(1, &["image type could not be determined", "no labels"]);
}

#[test]
fn migrations_replace_objects_where_there_is_an_image() {
    let bed = Bed::new();
    let bundle = data("bundles/tea/1.0.0");
    let template = ["--alpha-image-ref-template", "reg.example/tea:1"];
    for (args, objects) in [
        (&["--migrate"][..], false),
        (&["--migrate-level", "all"], false),
        (&["--migrate-level", "bundle-object-to-csv-metadata"], false),
        (&["--migrate-level", "none"], true),
        (&[], true),
    ] {
        let text = bed.opm(&[&["render", &bundle], &template[..], args].concat()).ok().stdout;
        assert_eq!(text.contains("olm.bundle.object"), objects, "{args:?}");
        assert_eq!(text.contains("olm.csv.metadata"), !objects, "{args:?}");
    }
    assert!(bed.opm(&["render", &bundle, "--migrate"]).ok().stdout.contains("olm.bundle.object"));
    bed.opm(&["render", &bundle, "--migrate-level", "x"]).fails(2, &["unknown migration level \"x\""]);
    bed.opm(&["render", &bundle, "--migrate", "--migrate-level", "all"]).fails(2, &["--migrate"]);
}

#[test]
fn metadata_keeps_its_spelling() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("b/manifests")).unwrap();
    fs::create_dir_all(bed.path("b/metadata")).unwrap();
    for file in
        ["manifests/kettle.clusterserviceversion.yaml", "metadata/annotations.yaml", "manifests/kettles.crd.yaml"]
    {
        fs::copy(data(&format!("bundles/kettle/1.0.0/{file}")), bed.path("b").join(file)).unwrap();
    }
    let properties = r#"{"properties": [{"type": "x", "value": {"b": "<", "a": 1.0}}]}"#;
    fs::write(bed.path("b/metadata/properties.json"), properties).unwrap();
    let text = bed.opm(&["render", "b"]).ok().stdout;
    let value = "\"value\": {\n                \"b\": \"<\",\n                \"a\": 1.0\n            }";
    assert_eq!(text.matches(value).count(), 1, "{text}");
}

#[test]
fn every_reference_that_fails_is_named_and_nothing_is_printed() {
    let bed = Bed::new();
    fs::write(bed.path("bad.yaml"), "schema: olm.package\nname: p\n---\nschema: olm.package\nname: [\n").unwrap();
    fs::write(bed.path("good.yaml"), "schema: olm.package\nname: p\n").unwrap();
    fs::write(bed.path("fake.db"), "SQLite or so").unwrap();
    let failed = bed
        .opm(&["render", "good.yaml", "bad.yaml", "none.yaml", "fake.db"])
        .fails(1, &["render reference \"bad.yaml\": cannot parse bad.yaml", "render reference \"fake.db\": "]);
    assert!(failed.stderr.contains("render reference \"none.yaml\": there is no such file or directory"));
    assert_eq!(failed.stdout, "");
    bed.opm(&["render"]).fails(2, &["<REFERENCE>"]);
    bed.opm(&["render", "good.yaml", "-o", "xml"]).fails(2, &["json, yaml"]);
    bed.opm(&["render", "good.yaml", "--alpha-image-ref-template", "{{.Foo}}"])
        .fails(2, &["invalid image reference template", "{{.Package}}, {{.Name}} and {{.Version}}"]);
}

#[test]
fn blobs_without_a_package_are_warned_about() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), "schema: olm.bundle\nname: b\n").unwrap();
    let run = bed.opm(&["render", "c.yaml"]).ok();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("c.yaml, line 1: bundle \\\"b\\\" has no package"), "{}", run.stderr);
}

#[test]
fn faults_in_images_are_told_in_their_terms() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = TestImage::new([Layer::gzip([("configs/p/bad.yaml", "schema: ["), ("index.db", "SQLi")])]);
    let manifests = TestImage::new([Layer::gzip([("manifests/x.yaml", "kind: ConfigMap"), ("metadata/x", "")])]);
    registry.push("ns/fbc", "1", &image.clone().label(CONFIGS, "/configs"));
    registry.push("ns/db", "1", &image.clone().label(DATABASE, "/index.db"));
    registry.push("ns/none", "1", &image.clone().label(CONFIGS, "/catalog"));
    registry.push("ns/other", "1", &image.label("a", "b"));
    registry.push("ns/bundle", "1", &manifests.label(PACKAGE, "p"));
    for (name, words) in [
        ("fbc", "cannot parse /configs/p/bad.yaml: line "),
        ("db", "/index.db"),
        ("none", "there is nothing at /catalog, where the label"),
        ("other", "image type could not be determined, found labels a=b"),
        ("bundle", "no csv in bundle"),
    ] {
        let image = format!("{}/ns/{name}:1", registry.host());
        let failed =
            bed.opm(&["render", "--use-http", &image]).fails(1, &[words, &format!("render reference {image:?}: ")]);
        assert!(!failed.stderr.contains("/tmp") && failed.stdout.is_empty(), "{failed:?}");
    }
}

#[test]
fn an_interruption_cleans_up() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    registry.push("ns/fbc", "1", &TestImage::new([Layer::gzip([("configs/x", "")])]).label(CONFIGS, "/configs"));
    registry.fail("/blobs/", 1, Action::Delay(Duration::from_mins(1)));
    let image = format!("{}/ns/fbc:1", registry.host());
    let mut child = bed.start("opm", &["render", "--use-http", &image]);
    while !registry.take_seen().iter().any(|seen| seen.path.contains("/blobs/")) {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    crate::registry_server::kill(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    bed.assert_tidy();
}

#[test]
fn a_system_that_trusts_nobody_is_told_so() {
    let (bed, registry) = (Bed::new(), FakeRegistry::start_tls());
    let mut command = bed.command("opm", &["render", &format!("{}/ns/name:v1", registry.host())]);
    let output = command.env("SSL_CERT_FILE", "/dev/null").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("this system trusts none") && told.contains("$SSL_CERT_FILE"), "{told}");
}
