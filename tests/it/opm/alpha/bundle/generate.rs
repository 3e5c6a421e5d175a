use std::fs;
use std::os::unix::fs::symlink;

use crate::bed::{Bed, data};

const CSV: &str = "kind: ClusterServiceVersion\nmetadata: {name: tea.v1}\n";

/// A package with two versions and its manifest.
fn package(bed: &Bed) {
    for (version, replaces) in [("1", ""), ("2", "tea.v1")] {
        fs::create_dir_all(bed.path(&format!("tea/{version}"))).unwrap();
        let csv = format!(
            "kind: ClusterServiceVersion\nmetadata: {{name: tea.v{version}}}\nspec: {{replaces: '{replaces}'}}\n"
        );
        fs::write(bed.path(&format!("tea/{version}/csv.yaml")), csv).unwrap();
    }
    let manifest = "packageName: tea\ndefaultChannel: stable\nchannels:\n- {name: stable, currentCSV: tea.v2}\n- {name: alpha, currentCSV: tea.v1}\n";
    fs::write(bed.path("tea/tea.package.yaml"), manifest).unwrap();
}

#[test]
fn writes_annotations_and_a_dockerfile() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("b/manifests")).unwrap();
    fs::write(bed.path("b/manifests/csv.yaml"), CSV).unwrap();
    // Both places of the command are one.
    for parent in [&["alpha", "bundle"][..], &["bundle"]] {
        bed.opm(&[parent, &["generate", "-d", "b/manifests", "-p", "tea", "-c", "a,b"]].concat()).ok();
        let dockerfile = fs::read_to_string(bed.path("bundle.Dockerfile")).unwrap();
        assert!(
            dockerfile.ends_with("channels.v1=a,b\nCOPY b/manifests /manifests/\nCOPY b/metadata /metadata/\n"),
            "{dockerfile}"
        );
        let annotations = fs::read_to_string(bed.path("b/metadata/annotations.yaml")).unwrap();
        assert!(annotations.contains("bundle.mediatype.v1: registry+v1\n"), "{annotations}");
        fs::remove_file(bed.path("bundle.Dockerfile")).unwrap();
    }
    let output = bed.command("opm", &["bundle", "generate", "-d", ".", "-p", "tea", "-c", "a"]);
    let mut output = output;
    assert!(output.current_dir(bed.path("b/manifests")).status().unwrap().success());
    let dockerfile = fs::read_to_string(bed.path("b/manifests/bundle.Dockerfile")).unwrap();
    assert!(dockerfile.contains("COPY . /manifests/\nCOPY ../metadata /metadata/\n"), "{dockerfile}");
}

#[test]
fn package_and_channels_come_from_the_package_manifest() {
    let bed = Bed::new();
    package(&bed);
    let run = bed.opm(&["alpha", "bundle", "generate", "-d", "tea/1", "-u", "out"]).ok();
    assert_eq!(run.stderr, "");
    let annotations = fs::read_to_string(bed.path("out/metadata/annotations.yaml")).unwrap();
    for line in ["channel.default.v1: stable\n", "channels.v1: alpha,stable\n", "package.v1: tea\n"] {
        assert!(annotations.contains(line), "{annotations}");
    }
    let run = bed.opm(&["alpha", "bundle", "generate", "-d", "tea/2"]).ok();
    assert!(run.stderr.contains("belongs to all versions"), "{}", run.stderr);
}

#[test]
fn copies_keep_their_shape() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("m/sub/deep")).unwrap();
    fs::write(bed.path("m/csv.yaml"), CSV).unwrap();
    fs::write(bed.path("m/sub/deep/f"), "x").unwrap();
    bed.opm(&["alpha", "bundle", "generate", "-d", "m", "-p", "tea", "-c", "a", "-u", "new/out"]).ok();
    assert_eq!(fs::read_to_string(bed.path("new/out/manifests/sub/deep/f")).unwrap(), "x");
    assert!(fs::read_to_string(bed.path("bundle.Dockerfile")).unwrap().contains("COPY new/out/manifests /manifests/"));
}

#[test]
fn faults_leave_nothing() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("empty")).unwrap();
    fs::create_dir_all(bed.path("links")).unwrap();
    fs::create_dir_all(bed.path("two")).unwrap();
    fs::write(bed.path("links/csv.yaml"), CSV).unwrap();
    symlink(data("bundles/tea/0.1.0/metadata/annotations.yaml"), bed.path("links/out.yaml")).unwrap();
    for name in ["a", "b"] {
        fs::write(bed.path(&format!("two/{name}.yaml")), CSV).unwrap();
    }
    let before = bed.files();
    for (args, words) in [
        (&["-d", "none", "-p", "p", "-c", "c"][..], &["stat none"][..]),
        (&["-d", "empty", "-p", "p", "-c", "c"], &["contains no yaml files"]),
        (&["-d", "two"], &["please manually input channels and packageName", "two ClusterServiceVersions"]),
        (&["-d", "links"], &["please manually input channels and packageName", "no package manifest"]),
        (&["-d", "links", "-p", "p", "-c", "c", "-u", "new/out"], &["is a link that leads out of the bundle"]),
        (&["-d", "links", "-p", "p\nRUN x", "-c", "c"], &["control characters"]),
        (&["-d", "links", "-p", "p", "-c", "c", "--base-image", "a b"], &["must be one word"]),
    ] {
        bed.opm(&[&["alpha", "bundle", "generate"], args].concat()).fails(1, words);
        assert_eq!(bed.files(), before, "{args:?}");
    }
}
