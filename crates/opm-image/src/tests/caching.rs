//! What is kept of what was pulled, and what that saves.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{expect, options, resolve};
use crate::testing::{Action, FakeRegistry, Layer, Pushed, Seen, TestImage};
use crate::{Cache, Client, Digest, Environment, ImageError, Keep, Options, Silent, Unpacked};

fn client(cache: Cache) -> Client {
    Client::new(Options { cache, ..options() }, Environment::default()).unwrap()
}

fn on(dir: &Path) -> Cache {
    Cache::on(Some(dir.to_owned()))
}

/// Pulls by a new client, which is gone afterwards.
async fn pull(cache: Cache, name: &str) -> Result<(tempfile::TempDir, Unpacked), ImageError> {
    pull_by(&client(cache), name).await
}

async fn pull_by(client: &Client, name: &str) -> Result<(tempfile::TempDir, Unpacked), ImageError> {
    let home = tempfile::tempdir().unwrap();
    let image = resolve(client, name).await?;
    let unpacked = client.unpack(&image, &home.path().join("into"), &Keep::everything(), &Silent).await?;
    Ok((home, unpacked))
}

/// An image of two layers, one of which is large enough to be written in several pieces.
fn push(registry: &FakeRegistry) -> Pushed {
    let layers = [Layer::gzip([("a", "1")]), Layer::plain([("b", "x".repeat(3 << 19))])];
    registry.push_all("ns/name", "v1", &TestImage::new(layers))
}

fn paths(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.path.as_str()).collect()
}

/// The files below a directory, without its lock.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut ahead = vec![dir.to_owned()];
    while let Some(dir) = ahead.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                ahead.push(path);
            } else if !path.ends_with("lock") {
                all.push(path);
            }
        }
    }
    all.sort();
    all
}

fn place(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join("blobs/sha256").join(digest.hex())
}

#[tokio::test]
async fn a_second_run_fetches_no_blob() {
    let registry = FakeRegistry::start();
    let pushed = push(&registry);
    let cache = tempfile::tempdir().unwrap();
    let tag = format!("{}/ns/name:v1", registry.host());
    let digest = format!("{}/ns/name@{}", registry.host(), pushed.manifest);
    pull(on(cache.path()), &tag).await.unwrap();
    assert_eq!(registry.take_seen().len(), 4);
    let mut kept: Vec<PathBuf> =
        [&pushed.manifest, &pushed.config].into_iter().chain(&pushed.layers).map(|d| place(cache.path(), d)).collect();
    kept.sort();
    assert_eq!(files(cache.path()), kept);
    // A tag may have moved, a digest cannot.
    let (_home, unpacked) = pull(on(cache.path()), &tag).await.unwrap();
    expect(unpacked.root(), &[("a", "1"), ("b", &"x".repeat(3 << 19))]);
    assert_eq!(paths(&registry.take_seen()), ["/v2/ns/name/manifests/v1"]);
    pull(on(cache.path()), &digest).await.unwrap();
    assert!(registry.take_seen().is_empty());
    // And without a cache nothing is known, nor written.
    pull(Cache::Off, &digest).await.unwrap();
    assert_eq!(registry.take_seen().len(), 4);
    assert_eq!(Options::default().cache, Cache::Off);
}

#[tokio::test]
async fn images_of_an_index_are_kept_as_well() {
    let registry = FakeRegistry::start();
    let mut image = TestImage::new([Layer::gzip([("a", "1")])]);
    image.docker = true;
    registry.push("ns/name", "child", &image);
    let index = registry.push_index("ns/name", "v1", &[image.entry()]);
    let cache = tempfile::tempdir().unwrap();
    let tag = format!("{}/ns/name:v1", registry.host());
    let name = format!("{}/ns/name@{}", registry.host(), index["digest"].as_str().unwrap());
    let fresh = resolve(&client(on(cache.path())), &tag).await.unwrap();
    pull(on(cache.path()), &name).await.unwrap();
    registry.take_seen();
    let kept = resolve(&client(on(cache.path())), &name).await.unwrap();
    assert!(registry.take_seen().is_empty());
    assert_eq!(
        (kept.media_type(), kept.manifest(), kept.config(), kept.index_digest()),
        (fresh.media_type(), fresh.manifest(), fresh.config(), fresh.index_digest())
    );
    // A manifest that does not say what it is, is asked for again.
    let bytes = json!({"schemaVersion": 2, "config": {"mediaType": "application/vnd.docker.container.image.v1+json",
        "digest": Digest::of(&image.config()).to_string(), "size": image.config().len()}, "layers": []});
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let digest = registry.push_manifest("ns/name", "untyped", docker, bytes.to_string());
    for _ in 0..2 {
        let name = format!("{}/ns/name@{digest}", registry.host());
        assert_eq!(resolve(&client(on(cache.path())), &name).await.unwrap().media_type(), docker);
        assert_eq!(paths(&registry.take_seen()), [format!("/v2/ns/name/manifests/{digest}")]);
    }
}

#[tokio::test]
async fn what_is_damaged_is_fetched_again() {
    let registry = FakeRegistry::start();
    let pushed = push(&registry);
    let cache = tempfile::tempdir().unwrap();
    let client = client(on(cache.path()));
    let name = format!("{}/ns/name@{}", registry.host(), pushed.manifest);
    pull_by(&client, &name).await.unwrap();
    registry.take_seen();
    for digest in [&pushed.manifest, &pushed.config].into_iter().chain(&pushed.layers) {
        let path = place(cache.path(), digest);
        let good = fs::read(&path).unwrap();
        let mut changed = good.clone();
        changed[good.len() / 2] ^= 1;
        let longer = [&good[..], b" "].concat();
        for bad in [&changed[..], &good[..good.len() - 1], &longer, b""] {
            fs::write(&path, bad).unwrap();
            pull_by(&client, &name).await.unwrap();
            let seen = registry.take_seen();
            assert!(seen.len() <= 2 && paths(&seen).iter().any(|path| path.ends_with(digest.as_str())), "{seen:?}");
            assert_eq!(fs::read(&path).unwrap(), good);
        }
        // Gone, as when another process made room, or no file at all.
        fs::remove_file(&path).unwrap();
        pull_by(&client, &name).await.unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        pull_by(&client, &name).await.unwrap();
        fs::remove_dir(&path).unwrap();
        pull_by(&client, &name).await.unwrap();
        registry.take_seen();
    }
}

#[tokio::test]
async fn only_what_proves_right_is_kept() {
    let registry = FakeRegistry::start();
    let pushed = push(&registry);
    let cache = tempfile::tempdir().unwrap();
    let name = format!("{}/ns/name:v1", registry.host());
    let layer = pushed.layers[1].as_str();
    registry.fail(layer, 1, Action::Corrupt);
    pull(on(cache.path()), &name).await.unwrap_err();
    assert_eq!(files(cache.path()).len(), 3, "manifest, configuration, first layer");
    // One that is cut and taken up again is whole.
    registry.fail(layer, 1, Action::Cut(1 << 20));
    pull(on(cache.path()), &name).await.unwrap();
    assert_eq!(files(cache.path()).len(), 4);
    // One that is given up leaves nothing.
    fs::remove_file(place(cache.path(), &pushed.layers[1])).unwrap();
    registry.fail(layer, 10, Action::Cut(1000));
    pull(on(cache.path()), &name).await.unwrap_err();
    assert_eq!(files(cache.path()).len(), 3);
}

#[tokio::test]
async fn a_cache_that_cannot_be_used_is_no_obstacle() {
    let registry = FakeRegistry::start();
    push(&registry);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let name = format!("{}/ns/name:v1", registry.host());
    // Nothing can be made below a file, whoever one is.
    for dir in [file.clone(), file.join("cache")] {
        pull(on(&dir), &name).await.unwrap();
        assert_eq!(registry.take_seen().len(), 4);
    }
    // Writing fails, reading works.
    let cache = home.path().join("cache");
    pull(on(&cache), &name).await.unwrap();
    fs::remove_dir_all(cache.join("tmp")).unwrap();
    fs::write(cache.join("tmp"), "").unwrap();
    registry.take_seen();
    pull(on(&cache), &name).await.unwrap();
    assert_eq!(registry.take_seen().len(), 1);
    // Nobody knows where it should be.
    pull(Cache::on(None), &name).await.unwrap();
}

#[tokio::test]
async fn it_is_where_variables_say() {
    let registry = FakeRegistry::start();
    push(&registry);
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| Some(home.path().join(name));
    let user = Environment { home: at("home"), ..Environment::default() };
    let xdg = Environment { xdg_cache_home: at("xdg"), ..user.clone() };
    let own = Environment { opm_cache_dir: at("own"), ..xdg.clone() };
    let cases = [
        (user, None, "home/.cache/opm"),
        (xdg, None, "xdg/opm"),
        (own.clone(), None, "own"),
        (own, at("flag"), "flag"),
    ];
    for (environment, dir, expected) in cases {
        let client = Client::new(Options { cache: Cache::on(dir), ..options() }, environment).unwrap();
        resolve(&client, &format!("{}/ns/name:v1", registry.host())).await.unwrap();
        assert_eq!(files(&home.path().join(expected)).len(), 2, "{expected}");
    }
}

#[tokio::test]
async fn what_was_not_used_for_long_makes_room() {
    let registry = FakeRegistry::start();
    let size = 100_000;
    let names: Vec<(String, Digest)> = (0..4)
        .map(|number| {
            let tag = format!("v{number}");
            let layer = Layer::plain([("a", number.to_string().repeat(size))]);
            let pushed = registry.push_all("ns/name", &tag, &TestImage::new([layer]));
            (format!("{}/ns/name:{tag}", registry.host()), pushed.layers[0].clone())
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::On { dir: Some(dir.path().to_owned()), limit: 350_000 };
    for (name, _) in &names[..3] {
        pull(cache.clone(), name).await.unwrap();
    }
    // All of it was used yesterday, and the first again just now. Somebody else left a piece the day before.
    let ago = |hours| SystemTime::now() - Duration::from_hours(hours);
    for (at, path) in files(dir.path()).iter().enumerate() {
        let seconds = Duration::from_secs(at as u64);
        File::options().write(true).open(path).unwrap().set_modified(ago(20) + seconds).unwrap();
    }
    pull(cache.clone(), &names[0].0).await.unwrap();
    for (name, age) in [("old", 48), ("new", 1)] {
        let file = File::create(dir.path().join("tmp").join(name)).unwrap();
        file.set_modified(ago(age)).unwrap();
    }
    assert!(names[..3].iter().all(|(_, layer)| place(dir.path(), layer).exists()));
    // While another process makes room, this one does not.
    let lock = File::create(dir.path().join("lock")).unwrap();
    lock.lock().unwrap();
    pull(cache.clone(), &names[3].0).await.unwrap();
    assert!(names.iter().all(|(_, layer)| place(dir.path(), layer).exists()));
    drop(lock);
    fs::remove_file(place(dir.path(), &names[3].1)).unwrap();
    pull(cache.clone(), &names[3].0).await.unwrap();
    let kept: Vec<bool> = names.iter().map(|(_, layer)| place(dir.path(), layer).exists()).collect();
    assert!(kept[0] && kept[3], "{kept:?}");
    assert!(!(kept[1] && kept[2]), "{kept:?}");
    let total: u64 = files(dir.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(total <= 350_000, "{total}");
    assert!(!dir.path().join("tmp/old").exists() && dir.path().join("tmp/new").exists());
    // What would fill it alone is not kept.
    let huge = Layer::plain([("a", "x".repeat(400_000))]);
    let huge = registry.push_all("ns/name", "huge", &TestImage::new([huge])).layers[0].clone();
    pull(cache, &format!("{}/ns/name:huge", registry.host())).await.unwrap();
    assert!(!place(dir.path(), &huge).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_share_it() {
    let registry = FakeRegistry::start();
    push(&registry);
    let name = format!("{}/ns/name:v1", registry.host());
    let dir = tempfile::tempdir().unwrap();
    // So small that room is made all the time: it holds the large layer and nothing else.
    let cache = Cache::On { dir: Some(dir.path().to_owned()), limit: 1_574_500 };
    let pulls: Vec<_> = (0..12)
        .map(|_| {
            let (cache, name) = (cache.clone(), name.clone());
            tokio::spawn(async move {
                let (_home, unpacked) = pull(cache, &name).await.unwrap();
                expect(unpacked.root(), &[("a", "1"), ("b", &"x".repeat(3 << 19))]);
            })
        })
        .collect();
    for pull in pulls {
        pull.await.unwrap();
    }
    assert!(files(&dir.path().join("tmp")).is_empty());
}

#[tokio::test]
async fn mirrors_serve_what_the_cache_lacks() {
    let (down, up) = (FakeRegistry::start(), FakeRegistry::start());
    let pushed = push(&up);
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("registries.conf");
    let text = format!(
        "[[registry]]\nlocation = \"registry.example\"\n[[registry.mirror]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
        down.host(),
        up.host()
    );
    fs::write(&settings, text).unwrap();
    let environment = Environment { containers_registries_conf: Some(settings), ..Environment::default() };
    let cache = dir.path().join("cache");
    let pull = || async {
        let client = Client::new(Options { cache: on(&cache), ..options() }, environment.clone()).unwrap();
        let image = resolve(&client, &format!("registry.example/ns/name@{}", pushed.manifest)).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        client.unpack(&image, &home.path().join("into"), &Keep::everything(), &Silent).await.unwrap();
    };
    pull().await;
    assert_eq!((down.take_seen().len(), up.take_seen().len()), (1, 4));
    pull().await;
    assert_eq!((down.take_seen().len(), up.take_seen().len()), (0, 0));
    // Who has it must be found out first.
    fs::remove_file(place(&cache, &pushed.layers[0])).unwrap();
    pull().await;
    assert_eq!((down.take_seen().len(), up.take_seen().len()), (1, 2));
}
