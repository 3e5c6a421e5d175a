//! Tests of the whole crate against a registry in this process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod building;
mod caching;
mod complaints;
mod credentials;
mod failures;
mod layouts;
mod mirroring;
mod mirrors;
mod platforms;
mod pushing;
mod tls;
mod traversal;
mod unpacking;
mod web;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::testing::FakeRegistry;
use crate::{Client, Environment, Event, Image, ImageError, Keep, Options, Progress, Retries, Silent, Tls, Unpacked};

/// Quick to give up, and plain HTTP.
fn options() -> Options {
    let retries = Retries {
        attempts: 4,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
    };
    Options { tls: Tls::PlainHttp, retries, ..Options::default() }
}

fn client() -> Client {
    Client::new(options(), Environment::default()).unwrap()
}

async fn resolve(client: &Client, name: &str) -> Result<Image, ImageError> {
    client.resolve(&name.parse()?, &Silent).await
}

/// Looks `ns/name:v1` up and unpacks it into a directory in `home`.
async fn pull(client: &Client, registry: &FakeRegistry, home: &Path) -> Result<Unpacked, ImageError> {
    pull_as(client, &format!("{}/ns/name:v1", registry.host()), home, &Keep::everything(), &Silent).await
}

async fn pull_as(
    client: &Client,
    name: &str,
    home: &Path,
    keep: &Keep,
    progress: &dyn Progress,
) -> Result<Unpacked, ImageError> {
    let image = resolve(client, name).await?;
    client.unpack(&image, &home.join("into"), keep, progress).await
}

/// Paths and contents below a directory: files as they are, `DIR`, or `-> target`.
fn listing(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, at: &Path, all: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_symlink() {
                all.insert(name, format!("-> {}", std::fs::read_link(&path).unwrap().display()));
            } else if kind.is_dir() {
                all.insert(name, "DIR".to_owned());
                walk(root, &path, all);
            } else {
                all.insert(name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(root, root, &mut all);
    all
}

fn expect(root: &Path, expected: &[(&str, &str)]) {
    let expected: BTreeMap<String, String> =
        expected.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect();
    assert_eq!(listing(root), expected);
}

/// Everything that was said.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn event(&self, event: Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

impl Heard {
    fn count(&self, word: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|text| text.starts_with(word)).count()
    }
}
