//! The server of ConfigMaps, as OLM runs it. What needs no faults is also tried on a real cluster.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use opm_api::Client;
use opm_configmap::testing::{Action, Bed as Cluster, FakeCluster, Verb, catalog};
use opm_configmap::{Content, Place};
use opm_model::{Bundle, BundleKey, Gvk};

use crate::bed::{Bed, data};
use crate::registry_server::{Server, block_on};

/// The files of manifests below a directory, by name.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
}

/// The sample manifests of a package: CRDs, of which the last of a name counts, CSVs, and the package manifest.
fn manifests(package: &str) -> [Vec<(PathBuf, String)>; 3] {
    let root = PathBuf::from(data("manifests"));
    let mut paths = Vec::new();
    files(&root.join(package), &mut paths);
    let mut kinds: [Vec<(PathBuf, String)>; 3] = Default::default();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let kind = if text.contains("kind: CustomResourceDefinition\n") {
            0
        } else if text.contains("kind: ClusterServiceVersion\n") {
            1
        } else {
            2
        };
        if kind == 0 {
            kinds[0].retain(|(other, _)| other.file_name() != path.file_name());
        }
        kinds[kind].push((path.strip_prefix(&root).unwrap().to_owned(), text));
    }
    kinds
}

/// A list of documents, as the text of a key.
fn list(documents: &[(PathBuf, String)]) -> String {
    let mut text = String::new();
    for (_, document) in documents {
        for (number, line) in document.lines().filter(|line| *line != "---").enumerate() {
            writeln!(text, "{}{line}", if number == 0 { "- " } else { "  " }).unwrap();
        }
    }
    text
}

/// What a ConfigMap of some sample packages holds.
fn content(packages: &[&str]) -> Content {
    let mut lists = [String::new(), String::new(), String::new()];
    for package in packages {
        for (text, documents) in lists.iter_mut().zip(manifests(package)) {
            text.push_str(&list(&documents));
        }
    }
    let [crds, csvs, manifests] = lists;
    catalog(&crds, &csvs, &manifests)
}

/// Starts the server on the ConfigMap at a place.
fn start(bed: &Bed, cluster: &Cluster, place: &Place, more: &[&str]) -> Server {
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let args = ["-k", &kubeconfig, "-c", &place.name, "-n", &place.namespace];
    Server::start(bed, "configmap-server", &[&args[..], more].concat())
}

fn fake() -> Cluster {
    Cluster::Fake(FakeCluster::start(), tempfile::tempdir().unwrap())
}

/// The cluster in this process.
fn within(cluster: &Cluster) -> &FakeCluster {
    match cluster {
        Cluster::Fake(fake, _) => fake,
        Cluster::Real(_) => panic!("not a fake"),
    }
}

fn log(bed: &Bed) -> String {
    fs::read_to_string(bed.path("log")).unwrap()
}

/// Waits until something is so.
fn wait(bed: &Bed, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not happen: {}", log(bed));
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn packages(server: &Server) -> Vec<String> {
    block_on(async { Client::connect(&server.address).await.unwrap().list_packages().await.unwrap() })
}

/// All that a server answers about its catalog, without manifests. Errors are answers, too.
fn answers(server: &Server) -> Vec<String> {
    let mut answers = Vec::new();
    let plain = |mut bundle: Bundle| {
        bundle.objects.clear();
        bundle
    };
    block_on(async {
        let client = Client::connect(&server.address).await.unwrap();
        let mut bundles: Vec<Bundle> = client.list_bundles().await.unwrap().map(Result::unwrap).collect().await;
        assert!(bundles.iter().all(|bundle| !bundle.objects.is_empty()));
        bundles = bundles.into_iter().map(plain).collect();
        for package in client.list_packages().await.unwrap() {
            answers.push(format!("{:?}", client.package(&package).await.unwrap()));
        }
        for bundle in &bundles {
            let key = BundleKey { package: &bundle.package, channel: &bundle.channel, csv_name: &bundle.csv_name };
            answers.push(format!("{:?}", client.bundle(&key).await.map(plain).unwrap()));
            answers
                .push(format!("{:?}", client.bundle_that_replaces(&key).await.map(plain).map_err(|e| e.to_string())));
            answers.push(format!("{:?}", client.channel_head(key.package, key.channel).await.unwrap()));
            answers.push(format!("{:?}", client.entries_that_replace(key.csv_name).await.map_err(|e| e.to_string())));
            let mut apis: Vec<Gvk> = bundle.provided_apis.clone();
            apis.push(Gvk::new("none.example", "v1", "None"));
            for api in apis {
                answers
                    .push(format!("{:?}", client.entries_that_provide(api.clone()).await.map_err(|e| e.to_string())));
                let latest = client.latest_entries_that_provide(api.clone()).await;
                answers.push(format!("{:?}", latest.map_err(|e| e.to_string())));
                let default = client.default_bundle_that_provides(api).await;
                answers.push(format!("{:?}", default.map(plain).map_err(|e| e.to_string())));
            }
        }
        answers.extend(bundles.iter().map(|bundle| format!("{bundle:?}")));
    });
    answers.into_iter().map(|answer| answer.replace(&server.address, "")).collect()
}

#[test]
fn answers_as_the_server_of_the_same_manifests_does() {
    for cluster in Cluster::all() {
        for package in ["kettle", "tea", "teahouse"] {
            let bed = Bed::new();
            let [crds, csvs, manifest] = manifests(package);
            for (path, text) in csvs.iter().chain(&manifest) {
                fs::create_dir_all(bed.path("m").join(path.parent().unwrap())).unwrap();
                fs::write(bed.path("m").join(path), text).unwrap();
            }
            // Everywhere the CRDs that the ConfigMap can have only one of.
            for (path, _) in &csvs {
                for (crd, text) in &crds {
                    fs::write(bed.path("m").join(path).with_file_name(crd.file_name().unwrap()), text).unwrap();
                }
            }
            bed.run("initializer", &["-m", "m", "-o", "x.db"]).ok();
            let server = Server::start(&bed, "registry-server", &["-d", "x.db"]);
            let expected = answers(&server);
            assert_eq!(server.end("TERM"), 0);

            let place = cluster.place(package);
            cluster.put(&place, &content(&[package]));
            let server = start(&bed, &cluster, &place, &[]);
            let found = answers(&server);
            assert_eq!(server.end("TERM"), 0);
            cluster.delete(&place);
            assert!(expected.len() > 10);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found, expected, "{package}");
            }
            bed.assert_tidy();
            assert_eq!(fs::read_to_string(bed.path("termination")).unwrap(), "");
        }
    }
}

#[test]
fn changes_are_served_and_broken_ones_are_not() {
    for cluster in Cluster::all() {
        let bed = Bed::new();
        let place = cluster.place("changes");
        cluster.put(&place, &content(&["kettle"]));
        let server = start(&bed, &cluster, &place, &["--metrics-addr", "localhost:0"]);
        let reloads = |result: &str, count: u32| {
            let line = format!("opm_catalog_reloads_total{{result=\"{result}\"}} {count}\n");
            wait(&bed, &line, || metrics(&bed).contains(&line));
        };
        assert_eq!(packages(&server), ["kettle"]);
        cluster.put(&place, &content(&["kettle", "tea"]));
        reloads("ok", 1);
        assert_eq!(packages(&server), ["kettle", "tea"]);

        let mut broken = content(&["teahouse"]);
        broken.data.insert("packages".to_owned(), "- packageName: [\n".to_owned());
        cluster.put(&place, &broken);
        reloads("failed", 1);
        assert_eq!(packages(&server), ["kettle", "tea"]);
        assert!(log(&bed).contains("the last one is served on: permissive mode disabled: error loading manifests from configmap: error loading package list: line 2"), "{}", log(&bed));

        cluster.delete(&place);
        reloads("failed", 2);
        assert!(log(&bed).contains("not found"), "{}", log(&bed));
        assert_eq!(packages(&server), ["kettle", "tea"]);

        cluster.put(&place, &content(&["teahouse"]));
        reloads("ok", 2);
        assert_eq!(packages(&server), ["teahouse"]);
        cluster.delete(&place);
        assert_eq!(server.end("TERM"), 0);
        bed.assert_tidy();
        assert_eq!(bed.files(), ["bundles.db", "log", "termination"]);
    }
}

/// The page of numbers.
fn metrics(bed: &Bed) -> String {
    use std::io::{Read as _, Write as _};
    let port: u16 = log(bed).split("metricsPort=").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    let mut stream = std::net::TcpStream::connect(("localhost", port)).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_cluster_that_fails_later_changes_nothing() {
    type Harm = fn(&FakeCluster);
    let harms: [(Harm, Harm, &str); 4] = [
        (
            |cluster| {
                cluster.down();
                cluster.wait_for_turned_away(2);
            },
            FakeCluster::up,
            "cannot be reached",
        ),
        (
            |cluster| {
                cluster.forget();
                cluster.end_watches();
                cluster.wait_for(Verb::Watch, 2);
            },
            |_| {},
            "",
        ),
        (
            |cluster| {
                cluster.fail(Verb::Watch, 100, Action::Refuse(401, "Unauthorized", "Unauthorized".to_owned()));
                cluster.end_watches();
                cluster.wait_for(Verb::Watch, 2);
            },
            FakeCluster::mend,
            "a token may have expired",
        ),
        (
            |cluster| {
                let why = "configmaps \"x\" is forbidden: User \"u\" cannot watch resource \"configmaps\"";
                cluster.fail(Verb::Watch, 100, Action::Refuse(500, "InternalError", why.to_owned()));
                cluster.end_watches();
                cluster.wait_for(Verb::Watch, 2);
            },
            FakeCluster::mend,
            "the cluster says 500",
        ),
    ];
    for (harm, mend, words) in harms {
        let bed = Bed::new();
        let cluster = fake();
        let place = cluster.place("later");
        cluster.put(&place, &content(&["kettle"]));
        let server = start(&bed, &cluster, &place, &[]);
        within(&cluster).wait_for(Verb::Watch, 1);
        harm(within(&cluster));
        assert_eq!(packages(&server), ["kettle"]);
        cluster.put(&place, &content(&["tea"]));
        assert!(packages(&server) == ["kettle"] || words.is_empty());
        mend(within(&cluster));
        wait(&bed, "the change", || packages(&server) == ["tea"]);
        assert!(log(&bed).contains(words), "{words}: {}", log(&bed));
        assert_eq!(server.end("INT"), 0);
        bed.assert_tidy();
    }
}

#[test]
fn what_stands_in_the_way_at_the_start_is_said() {
    let bed = Bed::new();
    let cluster = fake();
    let place = cluster.place("start");
    let good = content(&["kettle"]);
    let with = |key: &str, text: &str| {
        let mut content = good.clone();
        content.data.insert(key.to_owned(), text.to_owned());
        content
    };
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let run = |more: &[&str], words: &[&str]| {
        let args = ["-k", &kubeconfig, "-c", &place.name, "-n", &place.namespace, "-p", "0", "-t", "termination"];
        bed.run("configmap-server", &[&args[..], more].concat()).fails(1, words);
        let log = fs::read_to_string(bed.path("termination")).unwrap();
        assert!(words.iter().all(|word| log.contains(word)), "{words:?} are not all in {log}");
    };
    run(&[], &["error getting configmap: configmaps", "not found", "check both names"]);
    cluster.put(&place, &good);
    run(&["--context", "stranger"], &["error getting configmap", "a token may have expired"]);
    run(&["--context", "distrustful"], &["signed by an unknown authority"]);
    run(&["--context", "none"], &["Cannot load config for REST client", "no context none"]);
    let denied = Action::Refuse(403, "Forbidden", "configmaps \"x\" is forbidden".to_owned());
    within(&cluster).fail(Verb::Get, 1, denied);
    run(&[], &["error getting configmap: configmaps \"x\" is forbidden", "the verb get"]);
    run(&["-d", "none/bundles.db"], &["none/bundles.db", "No such file or directory"]);
    let refused = "permissive mode disabled: error loading manifests from configmap: ";
    for (key, text, words) in [
        ("customResourceDefinitions", "- a: [\n", "customResourceDefinitions: line 2"),
        ("clusterServiceVersions", "- a: [\n", "error loading CSV list: line 2"),
        ("packages", "{}", "error parsing package list"),
        ("customResourceDefinitions", "[]", "couldn't find owned CRD in crd list"),
    ] {
        cluster.put(&place, &with(key, text));
        run(&[], &[refused, words]);
    }
    let mut missing = good.clone();
    missing.data.remove("packages");
    cluster.put(&place, &missing);
    run(&[], &[refused, "couldn't find expected key packages in configmap"]);
    let gone = "- packageName: pot\n  channels: [{name: a, currentCSV: pot.v1}]\n- packageName: lid\n  channels: [{name: a, currentCSV: lid.v1}]\n";
    cluster.put(&place, &with("packages", gone));
    run(&[], &[refused, "error loading package pot", "error loading package lid", "\"lid.v1\" is not in the catalog"]);
    within(&cluster).down();
    run(&[], &["error getting configmap", "cannot be reached"]);
    assert_eq!(bed.files(), ["termination"]);
    // What is empty is not given.
    bed.run("configmap-server", &["-k", "", "-c", "x", "-n", "y", "-p", "0", "-t", ""])
        .fails(1, &["Cannot load config for REST client", "--kubeconfig"]);
    bed.run("configmap-server", &["-c", "x"]).fails(2, &["--configMapNamespace"]);
}

#[test]
fn permissive_runs_serve_what_there_is() {
    let bed = Bed::new();
    let cluster = fake();
    let place = cluster.place("permissive");
    let mut content = content(&["kettle"]);
    content
        .data
        .get_mut("packages")
        .unwrap()
        .push_str("- packageName: pot\n  channels: [{name: a, currentCSV: pot.v1}]\n");
    content.data.insert("customResourceDefinitions".to_owned(), String::new());
    cluster.put(&place, &content);
    let server = start(&bed, &cluster, &place, &["--permissive", "--no-watch"]);
    assert_eq!(packages(&server), ["kettle"]);
    for words in ["couldn't find owned CRD", "error loading package pot"] {
        assert!(
            log(&bed).contains(&format!("permissive mode enabled: error loading manifests from configmap: {words}"))
        );
    }
    assert_eq!(server.end("TERM"), 0);
}

#[test]
fn without_a_watch_nothing_changes_until_the_next_start() {
    let bed = Bed::new();
    let cluster = fake();
    let place = cluster.place("once");
    cluster.put(&place, &content(&["kettle"]));
    let server = start(&bed, &cluster, &place, &["--no-watch"]);
    cluster.put(&place, &content(&["tea"]));
    assert_eq!(packages(&server), ["kettle"]);
    assert_eq!(server.end("TERM"), 0);
    assert_eq!(within(&cluster).seen(), [Verb::Get]);
    // The database is made anew.
    let server = start(&bed, &cluster, &place, &[]);
    assert_eq!(packages(&server), ["tea"]);
    assert_eq!(server.end("TERM"), 0);
    let dump = crate::bed::dump(&bed.path("bundles.db"));
    assert!(dump.contains("package tea stable") && !dump.contains("kettle"), "{dump}");
}
