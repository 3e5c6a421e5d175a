use std::fs::{self, File};

use crate::bed::Bed;

const CATALOG: &str = "schema: olm.package\nname: p\n---\nschema: olm.bundle\nname: b\npackage: p\nimage: reg/b:1\n";

#[test]
fn leaves_bundles_to_their_images_or_keeps_them() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), CATALOG).unwrap();
    let basic = "---
entries:
- name: p
  schema: olm.package
- image: reg/b:1
  schema: olm.bundle
schema: olm.template.basic

";
    let args = ["alpha", "convert-template", "basic", "-o", "yaml"];
    assert_eq!(bed.opm(&[&args[..], &["c.yaml"]].concat()).ok().stdout, basic);
    for stdin in [&[][..], &["-"]] {
        let mut command = bed.command("opm", &[&args[..], stdin].concat());
        let output = command.stdin(File::open(bed.path("c.yaml")).unwrap()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), basic);
    }
    let whole = bed.opm(&["alpha", "convert-template", "substitutes", "c.yaml"]).ok().stdout;
    assert!(whole.contains("\"substitutions\": []") && whole.contains("\"name\": \"b\""), "{whole}");
}

#[test]
fn faults_are_named() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), "- 1\n").unwrap();
    bed.opm(&["alpha", "convert-template", "basic", "none"]).fails(1, &["unable to open \"none\""]);
    bed.opm(&["alpha", "convert-template", "basic", "c.yaml"]).fails(1, &["converting: ", "c.yaml"]);
    bed.opm(&["alpha", "convert-template", "semver", "c.yaml"]).fails(2, &["unrecognized subcommand 'semver'"]);
}
