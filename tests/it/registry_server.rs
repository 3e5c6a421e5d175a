//! The server of databases, as pods run it.

use std::process::Child;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use opm_api::{Client, Health};

use crate::bed::{Bed, data};

/// A server that runs, and is killed with the value.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Server {
    /// Starts a binary that serves on any port, and waits until it says which.
    pub(crate) fn start(bed: &Bed, binary: &str, args: &[&str]) -> Self {
        let mut all = args.to_vec();
        all.extend(["-p", "0", "-t", "termination"]);
        let mut child = bed.start(binary, &all);
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let log = std::fs::read_to_string(bed.path("log")).unwrap();
            if let Some(port) = log.split(" port=").nth(1).and_then(|rest| rest.lines().next()) {
                return Self { child, address: format!("localhost:{port}") };
            }
            assert!(child.try_wait().unwrap().is_none(), "the server ended: {log}");
            assert!(Instant::now() < end, "the server does not begin: {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal, and waits for the end.
    pub(crate) fn end(mut self, signal: &str) -> i32 {
        kill(&self.child, signal);
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Sends a signal to a process.
pub(crate) fn kill(child: &Child, signal: &str) {
    let sent =
        std::process::Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn answers_and_ends_gracefully() {
    let bed = Bed::new();
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    for (binary, args, signal) in
        [("registry-server", vec!["-d", "x.db"], "TERM"), ("opm", vec!["registry", "serve", "-d", "x.db"], "INT")]
    {
        let before = std::fs::read(bed.path("x.db")).unwrap();
        let server = Server::start(&bed, binary, &args);
        block_on(async {
            let client = Client::connect(&server.address).await.unwrap();
            assert_eq!(client.list_packages().await.unwrap(), ["kettle", "tea", "teahouse"]);
            assert_eq!(client.package("tea").await.unwrap().default_channel, "stable");
            assert_eq!(client.health("anything").await.unwrap(), Health::Serving);
            bed.assert_private();
            let error = client.package("none").await.unwrap_err();
            assert!(error.to_string().contains("package none not found"), "{error}");
            let bundles: Vec<_> = client.list_bundles().await.unwrap().map(Result::unwrap).collect().await;
            let places: Vec<_> = bundles
                .iter()
                .map(|b| format!("{} {} {} {}", b.csv_name, b.channel, b.replaces, b.skips.join(",")))
                .collect();
            assert_eq!(places.len(), 3 + 8 + 2);
            assert!(places.contains(&"tea.v1.0.0 stable tea.v0.3.0 tea.v0.3.1".to_owned()), "{places:?}");
            let tea = bundles.iter().find(|b| b.csv_name == "tea.v1.0.0").unwrap();
            assert_eq!((tea.skip_range.as_str(), tea.objects.len()), ("<1.0.0", 2));
            assert!(tea.csv_json.contains("\"never") || tea.csv_json.contains("never lets a pot run dry"));
        });
        assert_eq!(server.end(signal), 0);
        bed.assert_tidy();
        assert!(before == std::fs::read(bed.path("x.db")).unwrap());
        assert_eq!(std::fs::read_to_string(bed.path("termination")).unwrap(), "");
    }
}

/// A port that nobody has, below those that systems give away by themselves.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000).find(|&port| std::net::TcpListener::bind(("::", port)).is_ok()).unwrap()
}

#[test]
fn the_port_is_open_before_the_catalog_is() {
    let bed = Bed::new();
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    let held = rusqlite::Connection::open(bed.path("x.db")).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let port = free_port();
    let child = bed.start("registry-server", &["-d", "x.db", "-p", &port.to_string(), "-t", "termination"]);
    let mut server = Server { child, address: format!("localhost:{port}") };
    block_on(async {
        let client = loop {
            match Client::connect(&server.address).await {
                Ok(client) => break client,
                Err(_) => assert!(server.child.try_wait().unwrap().is_none(), "the server ended"),
            }
        };
        let mut health = client.watch_health("api.Registry").await.unwrap();
        assert_eq!(health.next().await.unwrap().unwrap(), Health::NotServing);
        held.execute_batch("ROLLBACK").unwrap();
        assert_eq!(health.next().await.unwrap().unwrap(), Health::Serving);
        assert_eq!(client.list_packages().await.unwrap().len(), 3);
    });
    assert_eq!(server.end("TERM"), 0);
    bed.assert_tidy();
}

#[test]
fn what_ends_a_server_is_in_the_termination_log() {
    let bed = Bed::new();
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    std::fs::write(bed.path("text.db"), "this is no database").unwrap();
    std::fs::write(bed.path("empty.db"), "").unwrap();
    std::fs::create_dir(bed.path("dir.db")).unwrap();
    rusqlite::Connection::open(bed.path("new.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE schema_migrations (version bigint NOT NULL); INSERT INTO schema_migrations VALUES (14)",
        )
        .unwrap();
    let other = std::net::TcpListener::bind("[::]:0").unwrap();
    let taken = other.local_addr().unwrap().port().to_string();
    for (database, port, words) in [
        ("none.db", "0", "open none.db: no such file or directory"),
        ("text.db", "0", "text.db: file is not a database"),
        ("empty.db", "0", "empty.db: no tables found in db"),
        ("dir.db", "0", "dir.db is not a regular file"),
        ("new.db", "0", "new.db: its schema version 14 is newer than 13"),
        ("x.db", &taken, &taken),
    ] {
        bed.run("registry-server", &["-d", database, "-p", port, "-t", "termination"]).fails(1, &[words]);
        let log = std::fs::read_to_string(bed.path("termination")).unwrap();
        assert!(log.contains(words), "{words:?} is not in {log:?}");
    }
}
