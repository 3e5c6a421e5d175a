use std::fs;

use opm_image::testing::{FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, data};

fn catalog(bed: &Bed) {
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    fs::create_dir_all(bed.path("catalog/sub")).unwrap();
    fs::write(bed.path("catalog/sub/all.json"), bed.opm(&["render", "x.db"]).ok().stdout).unwrap();
    fs::write(bed.path("catalog/.indexignore"), "README.md\n").unwrap();
    fs::write(bed.path("catalog/README.md"), "# no catalog").unwrap();
    fs::remove_file(bed.path("x.db")).unwrap();
}

#[test]
fn an_image_holds_the_catalog_and_its_pack() {
    let bed = Bed::new();
    catalog(&bed);
    let build = |args: &[&str]| bed.opm(&[&["index", "build", "-i", "scratch"], args].concat());
    let all = bed.opm(&["render", "catalog"]).ok().stdout;
    let one = build(&["catalog", "--output", "oci:out:1", "--pack"]).ok().stdout;
    assert_eq!(bed.opm(&["render", "oci:out:1"]).ok().stdout, all);
    assert_eq!(build(&["catalog", "--output", "oci:out:2", "--pack"]).ok().stdout, one.replace("out:1", "out:2"));
    // What the image has is served as it is: the pack belongs to the catalog.
    for (source, name) in [("catalog", "3"), ("catalog/sub/all.json", "4")] {
        build(&[source, "--output", &format!("docker-archive:{name}.tar"), "-t", "r/x:1", "--pack"]).ok();
        fs::create_dir(bed.path(name)).unwrap();
        unpack(&bed, name);
        bed.opm(&[
            "serve",
            &format!("{name}/configs"),
            "--cache-dir",
            &format!("{name}/tmp/cache"),
            "--cache-only",
            "--cache-enforce-integrity",
        ])
        .ok();
    }
    assert!(!bed.path("3/configs/README.md").exists());
    let plain = build(&["catalog", "--output", "oci:out:5"]).ok().stdout;
    assert_ne!(plain.split_once(' ').unwrap().1, one.split_once(' ').unwrap().1);
}

/// Unpacks the one layer of an archive with the system's `tar`.
fn unpack(bed: &Bed, name: &str) {
    let tar = |args: &[&str]| {
        let status = std::process::Command::new("tar").args(args).current_dir(bed.path(name)).status().unwrap();
        assert!(status.success(), "tar {args:?}");
    };
    tar(&["-xf", &format!("../{name}.tar")]);
    let layer = fs::read_dir(bed.path(name)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let layer = layer.into_iter().find(|file| file.strip_suffix(".tar").is_some()).unwrap();
    tar(&["-xf", &layer]);
}

#[test]
fn what_is_no_catalog_is_not_built() {
    let bed = Bed::new();
    catalog(&bed);
    fs::write(bed.path("catalog/jug.yaml"), "schema: olm.package\nname: jug\n").unwrap();
    fs::write(bed.path("catalog/urn.yaml"), "schema: olm.package\nname: urn\n").unwrap();
    let build = |args: &[&str]| bed.opm(&[&["index", "build"], args].concat());
    build(&["catalog", "--output", "oci:out", "-i", "scratch"])
        .fails(1, &["\"jug\"", "\"urn\"", "catalog/urn.yaml, line 1"]);
    build(&["none", "--output", "oci:out", "-i", "scratch"]).fails(1, &["cannot read none"]);
    build(&["catalog", "--output", "oci:out"]).fails(1, &["--binary-image"]);
    build(&["catalog", "--output", "oci:out", "-u", "podman"]).fails(1, &["built without podman"]);
    fs::write(bed.path("out"), "mine").unwrap();
    fs::remove_file(bed.path("catalog/jug.yaml")).unwrap();
    fs::remove_file(bed.path("catalog/urn.yaml")).unwrap();
    build(&["catalog", "--output", "oci:out", "-i", "scratch"]).fails(1, &["out"]);
    assert_eq!(fs::read_to_string(bed.path("out")).unwrap(), "mine");
    assert_eq!(bed.files(), ["catalog", "out"]);
}

#[test]
fn it_is_built_on_any_base() {
    let bed = Bed::new();
    catalog(&bed);
    let registry = FakeRegistry::start();
    registry.push("opm", "1", &TestImage::new([Layer::plain([("bin/opm", "an opm")])]).label("kept", "yes"));
    let (base, tag) = (format!("{}/opm:1", registry.host()), format!("{}/ns/catalog:1", registry.host()));
    bed.opm(&["index", "build", "catalog", "--use-http", "-i", &base, "--push", "-t", &tag]).ok();
    let all = bed.opm(&["render", "catalog"]).ok().stdout;
    assert_eq!(bed.opm(&["render", "--use-http", &tag]).ok().stdout, all);
    bed.opm(&["index", "build", "catalog", "--use-http", "-i", &format!("{base}-no"), "--push", "-t", &tag])
        .fails(1, &["opm:1-no"]);
}
