use std::fs;

use crate::bed::{Bed, data, sample_database};

fn names(bed: &Bed, path: &str) -> Vec<String> {
    let entries = fs::read_dir(bed.path(path)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn writes_a_directory_for_each_package() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let rendered = bed.opm(&["render", "x.db"]).ok().stdout;
    // An empty directory will do as well as none.
    fs::create_dir(bed.path("out")).unwrap();
    assert_eq!(bed.opm(&["migrate", "x.db", "out"]).ok().stdout, "");
    assert_eq!(names(&bed, "out"), ["kettle", "tea"]);
    let read = |path: &str| fs::read_to_string(bed.path(path)).unwrap();
    assert_eq!(read("out/kettle/catalog.json") + &read("out/tea/catalog.json"), rendered);
    bed.opm(&["migrate", "x.db", "out"]).fails(1, &["output dir \"out\" must be empty"]);

    bed.opm(&["migrate", "out", "yaml", "-o", "yaml", "--migrate-level", "all"]).ok();
    assert_eq!(names(&bed, "yaml/tea"), ["catalog.yaml"]);
    assert_eq!(bed.opm(&["render", "yaml"]).ok().stdout, rendered);
}

#[test]
fn a_failure_leaves_nothing() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), "schema: olm.package\nname: ok\n---\nschema: olm.package\nname: ../x\n").unwrap();
    fs::create_dir(bed.path("empty")).unwrap();
    for output in ["new", "empty"] {
        bed.opm(&["migrate", "c.yaml", output]).fails(1, &["invalid package name \"../x\""]);
    }
    assert_eq!(bed.files(), ["c.yaml", "empty"]);
    assert!(names(&bed, "empty").is_empty());
    bed.opm(&["migrate", &data("bundles/tea/1.0.0"), "new"]).fails(1, &["cannot render bundle directory: not allowed"]);
    bed.opm(&["migrate", "c.yaml", "c.yaml"]).fails(1, &["read output dir c.yaml"]);
    assert_eq!(bed.files(), ["c.yaml", "empty"]);
}
