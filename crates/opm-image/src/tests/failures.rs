//! What fails, what is tried again, and what is said about it.

use std::time::{Duration, Instant};

use super::{Heard, client, expect, options, pull, pull_as, resolve};
use crate::testing::{Action, FakeRegistry, Layer, TestImage};
use crate::{Client, Environment, ErrorKind, Keep, Silent};

fn image() -> TestImage {
    TestImage::new([Layer::plain([("a", "x".repeat(300_000))])]).label("k", "v")
}

fn status(status: u16) -> Action {
    Action::Status(status, Vec::new(), String::new())
}

#[tokio::test]
async fn what_cannot_succeed_is_asked_once() {
    let said = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"the \u001b[1mwords"}}]}}"#);
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image());
    let name = format!("{}/ns/name:v1", registry.host());
    let cases = [
        (Action::Status(404, vec![], said("MANIFEST_UNKNOWN")), "not found: the registry has no such tag"),
        (Action::Status(404, vec![], said("NAME_UNKNOWN")), "not found: the registry has no such repository"),
        (Action::Status(404, vec![], "<html>".into()), "not found: the registry has no such tag"),
        (Action::Status(401, vec![], said("UNAUTHORIZED")), "unauthorized: the [1mwords; found no credentials for"),
        (Action::Status(403, vec![], said("DENIED")), "access denied: the [1mwords; found no credentials for"),
        (Action::Status(400, vec![], said("X")), "the registry answered 400 Bad Request: the [1mwords"),
        (Action::Status(302, vec![], String::new()), "redirects to nowhere"),
        (Action::Redirect("file:///etc/passwd".into()), "redirects to nowhere"),
    ];
    for (action, expected) in cases {
        registry.fail("/manifests/v1", 1, action);
        let error = resolve(&client(), &name).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("{name}: ")), "{error}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_eq!(registry.take_seen().len(), 1, "{expected}");
        assert!(!error.kind().is_transient());
    }
    let absent = format!("{}/ns/name@sha256:{}", registry.host(), "0".repeat(64));
    let error = resolve(&client(), &absent).await.unwrap_err().to_string();
    assert!(error.ends_with("not found: the registry has no manifest with this digest"), "{error}");
}

#[tokio::test]
async fn what_may_succeed_is_tried_again() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image());
    let name = format!("{}/ns/name:v1", registry.host());
    let cases = [
        ("/manifests/", status(500)),
        ("/manifests/", status(503)),
        ("/manifests/", status(408)),
        ("/manifests/", Action::Status(429, vec![("retry-after", "0".into())], String::new())),
        (
            "/manifests/",
            Action::Status(429, vec![("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT".into())], String::new()),
        ),
        ("/manifests/", Action::Cut(10)),
        ("/blobs/", status(502)),
        ("/blobs/", Action::Cut(0)),
    ];
    for (path, action) in cases {
        let text = format!("{path} {action:?}");
        registry.fail(path, 3, action);
        let heard = Heard::default();
        let home = tempfile::tempdir().unwrap();
        pull_as(&client(), &name, home.path(), &Keep::everything(), &heard)
            .await
            .unwrap_or_else(|e| panic!("{text}: {e}"));
        // Manifest, configuration and layer, and the three in vain.
        assert_eq!(registry.take_seen().len(), 6, "{text}");
    }
}

#[tokio::test]
async fn patience_ends() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image());
    let name = format!("{}/ns/name:v1", registry.host());
    registry.fail(
        "/manifests/",
        4,
        Action::Status(429, vec![], r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#.into()),
    );
    let error = resolve(&client(), &name).await.unwrap_err();
    assert!(error.to_string().ends_with("too many requests: 429 Too Many Requests: slow down"), "{error}");
    assert_eq!(registry.take_seen().len(), 4);
    // A wait that is too long is not begun.
    registry.fail("/manifests/", 1, Action::Status(429, vec![("retry-after", "3600".into())], String::new()));
    let error = resolve(&client(), &name).await.unwrap_err();
    assert!(error.to_string().ends_with("the registry asks to wait 3600 s"), "{error}");
    assert_eq!(registry.take_seen().len(), 1);
    // Silence.
    let mut short = options();
    short.retries.idle_timeout = Duration::from_millis(50);
    short.retries.attempts = 2;
    registry.fail("/manifests/", 2, Action::Delay(Duration::from_secs(3)));
    let error = resolve(&Client::new(short, Environment::default()).unwrap(), &name).await.unwrap_err();
    assert!(error.to_string().ends_with("did not answer in time"), "{error}");
    assert_eq!(registry.take_seen().len(), 2);
}

#[tokio::test]
async fn a_registry_that_asks_for_a_second_gets_it() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image());
    registry.fail("/manifests/", 1, Action::Status(503, vec![("retry-after", "1".into())], String::new()));
    let started = Instant::now();
    resolve(&client(), &format!("{}/ns/name:v1", registry.host())).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn refused_connections_and_unknown_hosts_are_told_apart() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = resolve(&client(), &format!("127.0.0.1:{port}/a:1")).await.unwrap_err();
    assert!(error.to_string().ends_with(&format!("cannot connect to 127.0.0.1:{port}: connection refused")), "{error}");
    let error = resolve(&client(), "nowhere.invalid/a:1").await.unwrap_err();
    assert!(error.to_string().contains("nowhere.invalid: the host name cannot be resolved"), "{error}");
}

#[tokio::test]
async fn an_interrupted_layer_is_resumed() {
    let registry = FakeRegistry::start();
    let layer = registry.push_all("ns/name", "v1", &image()).layers[0].clone();
    let cases = [
        // More interruptions than attempts, but each gets on.
        (vec![Action::Cut(70_000), Action::Cut(70_000), Action::Cut(70_000), Action::Cut(70_000)], 5),
        // A registry without ranges begins anew; what is known is skipped.
        (vec![Action::Cut(100_000), Action::IgnoreRange], 2),
        (vec![Action::Cut(100_000), status(503)], 3),
    ];
    for (faults, requests) in cases {
        for fault in faults {
            registry.fail(layer.as_str(), 1, fault);
        }
        let home = tempfile::tempdir().unwrap();
        let unpacked = pull(&client(), &registry, home.path()).await.unwrap();
        expect(unpacked.root(), &[("a", &"x".repeat(300_000))]);
        let seen = registry.take_seen();
        let layers: Vec<_> = seen.iter().filter(|seen| seen.path.contains(layer.as_str())).collect();
        assert_eq!(layers.len(), requests);
        assert_eq!(layers[0].range, None);
        assert!(
            layers[1..].iter().all(|seen| seen.range.as_deref().is_some_and(|range| range != "bytes=0-")),
            "{layers:?}"
        );
    }
    // Without getting on, patience ends.
    registry.fail(layer.as_str(), 4, Action::Cut(10));
    let home = tempfile::tempdir().unwrap();
    let error = pull(&client(), &registry, home.path()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cut { .. }), "{error}");
    assert!(!home.path().join("into").exists());
}

#[tokio::test]
async fn every_content_is_checked() {
    let registry = FakeRegistry::start();
    let pushed = registry.push_all("ns/name", "v1", &image());
    let by_tag = format!("{}/ns/name:v1", registry.host());
    let by_both = format!("{by_tag}@{}", pushed.manifest);
    let cases = [
        (&by_tag, "/manifests/", "wrong digest of the manifest: expected", &pushed.manifest),
        (&by_both, "/manifests/", "wrong digest of the manifest: expected", &pushed.manifest),
        (&by_tag, pushed.config.as_str(), "wrong digest of the configuration: expected", &pushed.config),
        (&by_tag, pushed.layers[0].as_str(), "wrong digest of the layer: expected", &pushed.layers[0]),
    ];
    for (name, path, expected, digest) in cases {
        registry.fail(path, 1, Action::Corrupt);
        let home = tempfile::tempdir().unwrap();
        let error = pull_as(&client(), name, home.path(), &Keep::everything(), &Silent).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("{expected} {digest}, found sha256:")), "{text}");
        assert!(!home.path().join("into").exists(), "{text}");
    }
    // A blob that is larger or smaller than announced.
    for change in [1, -1] {
        let layer = Layer::plain([("a", "1")]);
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&TestImage::new([layer.clone()]).manifest().0).unwrap();
        let size = manifest["layers"][0]["size"].as_i64().unwrap();
        manifest["layers"][0]["size"] = (size + change).into();
        registry.push("ns/name", "v1", &TestImage::new([layer]));
        registry.push_manifest("ns/name", "v1", "application/vnd.oci.image.manifest.v1+json", manifest.to_string());
        let home = tempfile::tempdir().unwrap();
        let text = pull(&client(), &registry, home.path()).await.unwrap_err().to_string();
        assert!(
            text.ends_with(&format!("wrong size of the layer: expected {} bytes, found {size}", size + change)),
            "{text}"
        );
    }
}

#[tokio::test]
async fn odd_manifests_are_refused() {
    let registry = FakeRegistry::start();
    let docker = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let cases: Vec<(&str, String, &str)> = vec![
        (docker, r#"{"schemaVersion":1,"fsLayers":[]}"#.into(), "schema 1 manifest, which is not supported"),
        ("application/json", "{}".into(), "is not the manifest of an image"),
        ("text/html", "<html>".into(), "the manifest is malformed"),
        ("application/json", "x".repeat(2000), "the size of the manifest in bytes exceeds the limit of 1000"),
        (
            "application/json",
            r#"{"schemaVersion":2,"config":{"mediaType":"","digest":"sha256:..","size":1},"layers":[]}"#.into(),
            "is not a digest",
        ),
        (
            "application/json",
            format!(
                r#"{{"schemaVersion":2,"config":{{"mediaType":"","digest":"sha256:{}","size":-1}},"layers":[]}}"#,
                "0".repeat(64)
            ),
            "a size of -1 bytes",
        ),
    ];
    let mut small = options();
    small.limits.manifest = 1000;
    let client = Client::new(small, Environment::default()).unwrap();
    for (media_type, bytes, expected) in cases {
        registry.push_manifest("ns/name", "v1", media_type, bytes);
        let error = resolve(&client, &format!("{}/ns/name:v1", registry.host())).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(registry.take_seen().len(), 1);
    }
}

#[tokio::test]
async fn what_was_resolved_is_told() {
    let registry = FakeRegistry::start();
    for docker in [false, true] {
        let image = TestImage { docker, ..image() };
        let pushed = registry.push_all("ns/name", "v1", &image);
        let name = format!("{}/ns/name:nonsense@{}", registry.host(), pushed.manifest);
        let found = resolve(&client(), &name).await.unwrap();
        assert_eq!((found.digest(), found.index_digest()), (&pushed.manifest, None));
        assert_eq!(found.labels().get("k").map(String::as_str), Some("v"));
        assert_eq!(found.manifest(), image.manifest().0);
        assert_eq!(found.media_type(), image.manifest().1);
        assert_eq!(found.config(), image.config());
        assert_eq!(found.layers()[0].digest(), &pushed.layers[0]);
        assert_eq!(registry.take_seen().len(), 2);
    }
}

#[tokio::test]
async fn redirects_are_followed_without_the_password() {
    let registry = FakeRegistry::start();
    let store = FakeRegistry::start();
    let layer = registry.push_all("ns/name", "v1", &image()).layers[0].clone();
    store.push("ns/name", "v1", &image());
    registry.require(crate::testing::Require::Basic("u".into(), "p".into()));
    let home = tempfile::tempdir().unwrap();
    let auth = home.path().join("auth.json");
    std::fs::write(&auth, format!(r#"{{"auths":{{"{}":{{"username":"u","password":"p"}}}}}}"#, registry.host()))
        .unwrap();
    let mut options = options();
    options.auth_file = Some(auth);
    let client = Client::new(options, Environment::default()).unwrap();
    let there = format!("http://{}/v2/ns/name/blobs/{layer}?signature=x", store.host());
    // The second time the connection breaks elsewhere, and the registry is asked again with the rest of the range.
    registry.fail(layer.as_str(), 2, Action::Redirect(there));
    store.fail(layer.as_str(), 1, Action::Cut(100_000));
    pull(&client, &registry, home.path()).await.unwrap();
    let (here, there) = (registry.take_seen(), store.take_seen());
    assert!(here.iter().filter(|seen| seen.path.contains(layer.as_str())).all(|seen| seen.authorization.is_some()));
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|seen| seen.authorization.is_none()), "{there:?}");
    assert_eq!(there[1].range.as_deref(), Some("bytes=100000-"));
    // What is refused there is not blamed on the credentials for here.
    registry.fail("/manifests/", 1, Action::Redirect(format!("http://{}/elsewhere", store.host())));
    store.fail("/elsewhere", 1, Action::Status(403, vec![], r#"{"errors":[{"message":"expired"}]}"#.into()));
    let error = resolve(&client, &format!("{}/ns/name:v1", registry.host())).await.unwrap_err().to_string();
    let expected = format!("access denied: the registry redirects to {}, which refuses: expired", store.host());
    assert!(error.ends_with(&expected), "{error}");
    // And not for ever.
    registry.fail("/manifests/", 20, Action::Redirect(format!("http://{}/v2/ns/name/manifests/v1", registry.host())));
    let error = resolve(&client, &format!("{}/ns/name:v1", registry.host())).await.unwrap_err().to_string();
    assert!(error.contains("more than 10 redirects"), "{error}");
}

#[tokio::test]
async fn foreign_layers_are_taken_from_the_registry_only() {
    let registry = FakeRegistry::start();
    let mut layer = Layer::gzip([("a", "1")]);
    layer.urls = vec!["https://elsewhere.invalid/layer".into()];
    let pushed = registry.push_all("ns/name", "v1", &TestImage::new([layer]));
    let home = tempfile::tempdir().unwrap();
    pull(&client(), &registry, home.path()).await.unwrap();
    registry.remove_blob("ns/name", &pushed.layers[0]);
    let home = tempfile::tempdir().unwrap();
    let error = pull(&client(), &registry, home.path()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ForeignLayer { url } if url.contains("elsewhere")), "{error}");
}
