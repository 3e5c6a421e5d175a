//! Images for several platforms.

use serde_json::{Value, json};

use super::{client, options, resolve};
use crate::testing::{FakeRegistry, Layer, TestImage};
use crate::{Client, Environment, Platform};

fn image(platform: &str) -> TestImage {
    TestImage::new([Layer::gzip([("platform", platform)])]).platform(platform).label("platform", platform)
}

fn client_for(platform: &str) -> Client {
    let mut options = options();
    options.platform = Some(platform.parse().unwrap());
    Client::new(options, Environment::default()).unwrap()
}

/// Pushes images and an index of them; answers its descriptor.
fn push(registry: &FakeRegistry, tag: &str, platforms: &[&str], more: &[Value]) -> Value {
    let mut entries = Vec::new();
    for platform in platforms {
        registry.push("ns/name", "x", &image(platform));
        entries.push(image(platform).entry());
    }
    entries.extend_from_slice(more);
    registry.push_index("ns/name", tag, &entries)
}

async fn chosen(registry: &FakeRegistry, client: &Client, tag: &str) -> Result<String, String> {
    match resolve(client, &format!("{}/ns/name:{tag}", registry.host())).await {
        Ok(image) => Ok(image.labels()["platform"].clone()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn the_best_child_is_taken_and_no_other_is_read() {
    let registry = FakeRegistry::start();
    let host = Platform::host().to_string();
    let list = push(&registry, "v1", &["windows/amd64", "linux/s390x", "linux/amd64", &host], &[]);
    assert_eq!(chosen(&registry, &client(), "v1").await, Ok(host));
    // The index, the child, its configuration.
    assert_eq!(registry.take_seen().len(), 3);
    assert_eq!(chosen(&registry, &client_for("linux/s390x"), "v1").await, Ok("linux/s390x".to_owned()));
    let found = resolve(&client(), &format!("{}/ns/name:v1", registry.host())).await.unwrap();
    assert_eq!(found.index_digest().map(ToString::to_string), list["digest"].as_str().map(str::to_owned));
    let error = chosen(&registry, &client_for("linux/riscv64"), "v1").await.unwrap_err();
    assert!(error.contains("no image for linux/riscv64; on offer: linux/amd64, "), "{error}");
    assert!(error.ends_with("linux/s390x, windows/amd64"), "{error}");
}

#[tokio::test]
async fn amd64_serves_hosts_that_are_not_offered() {
    let registry = FakeRegistry::start();
    push(&registry, "v1", &["linux/s390x", "linux/amd64"], &[]);
    let found = chosen(&registry, &client(), "v1").await;
    if Platform::host().architecture != "s390x" {
        assert_eq!(found, Ok("linux/amd64".to_owned()));
    }
}

#[tokio::test]
async fn entries_without_platform_and_attestations_never_serve() {
    let registry = FakeRegistry::start();
    let mut bare = image("linux/amd64").entry();
    bare.as_object_mut().unwrap().remove("platform");
    let mut attestation = image("linux/amd64").entry();
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    push(&registry, "v1", &[], &[bare.clone(), attestation.clone()]);
    let error = chosen(&registry, &client_for("linux/amd64"), "v1").await.unwrap_err();
    assert!(error.ends_with("no image for linux/amd64; on offer: nothing that names its platform"), "{error}");
    push(&registry, "v2", &["linux/amd64"], &[bare, attestation]);
    assert_eq!(chosen(&registry, &client_for("linux/amd64"), "v2").await, Ok("linux/amd64".to_owned()));
}

#[tokio::test]
async fn what_is_no_list_is_taken_as_it_is() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image("windows/arm"));
    assert_eq!(chosen(&registry, &client_for("linux/amd64"), "v1").await, Ok("windows/arm".to_owned()));
}

#[tokio::test]
async fn indexes_in_indexes() {
    let registry = FakeRegistry::start();
    let inner = push(&registry, "inner", &["linux/s390x"], &[]);
    let other = push(&registry, "other", &["linux/ppc64le"], &[]);
    push(&registry, "v1", &["linux/amd64"], &[inner.clone(), other.clone()]);
    for platform in ["linux/amd64", "linux/s390x", "linux/ppc64le"] {
        assert_eq!(chosen(&registry, &client_for(platform), "v1").await, Ok(platform.to_owned()));
    }
    let error = chosen(&registry, &client_for("linux/arm"), "v1").await.unwrap_err();
    assert!(error.ends_with("on offer: linux/amd64, linux/ppc64le, linux/s390x"), "{error}");
    // An entry for a platform may be an index too.
    let mut named = inner.clone();
    named["platform"] = json!({"os": "linux", "architecture": "s390x"});
    push(&registry, "v2", &[], &[other, named]);
    registry.take_seen();
    assert_eq!(chosen(&registry, &client_for("linux/s390x"), "v2").await, Ok("linux/s390x".to_owned()));
    assert_eq!(registry.take_seen().len(), 4);
    // Three deep is fine, four is not.
    let third = push(&registry, "third", &[], &[inner]);
    push(&registry, "v3", &[], std::slice::from_ref(&third));
    assert_eq!(chosen(&registry, &client_for("linux/s390x"), "v3").await, Ok("linux/s390x".to_owned()));
    let fourth = push(&registry, "fourth", &[], &[third]);
    push(&registry, "v4", &[], &[fourth]);
    let error = chosen(&registry, &client_for("linux/s390x"), "v4").await.unwrap_err();
    assert!(error.contains("the depth of indexes in indexes exceeds the limit of 3"), "{error}");
    // And breadth ends too.
    let many: Vec<Value> = (0..40)
        .map(|n| registry.push_index("ns/name", "x", &[json!({"mediaType": "x", "size": n, "digest": ""})]))
        .collect();
    push(&registry, "v5", &[], &many);
    let error = chosen(&registry, &client_for("linux/s390x"), "v5").await.unwrap_err();
    assert!(error.contains("the number of indexes in an index exceeds the limit"), "{error}");
}

#[tokio::test]
async fn children_are_checked() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "x", &image("linux/amd64"));
    let mut entry = image("linux/amd64").entry();
    entry["size"] = 1.into();
    registry.push_index("ns/name", "v1", &[entry]);
    let error = chosen(&registry, &client(), "v1").await.unwrap_err();
    assert!(error.contains("wrong size of the manifest: expected 1 bytes"), "{error}");
    let mut index = image("linux/amd64").entry();
    index["mediaType"] = "application/vnd.oci.image.index.v1+json".into();
    registry.push_index("ns/name", "v2", &[index]);
    let error = chosen(&registry, &client(), "v2").await.unwrap_err();
    assert!(error.contains("an index calls an image an index"), "{error}");
}
