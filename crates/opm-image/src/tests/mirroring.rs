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
