//! Pulling from where `registries.conf` says, and not at all where a policy forbids it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{expect, options, resolve};
use crate::testing::{Action, FakeRegistry, Layer, Require, TestImage};
use crate::{Client, Environment, ErrorKind, Image, ImageError, Keep, Options, Silent, Tls};

/// An environment with this `registries.conf`.
fn environment(home: &Path, registries: &str) -> Environment {
    let path = home.join("registries.conf");
    std::fs::write(&path, registries).unwrap();
    Environment { containers_registries_conf: Some(path), home: Some(home.to_owned()), ..Environment::default() }
}

/// Looks an image up with this `registries.conf`.
async fn look(options: Options, registries: &str, name: &str) -> Result<(Client, Image), ImageError> {
    let home = tempfile::tempdir().unwrap();
    let client = Client::new(options, environment(home.path(), registries)).unwrap();
    resolve(&client, name).await.map(|image| (client, image))
}

fn image(content: &str) -> TestImage {
    TestImage::new([Layer::gzip([("a", content)])])
}

/// Mirrors of `registry.example`, and that itself, which is nowhere.
fn mirrors(mirrors: &[&str]) -> String {
    let mirrors = mirrors.iter().map(|mirror| format!("[[registry.mirror]]\nlocation = \"{mirror}\"\n"));
    format!("[[registry]]\nlocation = \"127.0.0.1:1\"\nprefix = \"registry.example\"\n{}", mirrors.collect::<String>())
}

const NAME: &str = "registry.example/ns/name:v1";

#[tokio::test]
async fn the_first_place_that_has_it_serves_it() {
    let (first, second) = (FakeRegistry::start(), FakeRegistry::start());
    second.push("ns/name", "v1", &image("second"));
    let settings = mirrors(&["127.0.0.1:1", first.host(), second.host()]);
    let (client, found) = look(options(), &settings, NAME).await.unwrap();
    assert_eq!(found.source().to_string(), NAME);
    assert_eq!(first.take_seen().len(), 1);
    let home = tempfile::tempdir().unwrap();
    let unpacked = client.unpack(&found, &home.path().join("into"), &Keep::everything(), &Silent).await.unwrap();
    expect(unpacked.root(), &[("a", "second")]);
    // Manifest, configuration and layer; nothing more is asked of the others.
    assert_eq!((first.take_seen().len(), second.take_seen().len()), (0, 3));
    first.push("ns/name", "v1", &image("first"));
    look(options(), &settings, NAME).await.unwrap();
    assert_eq!((first.take_seen().len(), second.take_seen().len()), (2, 0));
}

#[tokio::test]
async fn what_all_places_said_is_told() {
    let (first, second) = (FakeRegistry::start(), FakeRegistry::start());
    second.require(Require::Basic("user".into(), "secret".into()));
    let settings = mirrors(&[first.host(), &format!("{}/sub", second.host())]);
    let mut once = options();
    once.retries.attempts = 1;
    let error = look(once, &settings, NAME).await.unwrap_err();
    let ErrorKind::Everywhere(failures) = error.kind() else { panic!("{error}") };
    let places: Vec<&str> = failures.iter().map(|(place, _)| place.as_str()).collect();
    let expected = [
        format!("{}/ns/name:v1", first.host()),
        format!("{}/sub/ns/name:v1", second.host()),
        "127.0.0.1:1/ns/name:v1".into(),
    ];
    assert_eq!(places, expected);
    let text = error.to_string();
    assert!(text.starts_with(&format!("{NAME}: cannot be read from any of 3 places: ")), "{text}");
    for part in ["not found: the registry has no such tag", "unauthorized: ", "cannot connect to 127.0.0.1:1"] {
        assert!(text.contains(part), "{text}");
    }
    // One place that is called otherwise is named as well.
    let settings = format!("[[registry]]\nprefix=\"registry.example\"\nlocation=\"{}\"", first.host());
    let text = look(options(), &settings, NAME).await.unwrap_err().to_string();
    assert_eq!(text, format!("{NAME}: {}/ns/name:v1: not found: the registry has no such tag", first.host()));
}

#[tokio::test]
async fn only_what_may_succeed_is_asked_again() {
    let (first, second) = (FakeRegistry::start(), FakeRegistry::start());
    second.push("ns/name", "v1", &image("second"));
    second.fail("/manifests/v1", 2, Action::Status(503, vec![], String::new()));
    look(options(), &mirrors(&[first.host(), second.host()]), NAME).await.unwrap();
    // The first has no such tag, and is not asked for it again; the configuration is the fourth.
    assert_eq!((first.take_seen().len(), second.take_seen().len()), (1, 4));
    // A place that lies is passed over.
    first.push("ns/name", "v1", &image("first"));
    first.fail("/manifests/", 1, Action::Corrupt);
    let (_, found) = look(options(), &mirrors(&[first.host(), second.host()]), NAME).await.unwrap();
    assert_eq!((first.take_seen().len(), second.take_seen().len()), (1, 2));
    assert_eq!(found.source().to_string(), NAME);
}

#[tokio::test]
async fn credentials_are_those_of_the_place() {
    let registry = FakeRegistry::start();
    registry.push("mirror/ns/name", "v1", &image("1"));
    registry.require(Require::Basic("right".into(), "secret".into()));
    let home = tempfile::tempdir().unwrap();
    let place = format!("{}/mirror", registry.host());
    let mut environment = environment(home.path(), &mirrors(&[&place]));
    let auth = |user: &str| STANDARD.encode(format!("{user}:secret"));
    let file = home.path().join("auth.json");
    let text = format!(
        r#"{{"auths":{{"registry.example":{{"auth":"{}"}},"{place}":{{"auth":"{}"}}}}}}"#,
        auth("wrong"),
        auth("right")
    );
    std::fs::write(&file, text).unwrap();
    environment.registry_auth_file = Some(file);
    resolve(&Client::new(options(), environment).unwrap(), NAME).await.unwrap();
}

#[tokio::test]
async fn insecure_is_unverified_and_then_unencrypted() {
    let (plain, secure) = (FakeRegistry::start(), FakeRegistry::start_tls());
    for registry in [&plain, &secure] {
        registry.push("ns/name", "v1", &image("1"));
        let name = format!("{}/ns/name:v1", registry.host());
        let settings =
            |insecure: bool| format!("[[registry]]\nlocation = \"{}\"\ninsecure = {insecure}\n", registry.host());
        let verify = || Options { tls: Tls::Verify, ..options() };
        let error = look(verify(), &settings(false), &name).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Tls { .. }), "{error}");
        for tls in [Tls::Verify, Tls::SkipVerify] {
            let (client, found) = look(Options { tls, ..options() }, &settings(true), &name).await.unwrap();
            let home = tempfile::tempdir().unwrap();
            client.unpack(&found, &home.path().join("into"), &Keep::everything(), &Silent).await.unwrap();
        }
        // What is not there by HTTPS is not looked for by HTTP.
        let absent = format!("{}/ns/absent:v1", registry.host());
        let error = look(verify(), &settings(true), &absent).await.unwrap_err();
        assert!(error.to_string().contains("not found"), "{error}");
    }
    let nowhere = "[[registry]]\nlocation = \"127.0.0.1:1\"\ninsecure = true\n";
    let mut once = Options { tls: Tls::Verify, ..options() };
    once.retries.attempts = 1;
    let text = look(once, nowhere, "127.0.0.1:1/x:1").await.unwrap_err().to_string();
    assert!(text.contains("2 places: 127.0.0.1:1/x:1: cannot connect to"), "{text}");
    assert!(text.contains("; 127.0.0.1:1/x:1 without encryption: cannot connect to"), "{text}");
    let absent = format!("{}/ns/absent:v1", secure.host());
    secure.take_seen();
    let settings = format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", secure.host());
    let error = look(Options { tls: Tls::Verify, ..options() }, &settings, &absent).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound(_)), "{error}");
    assert_eq!(secure.take_seen().len(), 1);
}

#[tokio::test]
async fn short_names_are_made_full() {
    let registry = FakeRegistry::start();
    registry.push("team/etcd", "v1", &image("1"));
    let settings = format!("[aliases]\netcd = \"{}/team/etcd\"\n", registry.host());
    look(options(), &settings, "etcd:v1").await.unwrap();
    let text = look(options(), &settings, "etcd:v2").await.unwrap_err().to_string();
    let place = format!("{}/team/etcd:v2", registry.host());
    assert_eq!(text, format!("docker.io/library/etcd:v2: {place}: not found: the registry has no such tag"));
    let settings = format!("unqualified-search-registries = [\"{}\"]\n", registry.host());
    look(options(), &settings, "team/etcd:v1").await.unwrap();
}

#[tokio::test]
async fn blocked_and_broken_are_errors_before_any_request() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image("1"));
    let name = format!("{}/ns/name:v1", registry.host());
    let blocked = format!("[[registry]]\nlocation = \"{}/ns\"\nblocked = true\n", registry.host());
    let error = look(options(), &blocked, &name).await.unwrap_err().to_string();
    assert!(error.contains(&format!("the registry `{}/ns` is blocked in /", registry.host())), "{error}");
    let error = look(options(), "\n[[registry", &name).await.unwrap_err().to_string();
    assert!(error.contains("registries.conf, line 2: "), "{error}");
    assert!(registry.take_seen().is_empty());
}

#[tokio::test]
async fn policy_is_of_the_name_and_not_of_the_place() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &image("1"));
    let home = tempfile::tempdir().unwrap();
    let environment = environment(home.path(), &mirrors(&[registry.host()]));
    let file = home.path().join(".config/containers/policy.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let policy = |accepted: &str| {
        let text = format!(
            r#"{{"default":[{{"type":"reject"}}],"transports":{{"docker":{{"{accepted}":[{{"type":"insecureAcceptAnything"}}]}}}}}}"#
        );
        std::fs::write(&file, text).unwrap();
        Client::new(options(), environment.clone()).unwrap()
    };
    resolve(&policy("registry.example/ns"), NAME).await.unwrap();
    registry.take_seen();
    let error = resolve(&policy(registry.host()), NAME).await.unwrap_err();
    let expected =
        format!("{NAME}: Source image rejected: {NAME} is rejected by policy: default in {} says so", file.display());
    assert_eq!(error.to_string(), expected);
    assert!(registry.take_seen().is_empty());
    // Other sources as well, before they are looked at.
    let error = resolve(&policy("registry.example"), "oci:/no-such-directory").await.unwrap_err().to_string();
    assert!(error.contains("Source image rejected"), "{error}");
}
