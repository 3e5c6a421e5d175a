mod verify;

use std::fs;

use opm_image::Digest;
use opm_image::testing::{Action, FakeRegistry, Layer, TestImage};

use super::DATABASE_LABEL;
use crate::bed::Bed;

pub(crate) const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";

/// A registry with a catalog of two operators, whose three images share a layer; returns the digests of their manifests. The
/// third is a list.
pub(crate) fn catalog(registry: &FakeRegistry) -> [Digest; 3] {
    let shared = Layer::plain([("shared", "s".repeat(200_000))]);
    let image = |name: &str| TestImage::new([shared.clone(), Layer::gzip([(name, name)])]);
    let tea = registry.push("ops/tea", "v1", &image("tea"));
    let kettle = registry.push("ops/kettle", "v1", &image("kettle"));
    let parts = [image("amd"), image("arm").platform("linux/arm64")];
    for part in &parts {
        registry.push("ops/leaf", "part", part);
    }
    let list = registry.push_index("ops/leaf", "v2", &parts.map(|part| part.entry()));
    let list: Digest = list["digest"].as_str().unwrap().parse().unwrap();
    let host = registry.host();
    let text = format!(
        "schema: olm.package\nname: tea\n---\nschema: olm.bundle\nname: tea.v1\npackage: tea\nimage: {host}/ops/tea@{tea}\n\
         relatedImages:\n- image: {host}/ops/leaf@{list}\n---\nschema: olm.bundle\nname: kettle.v1\npackage: kettle\n\
         image: {host}/ops/kettle@{kettle}\n"
    );
    let files = [("configs/catalog.yaml", text.as_str()), ("configs/README.md", "# Not a catalog\n")];
    registry.push("ns/index", "v1", &TestImage::new([Layer::gzip(files)]).label(CONFIGS_LABEL, "/configs"));
    [tea, kettle, list]
}

fn writes(registry: &FakeRegistry) -> Vec<String> {
    let seen = registry.take_seen().into_iter().filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD"));
    seen.map(|seen| format!("{} {}", seen.method, seen.path)).collect()
}

#[test]
fn everything_arrives_and_a_second_run_writes_nothing() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let [tea, kettle, list] = catalog(&from);
    let index = format!("{}/ns/index:v1", from.host());
    let destination = format!("{}/mirror/", to.host());
    let mirror = |more: &[&str]| {
        bed.opm(&[&["index", "mirror", "--use-http", "--no-cache", &index, &destination][..], more].concat())
    };
    let dry = mirror(&["--dry-run"]).ok().stdout;
    assert!(dry.starts_with("4 images to copy, 0 there already; "), "{dry}");
    assert_eq!(writes(&to), Vec::<String>::new());

    let told = mirror(&[]).ok().stdout;
    assert!(told.starts_with("4 images copied, 0 there already; "), "{told}");
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    for (name, digest) in [("ops-tea", &tea), ("ops-kettle", &kettle), ("ops-leaf", &list)] {
        let bytes =
            |registry: &FakeRegistry, repository: &str| registry.manifest(repository, digest.as_str()).unwrap().1;
        assert_eq!(bytes(&to, &format!("mirror/{name}")), bytes(&from, &name.replacen('-', "/", 1)));
        let line = mapping.lines().find(|line| line.contains(digest.as_str())).unwrap();
        let (repository, tag) = line.split_once(&format!("={}/", to.host())).unwrap().1.split_once(':').unwrap();
        assert_eq!(Digest::of(&to.manifest(repository, tag).unwrap().1), *digest);
    }
    let idms = fs::read_to_string(bed.path("manifests/imageDigestMirrorSet.yaml")).unwrap();
    assert_eq!(idms.matches("source: ").count(), 3, "{idms}");
    let source = fs::read_to_string(bed.path("manifests/catalogSource.yaml")).unwrap();
    assert!(source.contains(&format!("image: {}/mirror/ns-index:v1\n", to.host())), "{source}");
    // The layer that all share was sent once.
    let sent = to.take_seen().iter().filter(|seen| seen.method == "PUT" && seen.size > 150_000).count();
    assert_eq!(sent, 1);

    assert!(mirror(&[]).ok().stdout.starts_with("0 images copied, 4 there already"));
    assert_eq!(writes(&to), Vec::<String>::new());
    assert_eq!(fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap(), mapping);
}

#[test]
fn what_failed_is_told_and_promised_nowhere() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let [tea, kettle, _] = catalog(&from);
    from.fail(format!("/v2/ops/tea/manifests/{tea}"), 100, Action::Status(404, Vec::new(), String::new()));
    let index = format!("{}/ns/index:v1", from.host());
    let args = ["index", "mirror", "--use-http", "--no-cache", &index, &format!("{}/m", to.host())];
    bed.opm(&args).fails(3, &[tea.as_str(), "needed by tea.v1", "1 of 4 images", "incomplete packages: tea"]);
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    assert!(mapping.contains(kettle.as_str()) && !mapping.contains(tea.as_str()), "{mapping}");
    let idms = fs::read_to_string(bed.path("manifests/imageDigestMirrorSet.yaml")).unwrap();
    assert!(!idms.contains("ops/tea"), "{idms}");
    // Nothing can be done: nothing is written.
    to.fail("/uploads/", 1000, Action::Status(403, Vec::new(), String::new()));
    let other =
        ["index", "mirror", "--use-http", "--no-cache", &index, &format!("{}/n", to.host()), "--to-manifests", "n"];
    bed.opm(&other).fails(1, &["no image could be mirrored"]);
    assert!(!bed.path("n").exists());
}

/// Whatever a process left that was killed, the next one completes it, and sends little of it again.
#[test]
fn killed_runs_are_gone_on_with() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let digests = catalog(&from);
    let index = format!("{}/ns/index:v1", from.host());
    let left = tempfile::tempdir().unwrap();
    let child = |round: u64| {
        let args = ["index", "mirror", "--use-http", "--no-cache", &index, &format!("{}/m{}", to.host(), round / 10)];
        let mut command = bed.command("opm", &args);
        // Who is killed cannot clean up.
        command.env("TMPDIR", left.path()).stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    for round in 0..40 {
        let mut run = child(round);
        std::thread::sleep(std::time::Duration::from_millis(round % 10 * 7));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    for round in [0, 10, 20, 30] {
        assert!(child(round).wait().unwrap().success());
        for (name, digest) in ["tea", "kettle", "leaf"].into_iter().zip(&digests) {
            let there = to.manifest(&format!("m{}/ops-{name}", round / 10), digest.as_str()).unwrap().1;
            assert_eq!(Digest::of(&there), *digest);
        }
    }
    assert!(!bed.path("manifests/.opm-mirror-state.json").exists());
    let shared = to.take_seen().iter().filter(|seen| seen.method == "PUT" && seen.size > 150_000).count();
    assert!(shared <= 30, "the shared layer was sent {shared} times");
    assert!(child(0).wait().unwrap().success());
    assert_eq!(writes(&to), Vec::<String>::new());
}

#[test]
fn faults_that_pass_cost_no_image() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    catalog(&from);
    for path in ["/blobs/sha256", "/manifests/"] {
        from.fail(format!("GET /v2/ops/tea{path}"), 1, Action::Status(503, Vec::new(), String::new()));
        from.fail(format!("GET /v2/ops/leaf{path}"), 1, Action::Cut(10));
    }
    to.fail("POST /v2/", 2, Action::Status(429, vec![("Retry-After", "0".to_owned())], String::new()));
    to.fail("PUT /v2/", 2, Action::HangUp(5));
    let index = format!("{}/ns/index:v1", from.host());
    bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index, to.host()]).ok();
}

#[test]
fn a_store_is_all_that_the_other_side_needs() {
    let (bed, to) = (Bed::new(), FakeRegistry::start());
    let from = FakeRegistry::start();
    let [tea, _, list] = catalog(&from);
    from.push("ops/tea", &format!("sha256-{}.sig", tea.hex()), &TestImage::new([Layer::raw("signature")]));
    let index = format!("{}/ns/index:v1", from.host());
    let fill = || bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index, "oci:store"]).ok().stdout;
    assert!(fill().starts_with("4 images copied"));
    let host = from.host().to_owned();
    drop(from);
    let destination = format!("{}/mirror", to.host());
    bed.opm(&["index", "mirror", "--use-http", "oci:store", &destination]).ok();
    assert_eq!(Digest::of(&to.manifest("mirror/ops-leaf", list.as_str()).unwrap().1), list);
    assert!(to.manifest("mirror/ops-tea", &format!("sha256-{}.sig", tea.hex())).is_some());
    // Sources are those that the catalog names.
    let idms = fs::read_to_string(bed.path("manifests/imageDigestMirrorSet.yaml")).unwrap();
    assert!(idms.contains(&format!("source: {host}/ops/tea\n")), "{idms}");
    assert!(fs::read_to_string(bed.path("manifests/catalogSource.yaml")).unwrap().contains("mirror/ns-index:v1"));

    // A byte that changed on the way is not passed on.
    let damaged = bed.path(&format!("store/blobs/sha256/{}", tea.hex()));
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[0] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let other = format!("{}/other", to.host());
    bed.opm(&["index", "mirror", "--use-http", "oci:store", &other]).fails(3, &["wrong digest", "tea.v1"]);
    bed.opm(&["index", "mirror", "oci:nowhere", &other]).fails(1, &["is no store"]);
}

#[test]
fn parts_of_a_catalog_and_slips() {
    let (bed, from) = (Bed::new(), FakeRegistry::start());
    catalog(&from);
    let index = format!("{}/ns/index:v1", from.host());
    let plan =
        |more: &[&str]| bed.opm(&[&["index", "mirror", "--use-http", "--manifests-only", &index][..], more].concat());
    plan(&["r.io/ns", "--packages", "kettle"]).ok();
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    assert!(mapping.contains("ops/kettle") && !mapping.contains("ops/tea"), "{mapping}");
    plan(&["r.io/ns", "--skip-images", "^[^/]*/ops/t"]).ok().says(&["ops/tea", "is left out, as --skip-images says"]);
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    assert!(mapping.contains("ops/kettle") && !mapping.contains("ops/tea"), "{mapping}");
    plan(&["r.io/ns", "--skip-images", "("]).fails(1, &["--skip-images ("]);
    plan(&["r.io/ns", "--max-idms-size", "200"]).fails(1, &["does not fit into an object of 200 bytes"]);
    plan(&["r.io/ns", "--since", "oci:x"]).fails(1, &["--since is for stores"]);
    plan(&["r.io/ns", "--archive-size", "1MB"]).fails(1, &["only an archive has volumes"]);
    plan(&["r.io", "--packages", "coffee"]).fails(1, &["no package in the catalog is called coffee"]);
    plan(&["ns/x"]).fails(1, &["begin it with a registry"]);
    plan(&["r.io", "--max-components", "1"]).fails(1, &["0, for any number, or 2 and more"]);
    plan(&["r.io/ns", "--idms-scope", "registry"]).fails(1, &["use --idms-scope repository"]);
    from.push("ns/other", "v1", &TestImage::new([]).label("x", "y"));
    let other = format!("{}/ns/other:v1", from.host());
    bed.opm(&["index", "mirror", "--use-http", &other, "r.io"]).fails(1, &["is not an index image", DATABASE_LABEL]);
    from.push("ns/empty", "v1", &TestImage::new([]).label(CONFIGS_LABEL, "/configs"));
    let empty = format!("{}/ns/empty:v1", from.host());
    bed.opm(&["index", "mirror", "--use-http", &empty, "r.io"]).fails(1, &["there is nothing at /configs"]);
}

#[test]
fn failures_are_handled_as_wanted() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let [tea, kettle, _] = catalog(&from);
    from.fail(format!("/v2/ops/tea/manifests/{tea}"), 100, Action::Status(404, Vec::new(), String::new()));
    let index = format!("{}/ns/index:v1", from.host());
    let destination = format!("{}/m", to.host());
    let mirror = |more: &[&str]| {
        bed.opm(&[&["index", "mirror", "--use-http", "--no-cache", &index, &destination][..], more].concat())
    };
    mirror(&["--allow-missing"]).ok().says(&[tea.as_str(), "needed by tea.v1"]);
    assert!(!fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap().contains(tea.as_str()));
    // Images are in the order of their names; what comes behind the one that fails is not begun.
    from.fail(format!("/v2/ops/kettle/manifests/{kettle}"), 100, Action::Status(404, Vec::new(), String::new()));
    mirror(&["--tag-style", "digest", "--continue-on-error=false", "--parallel-images", "1"])
        .fails(3, &["as another one failed before", "3 of 4 images"]);
    mirror(&["--image-timeout", "1"]).fails(2, &["not a duration"]);
}

#[test]
fn only_some_platforms_travel_and_lists_stay_as_they_are() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let [_, _, list] = catalog(&from);
    let index = format!("{}/ns/index:v1", from.host());
    let mirror =
        |to: &str| bed.opm(&["index", "mirror", "--use-http", "--no-cache", "--platforms", "linux/arm64", &index, to]);
    mirror("oci:store").ok();
    let blob = |digest: &str| bed.path(&format!("store/blobs/{}", digest.replace(':', "/")));
    let bytes = fs::read(blob(list.as_str())).unwrap();
    assert_eq!(Digest::of(&bytes), list);
    let children: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let there = |at: usize| blob(children["manifests"][at]["digest"].as_str().unwrap()).exists();
    assert_eq!((there(0), there(1)), (false, true));
    bed.opm(&["index", "mirror", "verify", "oci:store"]).ok();
    // Some registries take no list of what they lack.
    mirror(&format!("{}/m", to.host())).fails(3, &[list.as_str(), "leave --platforms out"]);
}

#[test]
fn progress_has_several_forms() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    catalog(&from);
    let index = format!("{}/ns/index:v1", from.host());
    let mirror = |below: &str, how: &str| {
        let destination = format!("{}/{below}", to.host());
        bed.opm(&["index", "mirror", "--use-http", "--no-cache", "--progress", how, &index, &destination]).ok().stderr
    };
    assert_eq!(mirror("plain", "plain").lines().filter(|line| line.starts_with("wrote ")).count(), 4);
    let objects: Vec<serde_json::Value> =
        mirror("json", "json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.iter().filter(|object| object["step"] == "written").count(), 4);
    assert_eq!(mirror("none", "none"), "");
}
