//! Stores of `opm index mirror`, of all kinds, filled on one side and emptied on the other.

use std::fs;

use opm_image::Digest;
use opm_image::testing::{Action, FakeRegistry, Layer, TestImage};

use crate::bed::Bed;
use crate::opm::index::mirror::{CONFIGS_LABEL, catalog};

fn index(registry: &FakeRegistry) -> String {
    format!("{}/ns/index:v1", registry.host())
}

fn arrived(to: &FakeRegistry, below: &str, digests: &[Digest]) {
    for (name, digest) in ["tea", "kettle", "leaf"].into_iter().zip(digests) {
        let there = to.manifest(&format!("{below}/ops-{name}"), digest.as_str()).unwrap().1;
        assert_eq!(Digest::of(&there), *digest);
    }
}

#[test]
fn an_archive_may_have_volumes() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let digests = catalog(&from);
    let fill = |more: &[&str]| {
        let args = ["index", "mirror", "--use-http", "--no-cache", &index(&from), "oci-archive:s.tar"];
        bed.opm(&[&args[..], more].concat())
    };
    assert!(fill(&[]).ok().stdout.ends_with("wrote s.tar\n"));
    let whole = fs::read(bed.path("s.tar")).unwrap();
    assert!(!bed.path("s.tar.store").exists());
    let told = fill(&["--archive-size", "100kB"]).ok().stdout;
    assert!(told.ends_with("wrote s.tar.003\nwrote s.tar.sha256\n"), "{told}");
    assert!(!bed.path("s.tar").exists());
    let volumes: Vec<u8> =
        (1..=3).flat_map(|number| fs::read(bed.path(&format!("s.tar.00{number}"))).unwrap()).collect();
    assert!(volumes == whole);
    let out = |below: &str| {
        let destination = format!("{}/{below}", to.host());
        bed.opm(&["index", "mirror", "--use-http", "oci-archive:s.tar", &destination])
    };
    out("m").ok();
    arrived(&to, "m", &digests);
    assert_eq!(bed.opm(&["index", "mirror", "verify", "oci-archive:s.tar"]).ok().stdout, "4 images are whole\n");

    let second = bed.path("s.tar.002");
    let mut bytes = fs::read(&second).unwrap();
    bytes[500] ^= 1;
    fs::write(&second, bytes).unwrap();
    out("n").fails(1, &["s.tar.002 is damaged"]);
    fs::remove_file(second).unwrap();
    out("n").fails(1, &["s.tar.002, which is not there"]);
    assert!(to.manifest("n/ns-index", "v1").is_none());
}

#[test]
fn a_later_store_has_only_what_is_new() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let digests = catalog(&from);
    let mirror = |source: &str, destination: &str, more: &[&str]| {
        bed.opm(&[&["index", "mirror", "--use-http", "--no-cache", source, destination][..], more].concat())
    };
    mirror(&index(&from), "oci:first", &[]).ok();
    // A new operator on the layer that all share, and a new version of the catalog.
    let shared = Layer::plain([("shared", "s".repeat(200_000))]);
    let spoon = from.push("ops/spoon", "v1", &TestImage::new([shared.clone(), Layer::gzip([("spoon", "spoon")])]));
    let host = from.host().to_owned();
    let text = format!(
        "schema: olm.bundle\nname: spoon.v1\npackage: spoon\nimage: {host}/ops/spoon@{spoon}\n---\nschema: olm.bundle\n\
         name: tea.v1\npackage: tea\nimage: {host}/ops/tea@{}\n",
        digests[0]
    );
    let catalog = TestImage::new([Layer::gzip([("configs/c.yaml", text.as_str())])]).label(CONFIGS_LABEL, "/configs");
    from.push("ns/index", "v1", &catalog);
    for (earlier, store) in [("oci:first", "oci:second"), ("oci:first", "oci-archive:second.tar")] {
        let told = mirror(&index(&from), store, &["--since", earlier]).ok().stdout;
        assert!(told.starts_with("2 images copied, 0 there already, 1 in earlier stores; "), "{told}");
    }
    let size = |dir: &str| -> u64 {
        fs::read_dir(bed.path(dir)).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    assert!(size("second/blobs/sha256") < 20_000 && size("first/blobs/sha256") > 200_000);
    let told = bed.opm(&["index", "mirror", "verify", "oci:second"]).ok().stdout;
    assert_eq!(told, "2 images are whole; 1 images are in earlier stores\n");
    drop(from);

    // Without what it relies on, it is told what to do; with it, all is there.
    let destination = format!("{}/m", to.host());
    mirror("oci:second", &destination, &[]).fails(3, &["mirror the earlier one", "needed by tea.v1", "spoon.v1"]);
    mirror("oci:first", &destination, &[]).ok();
    let sent =
        |to: &FakeRegistry| to.take_seen().iter().filter(|seen| seen.method == "PUT" && seen.size > 150_000).count();
    assert_eq!(sent(&to), 1);
    mirror("oci-archive:second.tar", &destination, &[]).ok();
    assert_eq!(sent(&to), 0);
    assert!(to.manifest("m/ops-spoon", spoon.as_str()).is_some());
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    assert!(mapping.contains("ops/spoon") && mapping.contains("ops/tea"), "{mapping}");
    mirror("oci:second", "oci:third", &["--since", "r.io/x"]).fails(1, &["is no store"]);
}

#[test]
fn a_tree_is_as_oc_writes_it() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let digests = catalog(&from);
    let fill = || bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index(&from), "file://local/index"]);
    assert!(fill().ok().stdout.starts_with("4 images copied"));
    assert!(fill().ok().stdout.starts_with("0 images copied, 4 there already"));
    let at = |path: &str| bed.path(&format!("v2/local/index/ns/index/{path}"));
    let manifest = at(&format!("ops/tea/manifests/{}", digests[0]));
    assert_eq!(Digest::of(&fs::read(&manifest).unwrap()), digests[0]);
    assert!(at(&format!("ops/tea/blobs/{}", digests[0])).is_file());
    let tag = fs::read_link(at("manifests/v1")).unwrap();
    assert!(at("manifests").join(tag).is_file());
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    assert!(mapping.contains("ns/index:v1=file://local/index/ns/index:v1\n"), "{mapping}");
    assert!(mapping.contains(&format!("ops/tea@{}=file://local/index/ns/index/ops/tea:", digests[0])), "{mapping}");
    assert!(!bed.path("manifests/imageDigestMirrorSet.yaml").exists());
    let host = from.host().to_owned();
    drop(from);

    let out = |source: &str, below: &str| {
        let destination = format!("{}/{below}", to.host());
        bed.opm(&["index", "mirror", "--use-http", source, &destination])
    };
    out("file://local/index/ns/index:v1", "m").ok();
    arrived(&to, "m", &digests);
    assert!(to.manifest("m/ns-index", "v1").is_some());
    let idms = fs::read_to_string(bed.path("manifests/imageDigestMirrorSet.yaml")).unwrap();
    assert!(idms.contains(&format!("source: {host}/ops/tea\n")), "{idms}");
    // A tree of another tool does not say what the catalog was called.
    fs::remove_file(at("opm-mirror.json")).unwrap();
    out("file://local/index/ns/index:v1", "n").ok();
    arrived(&to, "n", &digests);
    assert!(to.manifest("n/local-index-ns-index", "v1").is_some());
    fs::remove_file(manifest).unwrap();
    out("file://local/index/ns/index:v1", "o").fails(3, &[digests[0].as_str()]);
    out("file://local/../index:v1", "o").fails(1, &["is no place in a tree"]);
}

#[test]
fn what_refers_to_an_image_goes_through_a_store() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let [tea, ..] = catalog(&from);
    let referrer = TestImage::new([Layer::raw("bill of materials")]);
    let found = from.push("ops/tea", "unnamed", &referrer);
    let list = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, referrer.entry());
    from.fail(format!("/v2/ops/tea/referrers/{tea}"), 1, Action::Status(200, Vec::new(), list));
    bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index(&from), "oci:store"]).ok();
    drop(from);
    bed.opm(&["index", "mirror", "--use-http", "oci:store", &format!("{}/m", to.host())]).ok();
    assert!(to.manifest("m/ops-tea", found.as_str()).is_some());
    assert!(to.manifest("m/ops-tea", &format!("sha256-{}", tea.hex())).is_some());
}
