//! Images, places and disks that are not as they should be. What can be mirrored is, and the rest is told.

use std::fs;
use std::process::Command;

use opm_image::Digest;
use opm_image::testing::{Action, FakeRegistry, Layer, TestImage};

use super::CONFIGS_LABEL;
use crate::bed::{Bed, Ended, binary};

/// Pushes `ns/index:v1`, a catalog with a bundle for each of these images: `b0`, `b1` and so on, of packages `p0`, `p1` and so on.
fn push_catalog(registry: &FakeRegistry, images: &[String]) -> String {
    let mut text = String::new();
    for (number, image) in images.iter().enumerate() {
        text.push_str(&format!("---\nschema: olm.bundle\nname: b{number}\npackage: p{number}\nimage: '{image}'\n"));
    }
    let layer = Layer::gzip([("configs/catalog.yaml", text)]);
    registry.push("ns/index", "v1", &TestImage::new([layer]).label(CONFIGS_LABEL, "/configs"));
    format!("{}/ns/index:v1", registry.host())
}

fn layer(name: &str, size: usize) -> Vec<u8> {
    name.bytes().cycle().take(size).collect()
}

/// Pushes an image with a layer of its own of so many bytes; returns its reference by digest.
fn push(registry: &FakeRegistry, name: &str, size: usize) -> String {
    let image = TestImage::new([Layer::raw(layer(name, size))]);
    let digest = registry.push(&format!("ops/{name}"), "v1", &image);
    format!("{}/ops/{name}@{digest}", registry.host())
}

fn digest(image: &str) -> &str {
    image.split_once('@').unwrap().1
}

fn mirror(bed: &Bed, from: &str, to: &str) -> Ended {
    bed.opm(&["index", "mirror", "--use-http", "--no-cache", "--retries", "2", from, to])
}

fn mapping(bed: &Bed) -> String {
    fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap()
}

/// The line of a report about an image names these things.
#[track_caller]
fn assert_told(report: &str, image: &str, words: &[&str]) {
    let line = report.lines().find(|line| line.contains(image) && words.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "{image}: {words:?} in {report}");
}

#[test]
fn images_that_cannot_be_had_keep_no_other_from_being_mirrored() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let host = from.host().to_owned();
    let good = push(&from, "good", 10);
    from.push_manifest(
        "ops/old",
        "v1",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "{\"schemaVersion\":1}",
    );
    let mut foreign = Layer::raw("foreign");
    // A layer that is elsewhere stays there, and the image is complete without it.
    foreign.urls = vec!["https://elsewhere.invalid/layer".to_owned()];
    let pushed = from.push_all("ops/windows", "v1", &TestImage::new([foreign]));
    from.remove_blob("ops/windows", &pushed.layers[0]);
    let cases = [
        (good.clone(), None),
        (format!("{host}/ops/gone@sha256:{}", "0".repeat(64)), Some("no manifest with this digest")),
        (format!("{host}/ops/gone:v9"), Some("no such tag")),
        (format!("{host}/ops/old:v1"), Some("schema 1")),
        (format!("{host}/ops/windows@{}", pushed.manifest), None),
        ("${IMAGE}".to_owned(), Some("does not name an image")),
        ("https://quay.io/ns/a:v1".to_owned(), Some("without `https://`")),
        (format!("{host}/ops/short@sha256:12ab"), Some("is not a digest")),
        ("sha256:12ab".to_owned(), Some("it is only a digest")),
    ];
    let images: Vec<String> = cases.iter().map(|(image, _)| image.clone()).collect();
    let index = push_catalog(&from, &images);
    let ended = mirror(&bed, &index, &format!("{}/m", to.host()));
    let failed = cases.iter().filter(|(_, why)| why.is_some()).count();
    let ended = ended.fails(3, &[&format!("{failed} of {} images were not mirrored", cases.len() + 1)]);
    for (number, (image, why)) in cases.iter().enumerate() {
        if let Some(why) = why {
            assert_told(&ended.stderr, image, &[why, &format!("(needed by b{number})")]);
        }
    }
    let incomplete = cases.iter().enumerate().filter(|(_, (_, why))| why.is_some());
    let packages: Vec<String> = incomplete.map(|(number, _)| format!("p{number}")).collect();
    assert!(ended.stderr.contains(&format!("incomplete packages: {}", packages.join(", "))), "{}", ended.stderr);
    // What arrived is promised, and nothing else.
    assert!(to.manifest("m/ops-good", digest(&good)).is_some());
    assert!(to.manifest("m/ops-windows", pushed.manifest.as_str()).is_some());
    let mapping = mapping(&bed);
    let sources: Vec<&str> = mapping.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(sources, [index.as_str(), good.as_str(), cases[4].0.as_str()]);
    let idms = fs::read_to_string(bed.path("manifests/imageDigestMirrorSet.yaml")).unwrap();
    assert_eq!(idms.matches("source: ").count(), 2, "{idms}");
}

#[test]
fn two_images_at_one_place_end_a_mirror_before_it_begins() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let host = from.host();
    let index = push_catalog(&from, &[format!("{host}/a-b/c:v1"), format!("{host}/a/b-c:v1")]);
    mirror(&bed, &index, &format!("{}/m", to.host())).fails(1, &["a-b/c:v1", "a/b-c:v1", "m/a-b-c:v1", "keep-host"]);
    assert!(to.take_seen().is_empty());
    assert!(!bed.path("manifests").exists());
}

#[test]
fn a_repository_that_may_not_be_written_to_costs_its_images_only() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let images = ["tea", "kettle", "leaf"].map(|name| push(&from, name, 1000));
    let index = push_catalog(&from, &images);
    let denied = Action::Status(403, Vec::new(), r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#.to_owned());
    to.fail("/v2/m/ops-kettle/", 1000, denied);
    let destination = format!("{}/m", to.host());
    let ended = mirror(&bed, &index, &destination).fails(3, &["1 of 4 images", "incomplete packages: p1"]);
    assert_told(&ended.stderr, &images[1], &["not yours", "(needed by b1)"]);
    assert!(to.manifest("m/ops-tea", digest(&images[0])).is_some() && to.manifest("m/ops-leaf", "v1").is_none());
    let mapping = mapping(&bed);
    assert!(mapping.contains("ops/leaf") && !mapping.contains("ops/kettle"), "{mapping}");
    // Nobody looked at the blobs of an image that has no place.
    assert!(from.take_seen().iter().all(|seen| !seen.path.contains("/ops/kettle/blobs/") || seen.method == "HEAD"));
}

/// Runs a mirror that can write no file larger than so many times 512 bytes.
fn mirror_with_little_room(bed: &Bed, blocks: u32, from: &str, to: &str) -> Ended {
    let opm = bed.command("opm", &["index", "mirror", "--use-http", "--no-cache", from, to]);
    let mut shell = Command::new("sh");
    // Whoever ignores the signal sees an error, as on a full disk.
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")).arg(binary("opm"));
    shell.args(opm.get_args()).current_dir(opm.get_current_dir().unwrap()).env_clear();
    shell.envs(opm.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    bed.assert_tidy();
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_disk_that_fills_costs_what_it_has_no_room_for() {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    let images = [push(&from, "small", 1000), push(&from, "large", 400_000)];
    let index = push_catalog(&from, &images);
    let small = Digest::of(&layer("small", 1000));
    for destination in [format!("{}/m", to.host()), "oci:store".to_owned()] {
        let bed = Bed::new();
        let ended = mirror_with_little_room(&bed, 200, &index, &destination).fails(3, &["1 of 3 images"]);
        assert_told(&ended.stderr, &images[1], &["File too large", "(needed by b1)"]);
        // What is there is genuine, and a larger disk is all that the next run needs.
        if let Ok(blobs) = fs::read_dir(bed.path("store/blobs/sha256")) {
            for blob in blobs {
                let path = blob.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                if path.extension().is_some_and(|extension| extension == "part") {
                    assert!(layer("large", 400_000).starts_with(&bytes));
                } else {
                    assert_eq!(Digest::of(&bytes).hex(), path.file_name().unwrap().to_str().unwrap());
                }
            }
        }
        from.take_seen();
        mirror(&bed, &index, &destination).ok();
        assert!(from.take_seen().iter().all(|seen| !seen.path.contains(small.as_str())));
    }
    let bed = Bed::new();
    mirror_with_little_room(&bed, 0, &index, "oci:store").fails(1, &["too large"]);
}

#[test]
fn a_damaged_store_costs_the_images_that_are_damaged() {
    let from = FakeRegistry::start();
    let images = ["tea", "kettle", "leaf"].map(|name| push(&from, name, 1000));
    let index = push_catalog(&from, &images);
    let layer = Digest::of(&layer("kettle", 1000));
    let flip = |bytes: &[u8]| Some([&[bytes[0] ^ 1], &bytes[1..]].concat());
    let damages: [(&str, &str, &dyn Fn(&[u8]) -> Option<Vec<u8>>); 5] = [
        (layer.hex(), "wrong digest", &flip),
        (layer.hex(), "wrong size", &|bytes: &[u8]| Some(bytes[1..].to_vec())),
        (layer.hex(), layer.hex(), &|_: &[u8]| None),
        (&digest(&images[1])[7..], "wrong digest", &flip),
        (&digest(&images[1])[7..], &digest(&images[1])[7..], &|_: &[u8]| None),
    ];
    for (blob, why, damage) in damages {
        let (bed, to) = (Bed::new(), FakeRegistry::start());
        mirror(&bed, &index, "oci:store").ok();
        let path = bed.path(&format!("store/blobs/sha256/{blob}"));
        match damage(&fs::read(&path).unwrap()) {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let destination = format!("{}/m", to.host());
        let ended = mirror(&bed, "oci:store", &destination).fails(3, &["1 of 4 images", "incomplete packages: p1"]);
        assert_told(&ended.stderr, &images[1], &[why, "(needed by b1)"]);
        for (image, name) in images.iter().zip(["tea", "kettle", "leaf"]) {
            let there = to.manifest(&format!("m/ops-{name}"), digest(image)).is_some();
            assert_eq!(there, name != "kettle", "{name}");
        }
        assert!(!mapping(&bed).contains("ops/kettle"));
        // Without what is damaged, filling it again mends it.
        let _absent = fs::remove_file(&path);
        mirror(&bed, &index, "oci:store").ok();
        mirror(&bed, "oci:store", &destination).ok();
    }
}

#[test]
fn labels_that_lead_nowhere_end_a_mirror() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let database = CONFIGS_LABEL.replace("configs", "database");
    for (label, at) in [
        (CONFIGS_LABEL, "/configs"),
        (&database, "/database/index.db"),
        (CONFIGS_LABEL, "../../etc"),
        (&database, "/file/below"),
    ] {
        from.push("ns/index", "v1", &TestImage::new([Layer::gzip([("file", "content")])]).label(label, at));
        let index = format!("{}/ns/index:v1", from.host());
        mirror(&bed, &index, &format!("{}/m", to.host())).fails(1, &[&index, at]);
        assert!(bed.files().is_empty() && to.take_seen().is_empty());
    }
}
