//! Secure connections, and what is said when there is none.

use super::{expect, options, pull, resolve};
use crate::testing::{FakeRegistry, Layer, TestImage};
use crate::{Client, Environment, ErrorKind, Options, Tls};

fn push(registry: &FakeRegistry) -> String {
    registry.push("ns/name", "v1", &TestImage::new([Layer::gzip([("a", "1")])]));
    format!("{}/ns/name:v1", registry.host())
}

fn with(tls: Tls) -> Options {
    Options { tls, ..options() }
}

async fn attempt(options: Options, name: &str) -> Result<(), String> {
    let client = Client::new(options, Environment::default()).unwrap();
    resolve(&client, name).await.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_unknown_authority_is_refused_unless_trusted_or_ignored() {
    let registry = FakeRegistry::start_tls();
    let name = push(&registry);
    let error = attempt(with(Tls::Verify), &name).await.unwrap_err();
    assert!(
        error.contains("no secure connection") && error.contains("--ca-file") && error.contains("--skip-tls-verify"),
        "{error}"
    );
    // Nobody was asked twice.
    assert!(registry.take_seen().is_empty());
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, registry.certificate().unwrap()).unwrap();
    attempt(Options { ca_file: Some(ca_file), ..with(Tls::Verify) }, &name).await.unwrap();
    attempt(with(Tls::SkipVerify), &name).await.unwrap();
}

#[tokio::test]
async fn http_2_is_used_where_it_is_offered() {
    let registry = FakeRegistry::start_tls();
    let layer = Layer::plain([("a", "x".repeat(500_000))]);
    let layer = registry.push_all("ns/name", "v1", &TestImage::new([layer])).layers[0].clone();
    registry.fail(layer.as_str(), 1, crate::testing::Action::Cut(100_000));
    let client = Client::new(with(Tls::SkipVerify), Environment::default()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let unpacked = pull(&client, &registry, home.path()).await.unwrap();
    expect(unpacked.root(), &[("a", &"x".repeat(500_000))]);
    let seen = registry.take_seen();
    assert!(seen.iter().all(|seen| seen.version == "HTTP/2.0"), "{seen:?}");
    assert!(seen.len() == 4 && seen[3].range.is_some(), "{seen:?}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let registry = FakeRegistry::start_tls_for("registry.example");
    let name = push(&registry);
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, registry.certificate().unwrap()).unwrap();
    let error = attempt(Options { ca_file: Some(ca_file), ..with(Tls::Verify) }, &name).await.unwrap_err();
    assert!(error.contains("its certificate is for another host"), "{error}");
    attempt(with(Tls::SkipVerify), &name).await.unwrap();
}

#[tokio::test]
async fn plain_http_is_never_assumed() {
    let name = push(&PLAIN);
    for tls in [Tls::Verify, Tls::SkipVerify] {
        let error = attempt(with(tls), &name).await.unwrap_err();
        assert!(error.contains("server gave HTTP response to HTTPS client; use --use-http"), "{error}");
    }
    assert!(PLAIN.take_seen().is_empty());
    // Nor HTTPS.
    let registry = FakeRegistry::start_tls();
    let mut once = with(Tls::PlainHttp);
    once.retries.attempts = 1;
    attempt(once, &push(&registry)).await.unwrap_err();
    assert!(registry.take_seen().is_empty());
}

static PLAIN: std::sync::LazyLock<FakeRegistry> = std::sync::LazyLock::new(FakeRegistry::start);

#[test]
fn unusable_files_are_named() {
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for (path, expected) in [(empty, "no certificate in PEM format"), (home.path().join("missing.pem"), "No such file")]
    {
        let options = Options { ca_file: Some(path.clone()), ..with(Tls::Verify) };
        let error = Client::new(options, Environment::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::CaFile { .. }));
        assert!(error.to_string().starts_with(&format!("certificates in {}: ", path.display())), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
