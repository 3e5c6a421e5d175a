use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use opm_api::{Client, Health};

use crate::bed::{Bed, binary, data};
use crate::registry_server::{Server, block_on};

const CACHED: [&str; 4] = ["serve", "catalog", "--cache-dir", "cache"];
const CACHE_ONLY: [&str; 5] = ["serve", "catalog", "--cache-dir", "cache", "--cache-only"];

/// A catalog directory of the sample packages: kettle, tea and teahouse.
fn catalog(bed: &Bed) {
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    fs::create_dir(bed.path("catalog")).unwrap();
    fs::write(bed.path("catalog/all.json"), bed.opm(&["render", "x.db"]).ok().stdout).unwrap();
    fs::remove_file(bed.path("x.db")).unwrap();
}

fn another_package(bed: &Bed) {
    let text = r#"{"schema":"olm.package","name":"urn","defaultChannel":"s"}{"schema":"olm.channel","name":"s","package":"urn","entries":[{"name":"urn.v1"}]}
{"schema":"olm.bundle","name":"urn.v1","package":"urn","image":"x/urn:1","properties":[{"type":"olm.package","value":{"packageName":"urn","version":"1.0.0"}}]}"#;
    fs::write(bed.path("catalog/urn.json"), text).unwrap();
}

fn start(bed: &Bed, args: &[&str]) -> Server {
    Server::start(bed, "opm", &[args, &["--pprof-addr="]].concat())
}

async fn packages(server: &Server) -> Vec<String> {
    Client::connect(&server.address).await.unwrap().list_packages().await.unwrap()
}

fn log(bed: &Bed) -> String {
    fs::read_to_string(bed.path("log")).unwrap()
}

/// Waits until the log has these words so many times.
#[track_caller]
fn logged(bed: &Bed, words: &str, times: usize) {
    let end = Instant::now() + Duration::from_secs(20);
    while log(bed).matches(words).count() < times {
        assert!(Instant::now() < end, "{words:?} is not {times} times in {}", log(bed));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_catalog_is_served_out_of_a_temporary_pack() {
    let bed = Bed::new();
    catalog(&bed);
    // What is empty is not given.
    let server = start(&bed, &["serve", "catalog", "--cache-dir="]);
    block_on(async {
        let client = Client::connect(&server.address).await.unwrap();
        assert_eq!(client.list_packages().await.unwrap(), ["kettle", "tea", "teahouse"]);
        assert_eq!(client.package("tea").await.unwrap().default_channel, "stable");
        assert_eq!(client.health("").await.unwrap(), Health::Serving);
        let error = client.package("none").await.unwrap_err();
        assert!(error.to_string().contains("package \"none\" not found"), "{error}");
        let bundles: Vec<_> = client.list_bundles().await.unwrap().map(Result::unwrap).collect().await;
        assert_eq!(bundles.len(), 3 + 8 + 2);
        let tea = bundles.iter().find(|b| b.csv_name == "tea.v1.0.0").unwrap();
        assert_eq!((tea.skip_range.as_str(), tea.replaces.as_str()), ("<1.0.0", "tea.v0.3.0"));
    });
    // Nothing of it has a name any more.
    bed.assert_tidy();
    assert_eq!(server.end("TERM"), 0);
    assert!(log(&bed).contains("bundles=") && log(&bed).contains("digest="), "{}", log(&bed));
    assert_eq!(bed.files(), ["catalog", "log", "termination"]);
}

/// Nothing is writable, there is no directory for temporary files, and nobody knows the user.
#[test]
fn a_cache_is_served_by_anybody_from_read_only_files() {
    let bed = Bed::new();
    catalog(&bed);
    let run = bed.opm(&CACHE_ONLY).ok();
    assert_eq!(run.stdout, "");
    let pack = fs::read(bed.path("cache/opm.pack")).unwrap();
    fs::copy(binary("opm"), bed.path("opm")).unwrap();
    for (name, mode) in [("opm", 0o555), ("catalog", 0o555), ("cache", 0o555), ("cache/opm.pack", 0o444), ("", 0o755)] {
        fs::set_permissions(bed.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let log = fs::File::create(bed.path("log")).unwrap();
    let mut command = Command::new(bed.path("opm"));
    command.args(CACHED).args(["-p", "0", "--pprof-addr="]).current_dir(bed.path("")).stdout(Stdio::null()).stderr(log);
    command.env_clear().env("TMPDIR", "/nonexistent").env("GOMEMLIMIT", "30MiB");
    if fs::OpenOptions::new().write(true).open(bed.path("cache/opm.pack")).is_ok() {
        // The superuser may write everything.
        command.uid(65534).gid(65534);
    }
    let child = command.spawn().unwrap();
    let mut server = Server { child, address: String::new() };
    logged(&bed, " port=", 1);
    server.address = format!("localhost:{}", self::log(&bed).split(" port=").nth(1).unwrap().lines().next().unwrap());
    assert_eq!(block_on(packages(&server)).len(), 3);
    assert_eq!(server.end("INT"), 0);
    assert!(pack == fs::read(bed.path("cache/opm.pack")).unwrap());
    fs::set_permissions(bed.path("cache"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(bed.path("catalog"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_cache_that_does_not_fit_is_refused_or_made_anew() {
    let bed = Bed::new();
    catalog(&bed);
    bed.opm(&CACHED).fails(1, &["integrity check failed", "there is no cache in cache", "--cache-only"]);
    bed.opm(&["serve", "catalog", "--cache-enforce-integrity"]).fails(1, &["--cache-dir must be specified"]);
    bed.opm(&CACHE_ONLY).ok();
    let pack = fs::read(bed.path("cache/opm.pack")).unwrap();
    bed.opm(&CACHE_ONLY).ok();
    assert!(pack == fs::read(bed.path("cache/opm.pack")).unwrap());
    another_package(&bed);
    let enforced = [&CACHE_ONLY[..], &["--cache-enforce-integrity"]].concat();
    for args in [&CACHED[..], &enforced] {
        bed.opm(args)
            .fails(1, &["integrity check failed", "cache requires rebuild", "computed digest is", "--cache-only"]);
    }
    assert!(pack == fs::read(bed.path("cache/opm.pack")).unwrap());
    let server = start(&bed, &[&CACHED[..], &["--cache-enforce-integrity=false"]].concat());
    assert_eq!(block_on(packages(&server)).len(), 4);
    assert!(pack != fs::read(bed.path("cache/opm.pack")).unwrap());
    assert_eq!(server.end("TERM"), 0);
    // What is not ours stays.
    fs::create_dir(bed.path("mine")).unwrap();
    fs::write(bed.path("mine/file"), "mine").unwrap();
    bed.opm(&["serve", "catalog", "--cache-dir", "mine", "--cache-only"]).fails(1, &["unexpected contents: file"]);
    fs::write(bed.path("mine/opm.pack"), "mine").unwrap();
    bed.opm(&["serve", "catalog", "--cache-dir", "mine", "--cache-only"]).fails(1, &["mine/opm.pack is not a pack"]);
    assert_eq!(fs::read(bed.path("mine/opm.pack")).unwrap(), b"mine");
    bed.assert_tidy();
}

#[test]
fn damage_is_named_and_not_served() {
    let bed = Bed::new();
    catalog(&bed);
    bed.opm(&CACHE_ONLY).ok();
    let pack = fs::read(bed.path("cache/opm.pack")).unwrap();
    let mut flipped = pack.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut newer = pack.clone();
    newer[8] += 1;
    for (damaged, words) in [(&pack[..pack.len() - 1], "truncated"), (&pack[..9], "truncated"), (&flipped, "damaged")] {
        fs::write(bed.path("cache/opm.pack"), damaged).unwrap();
        bed.opm(&CACHED).fails(1, &["cache/opm.pack", words, "--cache-only"]);
        bed.opm(&CACHE_ONLY).ok();
        assert!(pack == fs::read(bed.path("cache/opm.pack")).unwrap());
    }
    // Content is verified when it is asked for; everything else goes on.
    let middle = pack.windows(8).position(|bytes| bytes == b"pot run ").unwrap();
    let mut flipped = pack.clone();
    flipped[middle] ^= 1;
    fs::write(bed.path("cache/opm.pack"), &flipped).unwrap();
    let server = start(&bed, &CACHED);
    block_on(async {
        let client = Client::connect(&server.address).await.unwrap();
        let listed: Vec<_> = client.list_bundles().await.unwrap().collect().await;
        let error = listed.into_iter().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("opm.pack") && error.contains("damaged"), "{error}");
        assert_eq!(client.package("tea").await.unwrap().default_channel, "stable");
    });
    assert_eq!(server.end("TERM"), 0);
}

#[test]
fn sighup_serves_the_catalog_as_it_is_then() {
    let bed = Bed::new();
    catalog(&bed);
    let server = start(&bed, &["serve", "catalog"]);
    let hangup = || crate::registry_server::kill(&server.child, "HUP");
    assert_eq!(block_on(packages(&server)).len(), 3);
    another_package(&bed);
    hangup();
    logged(&bed, "serving registry", 2);
    while block_on(packages(&server)).len() < 4 {
        std::thread::yield_now();
    }
    fs::write(bed.path("catalog/urn.json"), r#"{"schema":"olm.package","name":"urn"}"#).unwrap();
    fs::write(bed.path("catalog/jug.yaml"), "schema: olm.package\nname: jug\n").unwrap();
    hangup();
    logged(&bed, "the last one is served on", 1);
    logged(&bed, "invalid package \\\"urn\\\"", 1);
    logged(&bed, "invalid package \\\"jug\\\"", 1);
    assert_eq!(block_on(packages(&server)).len(), 4);
    for file in ["urn.json", "jug.yaml"] {
        fs::remove_file(bed.path("catalog").join(file)).unwrap();
    }
    hangup();
    logged(&bed, "serving registry", 3);
    while block_on(packages(&server)).len() > 3 {
        std::thread::yield_now();
    }
    assert_eq!(server.end("TERM"), 0);
    bed.assert_tidy();
}

#[test]
fn what_cannot_be_served_is_in_the_termination_log() {
    let bed = Bed::new();
    catalog(&bed);
    fs::create_dir(bed.path("bad")).unwrap();
    fs::write(bed.path("bad/a.yaml"), "schema: olm.package\nname: jug\n---\nschema: olm.package\nname: urn\n").unwrap();
    fs::write(bed.path("broken.yaml"), "schema: olm.package\nname: [\n").unwrap();
    let other = std::net::TcpListener::bind("[::]:0").unwrap();
    let taken = other.local_addr().unwrap().port().to_string();
    for (source, port, words) in [
        ("none", "0", &["none"][..]),
        ("bad", "0", &["build package index", "\"jug\"", "\"urn\"", "bad/a.yaml, line 4"]),
        ("broken.yaml", "0", &["broken.yaml", "line 3"]),
        ("catalog", &taken, &[&taken]),
    ] {
        bed.opm(&["serve", source, "-p", port, "-t", "termination", "--pprof-addr="]).fails(1, words);
        let log = fs::read_to_string(bed.path("termination")).unwrap();
        assert!(words.iter().all(|words| log.contains(words)), "{words:?} are not in {log:?}");
        bed.assert_tidy();
    }
}

/// Files may have half a kilobyte: neither the pack nor what is in its way can be written.
#[test]
fn a_full_disk_leaves_the_last_pack() {
    let bed = Bed::new();
    catalog(&bed);
    bed.opm(&CACHE_ONLY).ok();
    let pack = fs::read(bed.path("cache/opm.pack")).unwrap();
    another_package(&bed);
    let limited = format!("trap '' XFSZ; ulimit -f 1; exec {} {}", binary("opm"), CACHE_ONLY.join(" "));
    let ended = Command::new("sh").args(["-c", &limited]).current_dir(bed.path("")).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write cache/opm.pack") && said.contains("File too large"), "{said}");
    assert!(pack == fs::read(bed.path("cache/opm.pack")).unwrap());
    assert_eq!(fs::read_dir(bed.path("cache")).unwrap().count(), 1);
}

#[test]
fn metrics_and_probes_are_pages() {
    use std::io::{Read as _, Write as _};
    let bed = Bed::new();
    catalog(&bed);
    let server = start(&bed, &["serve", "catalog", "--metrics-addr", "localhost:0"]);
    let port: u16 = log(&bed).split("metricsPort=").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    let page = |path: &str| {
        let mut stream = std::net::TcpStream::connect(("localhost", port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(block_on(packages(&server)).len(), 3);
    while !page("/readyz").starts_with("HTTP/1.1 200") {
        std::thread::yield_now();
    }
    assert!(page("/healthz").starts_with("HTTP/1.1 200"));
    assert!(page("/none").starts_with("HTTP/1.1 404"));
    let numbers = page("/metrics");
    for words in ["opm_serving 1", "digest=\"", "grpc_method=\"ListPackages\",grpc_code=\"OK\"} 1"] {
        assert!(numbers.contains(words), "{words} is not in {numbers}");
    }
    assert_eq!(server.end("TERM"), 0);
}
