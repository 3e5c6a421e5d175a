//! An edit of a file-based catalog comes to what the same edit of a database comes to.

use std::fs;

use crate::bed::{Bed, bundles};

const FIRST: [&str; 5] = ["kettle/1.0.0", "tea/0.1.0", "tea/0.2.0", "teahouse/2.0.0", "kettle/1.0.1"];

/// A database of bundles, and the same as a catalog of files, one for each package and one for what databases do not know.
fn both(bed: &Bed, mode: &str) {
    bed.opm(&["registry", "add", "-d", "x.db", "--mode", mode, "-b", &bundles(&FIRST)]).ok();
    fs::create_dir(bed.path("catalog")).unwrap();
    for package in ["kettle", "tea", "teahouse"] {
        fs::copy(bed.path("x.db"), bed.path("one.db")).unwrap();
        bed.opm(&["registry", "prune", "-d", "one.db", "-p", package]).ok();
        let text = bed.opm(&["render", "one.db", "-o", "yaml"]).ok().stdout;
        fs::write(bed.path(&format!("catalog/{package}.yaml")), text).unwrap();
    }
    fs::remove_file(bed.path("one.db")).unwrap();
    let other = "schema: my.schema\npackage: teahouse\nx: [1]\n---\nschema: my.own\ny: 2\n";
    fs::write(bed.path("catalog/other.yaml"), other).unwrap();
}

/// The blobs of a catalog without those of unknown schemas.
fn known(text: &str) -> String {
    text.split_inclusive("\n}\n").filter(|blob| !blob.contains("\"schema\": \"my.")).collect()
}

#[test]
fn edits_come_to_the_same() {
    let add = |names: &[&str]| vec!["-b".to_owned(), bundles(names)];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (mode, verb, args) in [
        ("replaces", "rm", words(&["-o", "tea"])),
        ("replaces", "rm", words(&["-o", "tea,kettle"])),
        ("replaces", "rm", words(&["-o", "tea,pot"])),
        ("replaces", "prune", words(&["-p", "teahouse,tea"])),
        ("replaces", "add", add(&["tea/0.3.0"])),
        ("replaces", "add", add(&["tea/1.0.0", "tea/0.3.0", "kettle/1.1.0", "teahouse/2.1.0"])),
        ("replaces", "add", add(&["tea/0.2.0"])),
        ("replaces", "add", add(&["teahouse/2.1.0", "teahouse/2.0.0"])),
        ("semver", "add", add(&["tea/0.3.0"])),
        ("semver", "add", add(&["tea/1.0.0", "kettle/1.1.0"])),
        ("semver-skippatch", "add", add(&["tea/1.0.0", "kettle/1.1.0", "tea/0.3.0"])),
    ] {
        let bed = Bed::new();
        both(&bed, mode);
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        if verb == "add" {
            args.extend(["--mode", mode]);
        }
        let files = |bed: &Bed| -> Vec<Vec<u8>> {
            ["kettle", "tea", "teahouse", "other"]
                .map(|name| fs::read(bed.path(&format!("catalog/{name}.yaml"))).unwrap_or_default())
                .to_vec()
        };
        let before = files(&bed);
        let database = bed.opm(&[&["registry", verb, "-d", "x.db"], &args[..]].concat());
        let edit = [&["index", verb, "--catalog", "catalog"], &args[..]].concat();
        let tried = bed.opm(&[&edit[..], &["--dry-run"]].concat());
        assert!(files(&bed) == before, "{edit:?}: a dry run writes");
        let catalog = bed.opm(&edit);
        assert_eq!((tried.status, &tried.stdout), (catalog.status, &catalog.stdout), "{edit:?}");
        assert_eq!(database.status, catalog.status, "{edit:?}: {database:?} {catalog:?}");
        let (wanted, found) = (bed.opm(&["render", "x.db"]).ok().stdout, bed.opm(&["render", "catalog"]).ok().stdout);
        assert!(known(&wanted) == known(&found), "{edit:?}\n{}\n{wanted}\n{found}", catalog.stdout);
        assert!(found.contains("my.own") && found.contains("my.schema"));
        bed.opm(&["validate", "catalog"]).ok();
        if catalog.status != 0 {
            assert!(files(&bed) == before && catalog.stdout.is_empty(), "{edit:?}: a failed edit writes");
        } else if verb == "rm" {
            assert!(catalog.stdout.starts_with("package "), "{edit:?}: {}", catalog.stdout);
            assert!(files(&bed)[2..] == before[2..], "{edit:?}: other packages are written");
        }
    }
}

#[test]
fn deprecations_come_to_the_same() {
    use opm_image::testing::FakeRegistry;
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let images: Vec<String> = ["tea/0.1.0", "tea/0.2.0", "tea/0.3.0", "kettle/1.0.0"]
        .iter()
        .map(|name| crate::bed::push(&registry, name))
        .collect();
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &images.join(",")]).ok();
    fs::create_dir(bed.path("catalog")).unwrap();
    fs::write(bed.path("catalog/all.json"), bed.opm(&["render", "x.db"]).ok().stdout).unwrap();
    for image in [&images[1], &format!("{}-no", images[1]), &images[3], &images[2]] {
        let database = bed.opm(&["registry", "deprecatetruncate", "-d", "x.db", "-b", image]);
        let catalog = bed.opm(&["index", "deprecatetruncate", "--catalog", "catalog", "-b", image]);
        assert_eq!(database.status, catalog.status, "{image}: {database:?} {catalog:?}");
        let (wanted, found) = (bed.opm(&["render", "x.db"]).ok().stdout, bed.opm(&["render", "catalog"]).ok().stdout);
        assert!(wanted == found, "{image}\n{}\n{wanted}\n{found}", catalog.stdout);
    }
}

#[test]
fn an_image_of_a_catalog_is_edited() {
    let bed = Bed::new();
    both(&bed, "replaces");
    bed.opm(&["index", "build", "catalog", "-i", "scratch", "--output", "oci:images:1"]).ok();
    let tea = bundles(&["tea/0.3.0"]);
    let add = ["index", "add", "-f", "oci:images:1", "-i", "scratch", "-b", &tea];
    let said = bed.opm(&[&add[..], &["--output", "oci:images:2"]].concat()).ok().stdout;
    assert!(said.contains("+ bundle tea.v0.3.0") && said.ends_with('\n'), "{said}");
    bed.opm(&["index", "add", "--catalog", "catalog", "-b", &tea]).ok();
    let expected = bed.opm(&["render", "catalog"]).ok().stdout;
    assert!(expected.contains("tea.v0.3.0"));
    assert_eq!(bed.opm(&["render", "oci:images:2"]).ok().stdout, expected);
    bed.opm(&[&add[..], &["--generate"]].concat()).ok();
    assert_eq!(bed.opm(&["render", "configs"]).ok().stdout, expected);
    let dockerfile = fs::read_to_string(bed.path("index.Dockerfile")).unwrap();
    assert!(dockerfile.starts_with("FROM scratch\n") && dockerfile.contains("ADD configs /configs\n"), "{dockerfile}");
    bed.opm(&[&add[..], &["--generate"]].concat()).fails(1, &["configs is there already"]);
    bed.opm(&["index", "prune-stranded", "-f", "oci:images:1", "-i", "scratch", "--output", "oci:images:3"])
        .fails(1, &["nothing is stranded"]);
    bed.opm(&["index", "rm", "-f", "oci:images:2", "-o", "pot", "--output", "oci:images:3", "-i", "scratch"])
        .fails(1, &["pot"]);
    assert!(bed.opm(&["render", "oci:images:3"]).status != 0);
    bed.opm(&["index", "add", "--dry-run", "-b", &tea]).fails(1, &["--dry-run"]);
}

#[test]
fn links_stay_and_what_is_invalid_is_not_edited() {
    let bed = Bed::new();
    both(&bed, "replaces");
    fs::rename(bed.path("catalog/tea.yaml"), bed.path("tea.yaml")).unwrap();
    std::os::unix::fs::symlink("../tea.yaml", bed.path("catalog/tea.yaml")).unwrap();
    let tea = bundles(&["tea/0.3.0"]);
    let add = ["index", "add", "--catalog", "catalog", "-b", &tea];
    bed.opm(&add).ok();
    assert!(bed.path("catalog/tea.yaml").is_symlink());
    assert!(fs::read_to_string(bed.path("tea.yaml")).unwrap().contains("tea.v0.3.0"));
    bed.opm(&add).fails(3, &["Bundle already added that provides package and csv"]);
    let broken =
        fs::read_to_string(bed.path("tea.yaml")).unwrap().replace("defaultChannel: stable", "defaultChannel: none");
    fs::write(bed.path("tea.yaml"), &broken).unwrap();
    let args = ["index", "add", "--catalog", "catalog", "-b", &bundles(&["tea/1.0.0"])];
    bed.opm(&args).fails(1, &["package tea is not valid as it is", "none"]);
    assert_eq!(fs::read_to_string(bed.path("tea.yaml")).unwrap(), broken);
}
