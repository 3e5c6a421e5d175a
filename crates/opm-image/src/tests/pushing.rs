//! Pushing: the way to a tag, and what stops on it.

use std::time::Duration;

use super::building::{base, plan, push_list};
use super::{Heard, client, options};
use crate::build::{Output, Plan};
use crate::testing::{Action, FakeRegistry, Layer, Quirk, Require, TestImage};
use crate::{Client, Digest, Environment, ErrorKind, ImageError, Silent, Tls};

struct Setup {
    registry: FakeRegistry,
    home: tempfile::TempDir,
    plan: Plan,
    base_layer: Digest,
}

/// A registry with a base of some size in it.
fn setup() -> Setup {
    let registry = FakeRegistry::start();
    let home = tempfile::tempdir().unwrap();
    let image = TestImage::new([Layer::plain([("big", "x".repeat(300_000))])]);
    let base_layer = registry.push_all("ns/base", "v1", &image).layers.remove(0);
    let plan = plan(home.path(), Some(&format!("{}/ns/base:v1", registry.host())));
    Setup { registry, home, plan, base_layer }
}

fn target(registry: &FakeRegistry) -> [Output; 1] {
    [Output::Registry(format!("{}/ns/target:v1", registry.host()).parse().unwrap())]
}

async fn push(setup: &Setup) -> Result<Digest, ImageError> {
    client().build(&setup.plan, &target(&setup.registry), &Silent).await
}

/// `METHOD path` of what was asked, without those that read and without what differs from run to run.
fn written(registry: &FakeRegistry) -> Vec<String> {
    let seen = registry.take_seen().into_iter().filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD"));
    seen.map(|seen| format!("{} {}", seen.method, seen.path)).collect()
}

fn status(status: u16) -> Action {
    Action::Status(status, Vec::new(), String::new())
}

#[tokio::test]
async fn the_tag_comes_last_and_nothing_is_sent_twice() {
    let setup = setup();
    let digest = push(&setup).await.unwrap();
    let (_, manifest) = setup.registry.manifest("ns/target", "v1").unwrap();
    assert_eq!(Digest::of(&manifest), digest);
    let seen = written(&setup.registry);
    assert_eq!(seen.iter().filter(|line| line.contains("mount=")).count(), 1, "{seen:?}");
    assert_eq!(seen.iter().filter(|line| line.starts_with("PUT") && line.contains("/uploads/")).count(), 2, "{seen:?}");
    assert_eq!(seen.last().unwrap(), "PUT /v2/ns/target/manifests/v1");
    // All is there: only the tag is written again.
    assert_eq!(push(&setup).await.unwrap(), digest);
    assert_eq!(written(&setup.registry), ["PUT /v2/ns/target/manifests/v1"]);
}

#[tokio::test]
async fn uploads_say_how_long_they_are() {
    let setup = setup();
    setup.registry.set_quirk(Quirk::NoMounts);
    push(&setup).await.unwrap();
    let seen = setup.registry.take_seen();
    let puts: Vec<_> = seen.iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(puts.len(), 4);
    for seen in seen.iter().filter(|seen| seen.method == "PUT" || seen.method == "POST") {
        assert_eq!(seen.length.as_deref().unwrap_or("none"), seen.size.to_string(), "{}", seen.path);
    }
}

#[tokio::test]
async fn the_children_of_a_list_come_before_it() {
    let mut setup = setup();
    push_list(&setup.registry);
    setup.plan.base = Some(format!("{}/ns/base:v1", setup.registry.host()).parse().unwrap());
    push(&setup).await.unwrap();
    let manifests: Vec<String> =
        written(&setup.registry).into_iter().filter(|line| line.contains("manifests")).collect();
    assert_eq!(manifests.len(), 3);
    assert!(
        manifests[..2].iter().all(|line| line.contains("sha256:")) && manifests[2].ends_with("/v1"),
        "{manifests:?}"
    );
}

#[tokio::test]
async fn registries_may_be_difficult() {
    for quirk in [Quirk::NoMounts, Quirk::NoWholeBlobs, Quirk::UploadsElsewhere] {
        let setup = setup();
        setup.registry.set_quirk(quirk);
        if quirk != Quirk::NoMounts {
            setup.registry.set_quirk(Quirk::NoMounts);
        }
        setup.registry.require(Require::Token);
        push(&setup).await.unwrap_or_else(|error| panic!("{quirk:?}: {error}"));
        assert!(setup.registry.has_blob("ns/target", &setup.base_layer), "{quirk:?}");
        let pieces = written(&setup.registry).iter().filter(|line| line.starts_with("PATCH")).count();
        assert_eq!(pieces, if quirk == Quirk::NoWholeBlobs { 6 } else { 0 }, "{quirk:?}");
    }
}

#[tokio::test]
async fn a_registry_without_oci_is_told_from_a_broken_one() {
    let mut setup = setup();
    setup.registry.set_quirk(Quirk::NoOci);
    let error = push(&setup).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("does not take manifests with OCI media types (the registry answered 400 Bad Request"),
        "{error}"
    );
    assert!(setup.registry.manifest("ns/target", "v1").is_none());
    setup.registry.push("ns/base", "v1", &TestImage { docker: true, ..base() });
    setup.plan.base = Some(format!("{}/ns/base:v1", setup.registry.host()).parse().unwrap());
    push(&setup).await.unwrap();
}

#[tokio::test]
async fn a_push_that_fails_leaves_the_tag_alone() {
    for (path, action, times, why) in [
        ("PUT /v2/ns/target/blobs/uploads", status(500), 99, "the registry failed: 500"),
        ("PUT /v2/ns/target/blobs/uploads", Action::HangUp(100_000), 99, "connection"),
        ("POST /v2/ns/target/blobs/uploads", status(403), 99, "access denied: found no credentials"),
        ("PUT /v2/ns/target/manifests", status(503), 99, "the registry failed: 503"),
        ("PUT /v2/ns/target/manifests", status(429), 99, "too many requests"),
        (
            "PUT /v2/ns/target/blobs/uploads",
            Action::Status(400, vec![], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#.into()),
            1,
            "DIGEST_INVALID",
        ),
    ] {
        let fresh = setup();
        fresh.registry.set_quirk(Quirk::NoMounts);
        let old = fresh.registry.push("ns/target", "v1", &base());
        fresh.registry.fail(path, times, action.clone());
        let error = push(&fresh).await.unwrap_err().to_string();
        assert!(
            error.contains(why) && error.starts_with(&target(&fresh.registry)[0].to_string()),
            "{path} {action:?}: {error}"
        );
        let (_, now) = fresh.registry.manifest("ns/target", "v1").unwrap();
        assert_eq!(Digest::of(&now), old, "{path} {action:?}");
    }
}

#[tokio::test]
async fn what_may_succeed_is_begun_again() {
    for (path, action) in [
        ("HEAD /v2/ns/target", status(502)),
        ("POST /v2/ns/target/blobs/uploads", status(503)),
        ("PUT /v2/ns/target/blobs/uploads", status(500)),
        ("PUT /v2/ns/target/blobs/uploads", Action::Status(429, vec![("retry-after", "0".into())], String::new())),
        ("PUT /v2/ns/target/blobs/uploads", status(404)),
        ("PUT /v2/ns/target/blobs/uploads", Action::HangUp(100_000)),
        ("PUT /v2/ns/target/manifests", status(500)),
        ("PATCH /v2/ns/target", status(500)),
    ] {
        let setup = setup();
        setup.registry.set_quirk(Quirk::NoMounts);
        if path.starts_with("PATCH") {
            setup.registry.set_quirk(Quirk::NoWholeBlobs);
        }
        setup.registry.fail(path, 2, action.clone());
        let heard = Heard::default();
        let built = client().build(&setup.plan, &target(&setup.registry), &heard).await;
        let digest = built.unwrap_or_else(|error| panic!("{path} {action:?}: {error}"));
        assert_eq!(heard.count("Retrying"), 2, "{path} {action:?}");
        assert_eq!(Digest::of(&setup.registry.manifest("ns/target", "v1").unwrap().1), digest);
    }
}

#[tokio::test]
async fn a_base_in_another_registry_is_carried_over() {
    let (setup, other) = (setup(), FakeRegistry::start());
    client().build(&setup.plan, &target(&other), &Silent).await.unwrap();
    assert!(other.has_blob("ns/target", &setup.base_layer));
    assert!(written(&other).iter().all(|line| !line.contains("mount=")));
    assert!(written(&setup.registry).is_empty());
    // A second time the layer is not even read.
    setup.registry.remove_blob("ns/base", &setup.base_layer);
    client().build(&setup.plan, &target(&other), &Silent).await.unwrap();
    let none = FakeRegistry::start();
    let error = client().build(&setup.plan, &target(&none), &Silent).await.unwrap_err();
    assert_eq!((error.layer(), none.manifest("ns/target", "v1")), (Some(&setup.base_layer), None));
    setup.registry.push_all("ns/base", "v1", &TestImage::new([Layer::plain([("big", "x".repeat(300_000))])]));
    setup.registry.fail(setup.base_layer.as_str(), 9, Action::Corrupt);
    let error = client().build(&setup.plan, &target(&none), &Silent).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Digest { .. }), "{error}");
    assert!(!none.has_blob("ns/target", &setup.base_layer));
}

#[tokio::test]
async fn tokens_are_for_writing_and_renewed_once() {
    let setup = setup();
    setup.registry.require(Require::Token);
    let client = client();
    client.build(&setup.plan, &target(&setup.registry), &Silent).await.unwrap();
    let seen = setup.registry.take_seen();
    assert!(
        seen.iter().any(|seen| seen.path.starts_with("/token") && seen.path.contains("ns%2Ftarget%3Apull%2Cpush")),
        "{seen:?}"
    );
    setup.registry.expire_tokens();
    client.build(&setup.plan, &target(&setup.registry), &Silent).await.unwrap();
    // In the middle: what is refused is asked once more, and sent again.
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"fake\"", setup.registry.host());
    for (n, path) in
        ["PUT /v2/ns/target/manifests", "PUT /v2/ns/target/blobs", "PATCH /v2/ns/target/blobs"].iter().enumerate()
    {
        if n == 2 {
            setup.registry.set_quirk(Quirk::NoWholeBlobs);
        }
        let refusal = Action::Status(401, vec![("www-authenticate", challenge.clone())], String::new());
        setup.registry.fail(*path, 1, refusal);
        let mut plan = setup.plan.clone();
        plan.change.labels.insert("n".to_owned(), n.to_string());
        client.build(&plan, &target(&setup.registry), &Silent).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let seen = setup.registry.take_seen();
        assert!(seen.iter().any(|seen| seen.path.starts_with("/token")), "{path}");
    }
}

#[tokio::test]
async fn who_may_not_write_is_told_before_anything_is_fetched() {
    let (setup, other) = (setup(), FakeRegistry::start());
    other.fail("POST /v2/ns/target/blobs", 99, status(403));
    let error = client().build(&setup.plan, &target(&other), &Silent).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Denied(_)), "{error}");
    assert!(setup.registry.take_seen().iter().all(|seen| !seen.path.contains(setup.base_layer.as_str())));
}

#[tokio::test]
async fn passwords_are_not_told() {
    let setup = setup();
    setup.registry.require(Require::Basic("user".into(), "right".into()));
    let file = setup.home.path().join("auth.json");
    let auth = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "user:wrong");
    std::fs::write(&file, serde_json::json!({"auths": {setup.registry.host(): {"auth": auth}}}).to_string()).unwrap();
    let client = Client::new(crate::Options { auth_file: Some(file), ..options() }, Environment::default()).unwrap();
    let heard = Heard::default();
    let mut scratch = setup.plan.clone();
    scratch.base = None;
    let error = client.build(&scratch, &target(&setup.registry), &heard).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unauthorized(_)) && error.to_string().contains("may not write to"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("wrong") && !format!("{error:?}").contains(&auth));
    assert_eq!(heard.count("Retrying"), 0);
}

#[tokio::test]
async fn pushes_work_over_http_2() {
    let registry = FakeRegistry::start_tls();
    let home = tempfile::tempdir().unwrap();
    let from = home.path().join("noise");
    let noise: Vec<u8> = (0..3_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    std::fs::write(&from, noise).unwrap();
    let mut plan = plan(home.path(), None);
    plan.contents.file("noise", from, false).unwrap();
    let client = Client::new(crate::Options { tls: Tls::SkipVerify, ..options() }, Environment::default()).unwrap();
    client.build(&plan, &target(&registry), &Silent).await.unwrap();
    assert!(registry.take_seen().iter().all(|seen| seen.version == "HTTP/2.0"));
}

#[tokio::test]
async fn a_build_that_is_dropped_leaves_nothing() {
    let setup = setup();
    setup.registry.set_quirk(Quirk::NoMounts);
    let temp = tempfile::tempdir().unwrap();
    let environment = Environment { temp_dir: Some(temp.path().to_owned()), ..Environment::default() };
    let client = Client::new(options(), environment).unwrap();
    setup.registry.fail("PUT /v2/ns/target/blobs", 9, Action::Delay(Duration::from_mins(1)));
    let outputs = target(&setup.registry);
    {
        let build = client.build(&setup.plan, &outputs, &Silent);
        let seen = async {
            while !setup.registry.take_seen().iter().any(|seen| seen.method == "PUT") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! { _ = build => panic!("it ended"), () = seen => {} }
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    assert!(setup.registry.manifest("ns/target", "v1").is_none());
}

/// What was cut off on its way goes on in pieces, and what the registry has of it is not sent again.
#[tokio::test]
async fn a_large_upload_goes_on_where_it_was_cut_off() {
    let setup = setup();
    setup.registry.set_quirk(Quirk::NoMounts);
    // The large blob at once, and then pieces of it.
    setup.registry.fail(format!("digest=sha256%3A{}", setup.base_layer.hex()), 1, Action::HangUp(10));
    setup.registry.fail("PATCH ", 2, Action::HangUp(10));
    push(&setup).await.unwrap();
    assert!(setup.registry.has_blob("ns/target", &setup.base_layer));
    let seen = setup.registry.take_seen();
    let pieces: Vec<usize> = seen.iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.size).collect();
    let size = seen.iter().filter(|seen| seen.method == "PUT").map(|seen| seen.size).max().unwrap();
    let arrived: usize = pieces.iter().filter(|size| **size > 10).sum();
    assert!(size < 100_000 && arrived > 300_000 && arrived < 310_000, "{pieces:?}");
}
