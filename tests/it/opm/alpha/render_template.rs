use std::fs::{self, File};

use opm_image::testing::{FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, data};

/// Pushes a sample bundle with the label that says that it is one; returns its reference.
fn push(registry: &FakeRegistry, package: &str, version: &str) -> String {
    let root = data(&format!("bundles/{package}/{version}"));
    let mut files = Vec::new();
    for part in ["manifests", "metadata"] {
        for entry in fs::read_dir(format!("{root}/{part}")).unwrap() {
            let entry = entry.unwrap();
            files.push((format!("{part}/{}", entry.file_name().to_str().unwrap()), fs::read(entry.path()).unwrap()));
        }
    }
    let label = "operators.operatorframework.io.bundle.package.v1";
    registry.push(&format!("ns/{package}"), version, &TestImage::new([Layer::gzip(files)]).label(label, package));
    format!("{}/ns/{package}:{version}", registry.host())
}

#[test]
fn expands_templates_of_all_kinds() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let (first, second) = (push(&registry, "kettle", "1.0.0"), push(&registry, "kettle", "1.0.1"));
    let bundle = |image: &str| bed.opm(&["render", "--use-http", image]).ok().stdout;
    let package = "{schema: olm.package, name: kettle, defaultChannel: a}";
    let channel = "{schema: olm.channel, package: kettle, name: a, entries: [{name: kettle.v1.0.0}]}";
    let image = format!("{{schema: olm.bundle, image: {first}}}");
    let basic = format!("schema: olm.template.basic\nentries: [{image}, {package}, {channel}]\n");
    let semver = format!("schema: olm.semver\nstable: {{bundles: [{{image: '{first}'}}, {{image: '{second}'}}]}}\n");
    fs::write(bed.path("basic.yaml"), basic).unwrap();
    fs::write(bed.path("semver.yaml"), semver).unwrap();
    let run = |args: &[&str]| bed.opm(&[&["alpha", "render-template", "--use-http"], args].concat()).ok().stdout;

    let expanded = run(&["basic.yaml"]);
    assert!(expanded.ends_with(&bundle(&first)) && expanded.contains("\"defaultChannel\": \"a\""), "{expanded}");
    assert_eq!(run(&["basic", "basic.yaml"]), expanded);
    let mermaid = run(&["basic.yaml", "-o", "mermaid"]);
    assert!(mermaid.contains("kettle-a-kettle.v1.0.0[\"kettle.v1.0.0\"]"), "{mermaid}");
    let migrated = run(&["basic.yaml", "--migrate-level", "all"]);
    assert!(migrated.contains("olm.csv.metadata") && !migrated.contains("olm.bundle.object"), "{migrated}");

    let expanded = run(&["semver.yaml"]);
    assert!(expanded.ends_with(&(bundle(&first) + &bundle(&second))), "{expanded}");
    assert!(expanded.contains("\"name\": \"stable-v1.0\""), "{expanded}");

    // A template of the kind substitutes begins with a catalog that has its bundles.
    fs::write(bed.path("catalog.yaml"), run(&["basic.yaml", "-o", "yaml"])).unwrap();
    let args = ["alpha", "convert-template", "substitutes", "catalog.yaml", "-o", "yaml"];
    let substitutes = bed
        .opm(&args)
        .ok()
        .stdout
        .replace("substitutions: []", &format!("substitutions: [{{name: '{second}', base: kettle.v1.0.0}}]"));
    fs::write(bed.path("substitutes.yaml"), substitutes).unwrap();
    let expanded = run(&["substitutes.yaml"]);
    assert!(
        expanded.contains("\"replaces\": \"kettle.v1.0.0\"") || expanded.contains("\"kettle.v1.0.0\"\n"),
        "{expanded}"
    );
    assert!(expanded.ends_with(&(bundle(&first) + &bundle(&second))), "{expanded}");
}

#[test]
fn stdin_is_read_where_no_file_is_named() {
    let bed = Bed::new();
    let entry = "{schema: olm.package, name: p, defaultChannel: c}";
    fs::write(bed.path("t.yaml"), format!("schema: olm.template.basic\nentries: [{entry}]\n")).unwrap();
    for args in [&[][..], &["basic"], &["basic", "-"]] {
        let args = [&["alpha", "render-template", "-o", "yaml"], args].concat();
        let output = bed.command("opm", &args).stdin(File::open(bed.path("t.yaml")).unwrap()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "---\ndefaultChannel: c\nname: p\nschema: olm.package\n", "{args:?}");
    }
}

#[test]
fn faults_are_named() {
    let bed = Bed::new();
    let bundle = data("bundles/tea/1.0.0");
    fs::write(bed.path("x.yaml"), "schema: x\n").unwrap();
    fs::write(
        bed.path("dir.yaml"),
        format!("schema: olm.template.basic\nentries: [{{schema: olm.bundle, image: {bundle}}}]\n"),
    )
    .unwrap();
    for (args, words) in [
        (&["none.yaml"][..], "unable to open \"none.yaml\""),
        (&["x.yaml"], "unknown template schema: x"),
        (&["semver", "x.yaml"], "should be \"olm.semver\""),
        (&["x", "x.yaml"], "invalid template type \"x\", must be one of: [basic semver substitutes]"),
        (&["dir.yaml"], "cannot render bundle directory: not allowed"),
    ] {
        let run = bed.opm(&[&["alpha", "render-template"], args].concat()).fails(1, &[words]);
        assert_eq!(run.stdout, "");
    }
}
