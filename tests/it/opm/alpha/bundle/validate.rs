use std::fs;
use std::os::unix::fs::symlink;

use opm_image::testing::FakeRegistry;

use crate::bed::{Bed, push};

const ANNOTATIONS: &str = "annotations:\n  operators.operatorframework.io.bundle.mediatype.v1: plain\n  operators.operatorframework.io.bundle.manifests.v1: manifests/\n  operators.operatorframework.io.bundle.metadata.v1: metadata/\n  operators.operatorframework.io.bundle.package.v1: p\n  operators.operatorframework.io.bundle.channels.v1: c\n";

fn plain(bed: &Bed) {
    fs::create_dir_all(bed.path("b/manifests")).unwrap();
    fs::create_dir_all(bed.path("b/metadata")).unwrap();
    fs::write(bed.path("b/manifests/a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").unwrap();
    fs::write(bed.path("b/metadata/annotations.yaml"), ANNOTATIONS).unwrap();
}

#[test]
fn findings_have_file_and_line() {
    let bed = Bed::new();
    plain(&bed);
    let run = bed.opm(&["alpha", "bundle", "validate", "b"]).ok();
    assert_eq!(run.stdout, "All validation tests have been completed successfully\n");
    fs::write(bed.path("b/manifests/a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: A\n").unwrap();
    fs::create_dir(bed.path("b/manifests/sub")).unwrap();
    let run = bed.opm(&["bundle", "validate", "-t", "b"]);
    assert!(run.stdout.starts_with("error: manifests/a.yaml:4: metadata.name: Invalid value: \"A\""), "{}", run.stdout);
    run.fails(1, &["Bundle validation errors: metadata.name", ",Unable to read file sub in supported types"]);
    for flag in [&["--output", "json"][..], &["-o", "operatorhub,json"]] {
        let run = bed.opm(&[&["bundle", "validate", "b"], flag].concat());
        assert_eq!(run.status, 1);
        let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&found["passed"], &found["errors"]), (&false.into(), &2.into()));
        assert_eq!(
            (&found["findings"][0]["file"], &found["findings"][0]["line"]),
            (&"manifests/a.yaml".into(), &4.into())
        );
    }
    bed.opm(&["bundle", "validate", "b", "-o", "x"]).fails(2, &["operatorhub, bundle-objects"]);
}

#[test]
fn images_are_pulled_as_told() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    bed.opm(&["alpha", "bundle", "validate", "--use-http", &image]).ok();
    bed.opm(&["alpha", "bundle", "validate", &image]).fails(1, &["--use-http"]);
}

#[test]
fn odd_files_are_findings() {
    let bed = Bed::new();
    plain(&bed);
    let large = fs::File::create(bed.path("b/manifests/large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    fs::write(bed.path("b/manifests/z.bin"), [0, 159, 146, 150]).unwrap();
    symlink("/etc/passwd", bed.path("b/manifests/passwd")).unwrap();
    symlink("nowhere", bed.path("b/manifests/broken")).unwrap();
    let run = bed.opm(&["alpha", "bundle", "validate", "b"]);
    for words in [
        "manifests/large.yaml: Unable to read file large.yaml in supported types: it is larger than",
        "manifests/passwd: Unable to read file passwd in supported types: it is a link that leads out of the bundle",
        "manifests/broken: Unable to read file broken in supported types",
        "Unable to read file z.bin in supported types",
    ] {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }
    run.fails(1, &[]);
}

#[test]
fn categories_may_be_named_in_a_file() {
    let bed = Bed::new();
    plain(&bed);
    let mut command = bed.command("opm", &["bundle", "validate", "b", "-o", "operatorhub"]);
    let output = command.env("OPERATOR_BUNDLE_CATEGORIES", "none.json").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("categories in none.json"));
    assert!(!output.status.success());
}
