//! Mirrors: what travels, how often, and what does not.

use serde_json::json;

use super::client;
use crate::mirror::{Outcome, Place, Settings, Task};
use crate::testing::{Action, FakeRegistry, Layer, Quirk, TestImage};
use crate::{ErrorKind, Silent};

fn image(name: &str) -> TestImage {
    TestImage::new([Layer::plain([("shared", "s".repeat(200_000))]), Layer::gzip([(name, name)])])
}

/// Copies `ns/NAME:v1` to `m/NAME:v1`.
async fn mirror(from: &FakeRegistry, to: &FakeRegistry, names: &[&str]) -> Outcome {
    let at = |registry: &FakeRegistry, ns: &str, name: &str| format!("{}/{ns}/{name}:v1", registry.host());
    let task = |name: &&str| Task {
        from: at(from, "ns", name).parse().unwrap(),
        to: Place::Registry(at(to, "m", name).parse().unwrap()),
        known: None,
    };
    let tasks: Vec<Task> = names.iter().map(task).collect();
    client().mirror(&tasks, &Settings::default(), &Silent).await
}

fn sent(registry: &FakeRegistry) -> usize {
    registry.take_seen().iter().filter(|seen| seen.method == "PUT" && seen.size > 150_000).count()
}

#[tokio::test]
async fn a_shared_blob_travels_once_and_is_mounted_from_there_on() {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        from.push(&format!("ns/{name}"), "v1", &image(name));
    }
    let outcome = mirror(&from, &to, &names).await;
    assert!(outcome.images.iter().all(Result::is_ok), "{outcome:?}");
    assert_eq!((sent(&to), outcome.mounted), (1, 5));
    assert_eq!(from.take_seen().iter().filter(|seen| seen.path.contains("/blobs/")).count(), 13);

    // A registry that mounts nothing gets it for each repository, and all is well.
    let strict = FakeRegistry::start();
    strict.set_quirk(Quirk::NoMounts);
    let outcome = mirror(&from, &strict, &names[..2]).await;
    assert!(outcome.images.iter().all(Result::is_ok), "{outcome:?}");
    assert_eq!((sent(&strict), outcome.mounted), (2, 0));
}

#[tokio::test]
async fn within_a_registry_nothing_travels() {
    let registry = FakeRegistry::start();
    registry.push("ns/a", "v1", &image("a"));
    let outcome = mirror(&registry, &registry, &["a"]).await;
    assert!(outcome.images[0].is_ok(), "{outcome:?}");
    assert_eq!((outcome.bytes, outcome.mounted), (0, 3));
}

#[tokio::test]
async fn children_come_before_lists_and_lists_before_tags() {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    let parts = [image("amd"), image("arm").platform("linux/arm64")];
    for part in &parts {
        from.push("ns/a", "part", part);
    }
    let inner = from.push_index("ns/a", "inner", &parts.map(|part| part.entry()));
    from.push_index("ns/a", "v1", &[inner]);
    let outcome = mirror(&from, &to, &["a"]).await;
    assert!(outcome.images[0].is_ok(), "{outcome:?}");
    assert_eq!(to.manifest("m/a", "v1"), from.manifest("ns/a", "v1"));
    let seen = to.take_seen();
    let last = seen.iter().rfind(|seen| seen.method == "PUT").unwrap();
    assert_eq!(last.path, "/v2/m/a/manifests/v1");
}

#[tokio::test]
async fn one_that_fails_keeps_no_other_from_being_copied() {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    for name in ["a", "c", "d"] {
        from.push(&format!("ns/{name}"), "v1", &image(name));
    }
    from.push_manifest("ns/old", "v1", "application/json", r#"{"schemaVersion":1,"fsLayers":[]}"#);
    let pushed = from.push_all("ns/c", "v1", &image("c"));
    from.fail(format!("GET /v2/ns/c/blobs/{}", pushed.layers[1]), 1, Action::Corrupt);
    let outcome = mirror(&from, &to, &["a", "b", "old", "c", "d"]).await;
    let kinds: Vec<_> = outcome.images.iter().map(|result| result.as_ref().map_err(crate::ImageError::kind)).collect();
    assert!(matches!(
        kinds[..],
        [Ok(_), Err(ErrorKind::NotFound(_)), Err(ErrorKind::SchemaOne), Err(ErrorKind::Digest { .. }), Ok(_)]
    ));
    assert_eq!(to.manifest("m/c", "v1"), None);
}

#[tokio::test]
async fn what_refers_to_an_image_goes_along() {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    let digest = from.push("ns/a", "v1", &image("a"));
    let referrer = image("bill of materials");
    let found = from.push("ns/a", "unnamed", &referrer);
    let list = json!({"schemaVersion": 2, "manifests": [referrer.entry()]}).to_string();
    from.fail(format!("/v2/ns/a/referrers/{digest}"), 1, Action::Status(200, Vec::new(), list));
    mirror(&from, &to, &["a"]).await;
    assert!(to.manifest("m/a", found.as_str()).is_some());
}

/// What was fetched of a blob before a run ended is not fetched again, unless it turns out to be wrong.
#[tokio::test]
async fn a_store_goes_on_in_the_middle_of_a_blob() {
    let (from, dir) = (FakeRegistry::start(), tempfile::tempdir().unwrap());
    let pushed = from.push_all("ns/a", "v1", &image("a"));
    let layer = &pushed.layers[0];
    let task = Task {
        from: format!("{}/ns/a:v1", from.host()).parse().unwrap(),
        to: Place::Layout { dir: dir.path().to_owned(), name: "a".to_owned() },
        known: None,
    };
    let fill = async || client().mirror(std::slice::from_ref(&task), &Settings::default(), &Silent).await;
    let path = format!("GET /v2/ns/a/blobs/{layer}");
    let part = dir.path().join("blobs/sha256").join(format!("{}.part", layer.hex()));
    let cut = || {
        from.fail(path.clone(), 1, Action::Cut(100_000));
        from.fail(path.clone(), 3, Action::Status(500, Vec::new(), String::new()));
    };
    cut();
    assert!(fill().await.images[0].is_err());
    let there = std::fs::metadata(&part).unwrap().len();
    assert!(there > 0);
    from.take_seen();
    assert!(fill().await.images[0].is_ok());
    let ranges: Vec<_> = from.take_seen().into_iter().filter(|seen| path.ends_with(&seen.path)).collect();
    assert_eq!(ranges[0].range, Some(format!("bytes={there}-")));
    assert!(!part.exists());

    let whole = part.with_extension("");
    std::fs::remove_file(&whole).unwrap();
    std::fs::write(&part, "nonsense").unwrap();
    std::fs::remove_file(dir.path().join("index.json")).unwrap();
    assert!(fill().await.images[0].is_ok());
    assert_eq!(&crate::Digest::of(&std::fs::read(whole).unwrap()), layer);
}

#[tokio::test]
async fn a_registry_that_says_in_words_that_it_is_too_much_is_asked_again() {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    from.push("ns/a", "v1", &image("a"));
    let said = |text: &str| (Vec::new(), text.to_owned());
    for (at, path, status, (headers, body)) in [
        (
            &from,
            "GET /v2/ns/a/manifests",
            403,
            said(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#),
        ),
        (&from, "GET /v2/ns/a/blobs", 400, said("toomanyrequests: retry-after: 1 ms, allowed: 44000/minute")),
        (&to, "POST /v2/m/a/blobs", 429, said("")),
        (&to, "PUT /v2/m/a/blobs", 403, said("toomanyrequests")),
        (&to, "PUT /v2/m/a/manifests", 503, said("")),
        (&to, "HEAD /v2/m/a/manifests", 429, said("")),
    ] {
        at.fail(path.to_owned(), 2, Action::Status(status, headers, body));
    }
    let outcome = mirror(&from, &to, &["a"]).await;
    assert!(outcome.images[0].is_ok(), "{outcome:?}");
}
