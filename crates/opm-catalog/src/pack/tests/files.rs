//! Building: what is on the disk afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use opm_model::Stop;

use super::super::blocks::Writer;
use super::super::{Cache, Error, Foreign, build};
use super::{CATALOG, ENCODING, Fixture, Pack, chain, large, list};

#[test]
fn the_same_catalog_makes_the_same_bytes() {
    let files = [("a.yaml", CATALOG), ("b.yaml", &large(5000))];
    let built = |threads: usize, files: &[(&str, &str)]| {
        let fixture = Fixture::new(files);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let summary = pool.install(|| fixture.build()).unwrap();
        let bytes = fs::read(fixture.target()).unwrap();
        assert_eq!(summary.length, bytes.len() as u64);
        assert_eq!(fs::metadata(fixture.target()).unwrap().permissions().mode() & 0o777, 0o644);
        (summary, bytes)
    };
    let first = built(1, &files);
    assert!(first == built(4, &files));
    assert_eq!(format!("{:?}", first.0.counts), "Counts { packages: 3, channels: 5, bundles: 5, places: 8 }");
}

#[test]
fn what_is_in_the_pack_does_not_depend_on_how_the_catalog_is_divided() {
    let together = Fixture::new(&[("a.yaml", &format!("{CATALOG}---\n{}", large(5000)))]).pack();
    let apart = Fixture::new(&[("z.yaml", CATALOG), ("l/b.yaml", &large(5000))]).pack();
    assert_eq!(list(&together).unwrap(), list(&apart).unwrap());
    assert_ne!(together.digest(), apart.digest());
}

#[test]
fn a_bad_catalog_leaves_what_was_there() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    fixture.build().unwrap();
    let before = fs::read(fixture.target()).unwrap();
    for (text, wanted) in [
        ("{", "cannot parse"),
        ("schema: olm.bundle\nname: b\n", "build package index: process package \"\": "),
        (
            "schema: olm.package\nname: z\n",
            "build package index: process package \"z\": invalid index:\n└── invalid package \"z\":",
        ),
        (
            "schema: a/b\n",
            "invalid custom schema meta: invalid schema \"a/b\": must match ^[a-zA-Z0-9][a-zA-Z0-9._-]*$",
        ),
        ("schema: custom\npackage: a/b\n", "invalid custom schema meta: invalid packageName \"a/b\": must match"),
    ] {
        fixture.write("bad.yaml", text);
        let error = chain(&fixture.build().unwrap_err());
        assert!(error.contains(wanted), "{error}");
        assert_eq!(fixture.cached(), ["opm.pack"]);
        assert!(fs::read(fixture.target()).unwrap() == before);
    }
    let twice = CATALOG
        .replace("- type: olm.csv.metadata\n", "- {type: olm.csv.metadata, value: {}}\n- type: olm.csv.metadata\n");
    fixture.write("bad.yaml", "");
    fixture.write("catalog.yaml", &twice);
    let error = chain(&fixture.build().unwrap_err());
    let wanted = "parse properties: expected at most 1 property of type \"olm.csv.metadata\", found 2";
    assert!(error.contains("process package \"p\"") && error.contains(wanted), "{error}");
}

#[test]
fn manifests_that_cannot_be_sent_are_refused() {
    let catalog = CATALOG.replace("eyJraW5kIjoiU2VjcmV0In0=", "eyJraW5kIjoi/yJ9");
    let fixture = Fixture::new(&[("catalog.yaml", &catalog)]);
    let error = fixture.build().unwrap_err().to_string();
    assert_eq!(error, "build package index: process package \"p\": bundle \"p.v1\": manifest 0 is not UTF-8");
}

#[test]
fn a_stopped_build_leaves_what_was_there() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    fixture.build().unwrap();
    let before = fs::read(fixture.target()).unwrap();
    fixture.write("more.yaml", &large(300));
    let stop = Stop::new();
    stop.ask();
    let error = build(fixture.source(), fixture.target(), &ENCODING, &stop).unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error}");
    assert_eq!(fixture.cached(), ["opm.pack"]);
    assert!(fs::read(fixture.target()).unwrap() == before);
}

#[test]
fn what_killed_builds_left_is_removed() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    fs::create_dir(fixture.cache()).unwrap();
    fs::write(fixture.cache().join(".opm-pack-dead.tmp"), "x").unwrap();
    let live = fs::File::create(fixture.cache().join(".opm-pack-live.tmp")).unwrap();
    live.lock().unwrap();
    fs::write(fixture.cache().join(".other.tmp"), "x").unwrap();
    fixture.build().unwrap();
    assert_eq!(fixture.cached(), [".opm-pack-live.tmp", ".other.tmp", "opm.pack"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    fs::write(fixture.cache(), "in the way").unwrap();
    let error = fixture.build().unwrap_err().to_string();
    assert!(error.contains(fixture.cache().to_str().unwrap()), "{error}");
    let error = build(fixture.source(), fixture.source(), &ENCODING, &Stop::new()).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert_eq!(super::names(fixture.0.path()), ["cache", "configs"]);
}

#[test]
fn a_full_disk_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = Writer::new(&full);
    let error = writer.write(&vec![0; 1 << 20]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let mut writer = Writer::new(&full);
    writer.write(b"little").unwrap();
    assert_eq!(writer.finish().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn a_single_file_is_a_catalog() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    let target = fixture.target();
    build(fixture.source().join("catalog.yaml"), &target, &ENCODING, &Stop::new()).unwrap();
    assert_eq!(list(&Pack::open(&target).unwrap()).unwrap(), list(&fixture.pack()).unwrap());
}

#[test]
fn cache_directories_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    assert_eq!(Cache::of(&cache).unwrap(), Cache::default());
    for (made, wanted) in [
        (&[][..], Ok((false, None))),
        (&[".opm-pack-x.tmp"], Ok((false, None))),
        (&["opm.pack"], Ok((true, None))),
        (&["opm.pack", "other"], Ok((true, None))),
        (&["pogreb.v1/"], Ok((false, Some(Foreign::Pogreb)))),
        (&["pogreb.v1/", "opm.pack"], Ok((true, Some(Foreign::Pogreb)))),
        (&["cache/", "digest"], Ok((false, Some(Foreign::Json)))),
        (&["cache/", "digest", "pogreb.v1/"], Ok((false, Some(Foreign::Pogreb)))),
        (&["cache/"], Err("cache directory has unexpected contents: cache")),
        (&["b", "a", "digest"], Err("cache directory has unexpected contents: a,b,digest")),
        (&["pogreb.v1"], Err("cache directory has unexpected contents: pogreb.v1")),
    ] {
        fs::create_dir(&cache).unwrap();
        for name in made {
            match name.strip_suffix('/') {
                Some(name) => fs::create_dir(cache.join(name)).unwrap(),
                None => fs::write(cache.join(name), "").unwrap(),
            }
        }
        let found = Cache::of(&cache).map(|found| (found.pack.is_some(), found.foreign));
        assert_eq!(found.map_err(|error| error.to_string()), wanted.map_err(str::to_owned));
        fs::remove_dir_all(&cache).unwrap();
    }
}
