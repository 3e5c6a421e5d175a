//! An app-registry on loopback, what comes of it, and what does not.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use opm_image::Digest;
use opm_image::testing::{Action, Entry, FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, Ended, data, dump, lines};
use crate::registry_server::kill;

const LABEL: &str = "operators.operatorframework.io.index.database.v1";

/// A registry that speaks CNR as well, for the organisation `ns`.
struct Cnr {
    registry: FakeRegistry,
    token: Option<&'static str>,
}

impl Cnr {
    fn start(token: Option<&'static str>) -> Self {
        Self { registry: FakeRegistry::start(), token }
    }

    fn put(&self, below: &str, bytes: impl Into<Vec<u8>>) {
        self.registry.put_page(format!("/cnr/api/v1/packages{below}"), self.token, bytes);
    }

    /// Says which repositories there are, and their default releases.
    fn list(&self, repositories: &[(&str, Option<&str>)]) {
        let one = |(name, default): &(&str, Option<&str>)| {
            let default = default.map_or("null".to_owned(), |release| format!("{release:?}"));
            format!(
                r#"{{"name":"ns/{name}","namespace":"ns","default":{default},"manifests":["helm"],"visibility":"public"}}"#
            )
        };
        let all = repositories.iter().map(one).collect::<Vec<_>>().join(",");
        self.put("?media_type=helm&namespace=ns", format!("[{all}]"));
    }

    /// Has an archive as a release.
    fn release(&self, repository: &str, release: &str, blob: &[u8]) {
        let digest = Digest::of(blob);
        self.described(repository, release, digest.hex(), blob.len());
        self.put(&format!("/ns/{repository}/blobs/sha256/{}", digest.hex()), blob);
    }

    /// Says that a release has this digest and size.
    fn described(&self, repository: &str, release: &str, digest: &str, size: usize) {
        let media = "application/vnd.cnr.package";
        self.put(
            &format!("/ns/{repository}/{release}/helm"),
            format!(
                r#"{{"package":"ns/{repository}","release":"{release}","mediaType":"{media}-manifest.helm.v0.json","channels":[],
                    "content":{{"digest":"{digest}","mediaType":"{media}.helm.v0.tar+gzip","size":{size},"urls":[]}}}}"#
            ),
        );
    }

    /// The packages of the sample manifests: one nested, with and without entries for its directories, and one flattened.
    fn samples(&self) {
        self.list(&[("tea", Some("1.0.0")), ("kettle", Some("2.0.0")), ("house", Some("3.0.0"))]);
        let (tea, house) = (nested("tea", true), nested("teahouse", false));
        self.release("tea", "1.0.0", &tea);
        self.release("kettle", "2.0.0", &flattened("kettle"));
        self.release("house", "3.0.0", &house);
    }

    fn endpoint(&self) -> String {
        format!("http://{}/cnr", self.registry.host())
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.host())
    }

    /// `opm registry build` of the organisation, with these flags.
    fn build(&self, bed: &Bed, flags: &[&str]) -> Ended {
        let endpoint = self.endpoint();
        let args =
            ["registry", "build", "--use-http", "--no-cache", "--appregistry-org", "ns", "--appregistry-endpoint"];
        bed.opm(&[&args[..], &[&endpoint], flags].concat())
    }
}

/// The files below a directory of sample manifests, by their paths in it.
fn samples(package: &str) -> Vec<(String, Vec<u8>)> {
    fn walk(at: &Path, below: &str, all: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = format!("{below}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                walk(&entry.path(), &path, all);
            } else {
                all.push((path, fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    walk(Path::new(&data(&format!("manifests/{package}"))), &format!("{package}-x7f2"), &mut all);
    all.sort();
    all
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    Layer::entries(entries).bytes
}

fn nested(package: &str, directories: bool) -> Vec<u8> {
    let mut entries = Vec::new();
    for (path, content) in samples(package) {
        if directories {
            entries.push(Entry::dir(path.rsplit_once('/').unwrap().0));
        }
        entries.push(Entry::file(path, content));
    }
    archive(&entries)
}

/// The manifests of a package as one file, lists in texts.
fn flattened(package: &str) -> Vec<u8> {
    let list = |suffix: &str| {
        let all = samples(package).into_iter().filter(|(path, _)| path.ends_with(suffix));
        let one = |text: Vec<u8>| {
            String::from_utf8(text).unwrap().trim_start_matches("---\n").trim_end().replace('\n', "\n      ")
        };
        all.flat_map(|(_, text)| ["\n    - ".to_owned(), one(text)]).collect::<String>()
    };
    let text = format!(
        "data:\n  clusterServiceVersions: |-{}\n  customResourceDefinitions: |-{}\n  packages: |-{}\n",
        list("clusterserviceversion.yaml"),
        list("crd.yaml"),
        list("package.yaml")
    );
    archive(&[Entry::file("bundle.yaml", text)])
}

/// The database that `initializer` makes of the sample manifests.
fn expected(bed: &Bed) -> String {
    bed.run("initializer", &["-m", &data("manifests"), "-o", "expected.db"]).ok();
    let rows = dump(&bed.path("expected.db"));
    fs::remove_file(bed.path("expected.db")).unwrap();
    rows
}

#[test]
fn an_organisation_becomes_an_image() {
    let (bed, cnr) = (Bed::new(), Cnr::start(None));
    cnr.samples();
    cnr.registry.push("opm", "1", &TestImage::new([Layer::plain([("bin/opm", "an opm")])]).label("kept", "yes"));
    let (from, to) = (cnr.image("opm:1"), cnr.image("ns/index:1"));
    let ended = cnr.build(&bed, &["--from", &from, "--to", &to, "--to-db", "x.db", "--save", "x.tar"]).ok();
    let told = &ended.stderr;
    let name = cnr.image("ns");
    for line in [
        format!("pulling {name}/tea...\n"),
        format!("building database of {name}...\n"),
        format!("mirroring {name} to {to}...\n"),
        format!("\n{name} mirrored to {to}\n"),
    ] {
        assert!(told.contains(&line), "{line:?} is not in {told}");
    }
    let (_, digest) = ended.stdout.trim_end().rsplit_once(' ').unwrap();
    let (_, manifest) = cnr.registry.manifest("ns/index", "1").unwrap();
    assert_eq!(Digest::of(&manifest).as_str(), digest);
    assert_eq!(dump(&bed.path("x.db")), expected(&bed));
    assert_eq!(bed.files(), ["x.db", "x.tar"]);

    // The image has the database, where its label says, and is read like any other index.
    let rendered = bed.opm(&["render", "x.db"]).ok().stdout;
    assert!(
        rendered.contains("tea.v1.0.0") && rendered.contains("kettle.v1.1.0") && rendered.contains("teahouse.v2.1.0")
    );
    assert_eq!(bed.opm(&["render", "--use-http", &to]).ok().stdout, rendered);
    assert_eq!(bed.opm(&["render", "x.tar"]).ok().stdout, rendered);
    bed.opm(&["index", "export", "--use-http", "-i", &to, "-p", "kettle", "-f", "out"]).ok();
    assert!(bed.path("out/kettle/package.yaml").exists());

    // The same again has the same digest; so has a directory of the same manifests, under the other name.
    let again = cnr.image("ns/index:2");
    assert!(cnr.build(&bed, &["--from", &from, "--to", &again]).ok().stdout.ends_with(&format!(" {digest}\n")));
    let manifests = data("manifests");
    let args =
        ["index", "build-catalog", "--use-http", "--manifest-dir", &manifests, "--from", &from, "--to", "oci:l:1"];
    bed.opm(&args).ok();
    assert_eq!(bed.opm(&["render", "oci:l:1"]).ok().stdout, rendered);
}

#[test]
fn the_label_and_the_file_are_those_of_an_index() {
    let bed = Bed::new();
    let manifests = data("manifests");
    bed.opm(&[
        "registry",
        "build",
        "--manifest-dir",
        &manifests,
        "--from",
        "scratch",
        "--save",
        "docker-archive:x.tar:r/x:1",
    ])
    .ok();
    fs::create_dir(bed.path("x")).unwrap();
    let tar = |args: &[&str]| {
        let status = std::process::Command::new("tar").args(args).current_dir(bed.path("x")).status().unwrap();
        assert!(status.success(), "tar {args:?}");
    };
    tar(&["-xf", "../x.tar"]);
    let names: Vec<_> =
        fs::read_dir(bed.path("x")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let of = |suffix: &str| names.iter().find(|name| name.ends_with(suffix) && *name != "manifest.json").unwrap();
    let config = fs::read_to_string(bed.path("x").join(of(".json"))).unwrap();
    assert!(config.contains(&format!("\"{LABEL}\":\"/database/index.db\"")), "{config}");
    assert!(config.contains(r#""Cmd":["registry","serve","--database","/database/index.db"]"#), "{config}");
    tar(&["-xf", of(".tar")]);
    assert_eq!(dump(&bed.path("x/database/index.db")), expected(&bed));
}

#[test]
fn tokens_come_from_three_places_and_are_seen_nowhere() {
    let (bed, cnr) = (Bed::new(), Cnr::start(Some("basic c2VjcmV0")));
    cnr.samples();
    let build =
        |flags: &[&str]| cnr.build(&bed, &[&["--db-only", "--to-db", "x.db", "--log-level", "debug"], flags].concat());
    fs::write(bed.path("token"), "basic c2VjcmV0\n").unwrap();
    for flags in [&["--auth-token", "basic c2VjcmV0"][..], &["--auth-token-file", "token"]] {
        assert!(!build(flags).ok().stderr.contains("c2VjcmV0"));
        fs::remove_file(bed.path("x.db")).unwrap();
    }
    let seen = cnr.registry.take_seen();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.authorization.as_deref() == Some("basic c2VjcmV0")));
    let endpoint = cnr.endpoint();
    let mut command = bed.command(
        "opm",
        &["registry", "build", "-o", "ns", "--appregistry-endpoint", &endpoint, "--db-only", "-d", "x.db"],
    );
    assert!(command.env("OPM_APPREGISTRY_TOKEN", "basic c2VjcmV0").output().unwrap().status.success());
    fs::remove_file(bed.path("x.db")).unwrap();

    build(&[])
        .fails(1, &["list of the repositories of", "give a token with --auth-token-file: unauthorized: who are you?"]);
    build(&["--auth-token", "basic wrong"])
        .fails(1, &["the app-registry refuses the token: unauthorized: who are you?"]);
    build(&["--auth-token-file", "none"]).fails(1, &["read the token in none"]);
    build(&["--auth-token", " "]).fails(1, &["--auth-token: the token of the app-registry is empty"]);
    // A redirect does not take the token along.
    let other = FakeRegistry::start();
    cnr.registry.fail("packages?", 1, Action::Redirect(format!("http://{}/elsewhere", other.host())));
    build(&["--auth-token-file", "token"]).fails(1, &["the app-registry does not have it"]);
    assert_eq!(other.take_seen()[0].authorization, None);
    assert_eq!(bed.files(), ["token"]);
}

#[test]
fn what_passes_costs_nothing() {
    let (bed, cnr) = (Bed::new(), Cnr::start(None));
    cnr.samples();
    let status = |status, wait: &str| Action::Status(status, vec![("Retry-After", wait.to_owned())], String::new());
    cnr.registry.fail("packages?", 2, status(503, "0"));
    cnr.registry.fail("/ns/tea/1.0.0/helm", 1, status(429, "0"));
    cnr.registry.fail("/ns/kettle/2.0.0/helm", 1, Action::HangUp(0));
    cnr.registry.fail("/ns/tea/blobs", 1, Action::Cut(100));
    cnr.build(&bed, &["--db-only", "--to-db", "x.db"]).ok();
    assert_eq!(dump(&bed.path("x.db")), expected(&bed));
    // As long as an app-registry wishes, nobody waits.
    cnr.registry.fail("packages?", 1, status(429, "3600"));
    let begin = Instant::now();
    cnr.build(&bed, &["--db-only", "--to-db", "y.db"]).fails(1, &["too many requests", "asks to wait 3600 s"]);
    assert!(begin.elapsed() < Duration::from_mins(1));
}

#[test]
fn everything_is_tried_and_what_is_wrong_is_told() {
    let (bed, cnr) = (Bed::new(), Cnr::start(None));
    let all = ["tea", "gone", "gzip", "digest", "size", "slip", "empty", "hollow", "twin"];
    let mut list: Vec<_> = all.map(|name| (name, Some("1"))).into();
    list.push(("none", None));
    cnr.list(&list);
    let tea = nested("tea", true);
    cnr.release("tea", "1", &tea);
    cnr.release("gzip", "1", b"\x1f\x8bno gzip");
    cnr.release("slip", "1", &archive(&[Entry::file("../../x", "x"), Entry::file("y", "y")]));
    cnr.release("empty", "1", &archive(&[]));
    cnr.release("hollow", "1", &archive(&[Entry::file("bundle.yaml", "data: {packages: '[]'}")]));
    cnr.release("twin", "1", &tea);
    cnr.release("digest", "1", &tea);
    cnr.release("size", "1", &tea);
    cnr.put(&format!("/ns/digest/blobs/sha256/{}", Digest::of(&tea).hex()), vec![b'x'; tea.len()]);
    cnr.described("size", "1", Digest::of(&tea).hex(), tea.len() + 1);
    let name = cnr.image("ns");
    let findings = [
        format!("release 1 of {name}/gone: the app-registry does not have it"),
        format!("{name}/gzip: the archive is no gzip-compressed tar file, or is damaged: "),
        format!("of {name}/digest: wrong digest: expected {}", Digest::of(&tea).hex()),
        format!("of {name}/size: wrong size: expected {} bytes, found {}", tea.len() + 1, tea.len()),
        format!("{name}/slip: the archive has an entry \"../../x\", which leads out of its directory"),
        format!("{name}/empty: the archive has no files"),
        format!("{name}/hollow: bundle.yaml: no packages found"),
        format!("{name}/twin: the package tea is in {name}/tea as well"),
        format!("{name}: the repository none has no default release"),
    ];
    let findings: Vec<&str> = findings.iter().map(String::as_str).collect();
    let (to, places) = (cnr.image("ns/index:1"), ["--from", "scratch", "--to-db", "x.db", "--save", "x.tar", "--to"]);
    let build = |more: &[&str]| cnr.build(&bed, &[&places[..], &[&to], more].concat());
    build(&[]).fails(1, &findings);
    assert!(bed.files().is_empty() && cnr.registry.manifest("ns/index", "1").is_none());

    let ended = build(&["--best-effort"]).fails(3, &findings).fails(3, &["the index was made without", "mirrored to"]);
    assert!(ended.stdout.contains(" sha256:"), "{ended:?}");
    assert_eq!(lines(&dump(&bed.path("x.db")), &["package"]), "package tea stable\n");
    assert!(cnr.registry.manifest("ns/index", "1").is_some());

    // What is not asked for does not matter.
    cnr.build(&bed, &["--packages", " tea : 1", "--to-db", "y.db"]).ok();
    cnr.build(&bed, &["--packages", "tea:7", "--to-db", "z.db"]).fails(1, &["release 7 of", "no manifests downloaded"]);
    cnr.build(&bed, &["--packages", "tea,pot", "--to-db", "z.db"]).fails(1, &["there is no repository pot in"]);
    let empty = format!("no manifests downloaded from appregistry {}/ns", cnr.endpoint());
    cnr.build(&bed, &["--packages", "gone,gzip", "--best-effort", "--to-db", "z.db"])
        .fails(1, &[&empty, "does not have it"]);
    cnr.list(&[]);
    cnr.build(&bed, &["--to-db", "z.db"]).fails(1, &[&empty, "with a token only"]);
    assert_eq!(bed.files(), ["x.db", "x.tar", "y.db"]);
}

#[test]
fn manifests_are_named_where_they_came_from() {
    let (bed, cnr) = (Bed::new(), Cnr::start(None));
    cnr.list(&[("tea", Some("1")), ("bad", Some("1"))]);
    cnr.release("tea", "1", &nested("tea", false));
    // One manifest alone is a nested archive.
    cnr.release("bad", "1", &archive(&[Entry::file("top/bad.yaml", "a: [1\n")]));
    let broken = format!("{}/bad/top/bad.yaml", cnr.image("ns"));
    let places = ["--to-db", "x.db"];
    fs::write(bed.path("x.db"), "mine").unwrap();
    let ended = cnr.build(&bed, &places).fails(1, &[&broken]);
    assert!(!ended.stderr.contains("/opm-"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(bed.path("x.db")).unwrap(), "mine");
    cnr.build(&bed, &["--to-db", "x.db", "--best-effort"]).fails(3, &[&broken]);
    assert_eq!(lines(&dump(&bed.path("x.db")), &["package"]), "package tea stable\n");
    // A single file that is a manifest counts as well.
    let only = b"kind: ClusterServiceVersion\nmetadata: {name: lone.v1}\nspec: {version: 1.0.0}\n";
    cnr.release("bad", "1", &archive(&[Entry::file("lone.yaml", only)]));
    cnr.build(&bed, &places).ok();
    assert!(lines(&dump(&bed.path("x.db")), &["bundle"]).contains("bundle lone.v1 1.0.0"));
    // Nothing but text is no index.
    fs::create_dir(bed.path("empty")).unwrap();
    fs::write(bed.path("empty/README.md"), "# no manifest").unwrap();
    for source in ["empty", "nowhere"] {
        bed.opm(&["registry", "build", "--manifest-dir", source, "--to-db", "y.db"]).fails(1, &[source]);
    }
    assert_eq!(bed.files(), ["empty", "x.db"]);
}

#[test]
fn a_push_that_fails_leaves_nothing() {
    let (bed, cnr) = (Bed::new(), Cnr::start(None));
    cnr.samples();
    let to = cnr.image("ns/index:1");
    cnr.registry.fail("POST /v2/", 1000, Action::Status(403, Vec::new(), String::new()));
    let flags = ["--from", "scratch", "--to", &to, "--to-db", "x.db", "--save", "x.tar"];
    cnr.build(&bed, &flags).fails(1, &["access denied"]);
    cnr.build(&bed, &["--from", "scratch", "--save", "x.tar", "--to-db", "no/x.db"]).fails(1, &["write no/x.db"]);
    assert!(bed.files().is_empty());
}

#[test]
fn an_interrupt_leaves_nothing() {
    let (bed, cnr) = (Bed::new(), Cnr::start(None));
    cnr.samples();
    cnr.registry.fail("/ns/tea/blobs", 1, Action::Delay(Duration::from_secs(30)));
    let endpoint = cnr.endpoint();
    let args = [
        "registry",
        "build",
        "-o",
        "ns",
        "--appregistry-endpoint",
        &endpoint,
        "--to-db",
        "x.db",
        "--log-level",
        "info",
    ];
    let mut child = bed.start("opm", &args);
    let begin = Instant::now();
    // The others are there, and the one is waited for.
    while !cnr.registry.take_seen().iter().any(|seen| seen.path.contains("/ns/tea/blobs")) {
        assert!(begin.elapsed() < Duration::from_secs(20), "{}", fs::read_to_string(bed.path("log")).unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begin.elapsed() < Duration::from_secs(20));
    bed.assert_tidy();
    assert_eq!(bed.files(), ["log"]);
}

#[test]
fn slips() {
    let bed = Bed::new();
    let build = |flags: &[&str]| bed.opm(&[&["registry", "build"], flags].concat());
    build(&["--to-db", "x.db"]).fails(1, &["app-registry org (namespace) must be specified"]);
    build(&["-o", "ns"]).fails(1, &["--to, --save or --to-db"]);
    build(&["-o", "ns", "--to", "r.io/x:1"]).fails(1, &["base image required (--from)"]);
    build(&["-o", "ns", "--to-db", "x.db", "--appregistry-endpoint", "quay.io/cnr"])
        .fails(1, &["app-registry must be a valid app-registry endpoint"]);
    build(&["-o", "r.io/ns", "--to-db", "x.db", "--appregistry-endpoint", "https://r.io/cnr"])
        .fails(1, &["goes with no endpoint"]);
    build(&["-o", "ns", "--to-db", "x.db", "--packages", "a:b:c"]).fails(1, &["Failed to parse package a:b:c"]);
    build(&["-o", "ns", "--manifest-dir", "m", "--to-db", "x.db"]).fails(2, &["--manifest-dir"]);
    build(&["-o", "ns", "--db-only"]).fails(2, &["--to-db"]);
    build(&["-o", "ns", "--db-only", "--to-db", "x.db", "--to", "r.io/x:1"]).fails(2, &["--db-only"]);
    assert!(bed.files().is_empty());
}
