//! Every way in which a registry says "not now", wherever it may say it; and every way in which it answers a wish for the rest of
//! a blob.

use std::time::{Duration, SystemTime};

use super::{Heard, client, options};
use crate::mirror::{Place, Settings, Task};
use crate::testing::{Action, Chance, FakeRegistry, Harm, Layer, Proxy, Pushed, Quirk, Require, TestImage};
use crate::{Client, Environment, ErrorKind, ImageError};

/// What is said, with a name for it.
fn complaints() -> Vec<(&'static str, Action)> {
    let headers = |value: &str| vec![("retry-after", value.to_owned())];
    let words = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"toomanyrequests: slow down"}]}"#;
    let soon = httpdate::fmt_http_date(SystemTime::now());
    let status = |name, status| (name, Action::Status(status, Vec::new(), "<html>".to_owned()));
    vec![
        ("429, seconds", Action::Status(429, headers("0"), String::new())),
        ("429, date", Action::Status(429, headers(&soon), String::new())),
        ("429, past date", Action::Status(429, headers("Sun, 06 Nov 1994 08:49:37 GMT"), String::new())),
        ("429, nonsense", Action::Status(429, headers("soon"), String::new())),
        ("429, nothing", Action::Status(429, Vec::new(), String::new())),
        ("429, body", Action::Status(429, Vec::new(), words.to_owned())),
        ("503, seconds", Action::Status(503, headers("0"), String::new())),
        status("500", 500),
        status("502", 502),
        status("503", 503),
        status("504", 504),
    ]
}

fn layer() -> Vec<u8> {
    Chance::new(1).bytes(300_000)
}

fn image() -> TestImage {
    TestImage::new([Layer::raw(layer())])
}

struct Setup {
    from: FakeRegistry,
    to: FakeRegistry,
    pushed: Pushed,
}

fn setup() -> Setup {
    let (from, to) = (FakeRegistry::start(), FakeRegistry::start());
    let pushed = from.push_all("ns/a", "v1", &image());
    Setup { from, to, pushed }
}

/// Copies `ns/a:v1` to `m/a:v1`; what was tried again is in the second value.
async fn mirror(client: &Client, from: &str, to: &str) -> (Result<(), ImageError>, Heard) {
    let task = Task {
        from: format!("{from}/ns/a:v1").parse().unwrap(),
        to: Place::Registry(format!("{to}/m/a:v1").parse().unwrap()),
        known: None,
    };
    let heard = Heard::default();
    // Signatures are looked for beside the image, which would be complained about, too.
    let settings = Settings { signatures: false, ..Settings::default() };
    let outcome = client.mirror(&[task], &settings, &heard).await;
    (outcome.images.into_iter().next().unwrap().map(|_| ()), heard)
}

#[tokio::test]
async fn complaints_are_heeded_wherever_they_come() {
    let from = ["GET /v2/ns/a/manifests/v1", "GET /v2/ns/a/blobs/", "/token"];
    let to = [
        "HEAD /v2/m/a/manifests/v1",
        "HEAD /v2/m/a/blobs/",
        "POST /v2/m/a/blobs/uploads/",
        "PUT /v2/m/a/blobs/uploads/",
        "PATCH /v2/m/a/blobs/uploads/",
        "PUT /v2/m/a/manifests/v1",
        "/token",
    ];
    let places = from.iter().map(|path| (true, path)).chain(to.iter().map(|path| (false, path)));
    for ((at_source, path), (name, complaint)) in
        places.flat_map(|place| complaints().into_iter().map(move |complaint| (place, complaint)))
    {
        let setup = setup();
        let registry = if at_source { &setup.from } else { &setup.to };
        if *path == "/token" {
            registry.require(Require::Token);
        }
        if path.starts_with("PATCH") {
            registry.set_quirk(Quirk::NoWholeBlobs);
        }
        registry.fail(*path, 2, complaint);
        let (ended, heard) = mirror(&client(), setup.from.host(), setup.to.host()).await;
        ended.unwrap_or_else(|error| panic!("{path}, {name}: {error}"));
        // An upload that cannot begin ahead begins later, which is no second attempt.
        let least = usize::from(!path.starts_with("POST"));
        assert!((least..=2).contains(&heard.count("Retrying")), "{path}, {name}: {:?}", heard.0.lock().unwrap());
        assert!(setup.to.has_blob("m/a", &setup.pushed.layers[0]), "{path}, {name}");
    }
}

#[tokio::test]
async fn a_date_is_waited_for() {
    let setup = setup();
    let until = SystemTime::now() + Duration::from_secs(2);
    let date = httpdate::fmt_http_date(until);
    setup.to.fail(
        "HEAD /v2/m/a/manifests/v1",
        1,
        Action::Status(429, vec![("retry-after", date.clone())], String::new()),
    );
    let (ended, heard) = mirror(&client(), setup.from.host(), setup.to.host()).await;
    ended.unwrap();
    assert!(SystemTime::now() >= httpdate::parse_http_date(&date).unwrap());
    assert_eq!(heard.count("Retrying"), 1);
}

#[tokio::test]
async fn a_blob_goes_on_where_it_was_cut() {
    let begun = 100_000;
    let away = Action::Status(416, Vec::new(), r#"{"errors":[{"code":"RANGE_INVALID"}]}"#.to_owned());
    let broken = Action::Status(503, Vec::new(), String::new());
    let rest = Some(format!("bytes={begun}-"));
    let cases = [
        ("ranges", vec![], vec![None, rest.clone()]),
        ("no ranges", vec![Action::IgnoreRange], vec![None, rest.clone()]),
        ("broken, then ranges", vec![broken], vec![None, rest.clone(), rest.clone()]),
        ("cut again", vec![Action::Cut(70_000)], vec![None, rest.clone(), Some("bytes=170000-".to_owned())]),
        ("no such range", vec![away], vec![None, rest, None]),
    ];
    for (name, then, ranges) in cases {
        let setup = setup();
        let blob = &setup.pushed.layers[0];
        setup.from.fail(format!("GET /v2/ns/a/blobs/{blob}"), 1, Action::Cut(begun));
        for action in then {
            setup.from.fail(format!("GET /v2/ns/a/blobs/{blob}"), 1, action);
        }
        let (ended, _) = mirror(&client(), setup.from.host(), setup.to.host()).await;
        ended.unwrap_or_else(|error| panic!("{name}: {error}"));
        let seen = setup.from.take_seen();
        let asked: Vec<_> =
            seen.into_iter().filter(|seen| seen.path.contains(blob.as_str())).map(|seen| seen.range).collect();
        assert_eq!(asked, ranges, "{name}");
        assert!(setup.to.has_blob("m/a", blob), "{name}");
    }
}

#[tokio::test]
async fn a_registry_that_stops_in_the_middle_is_not_waited_for_for_ever() {
    let mut short = options();
    (short.retries.idle_timeout, short.retries.attempts) = (Duration::from_millis(40), 2);
    let client = Client::new(short, Environment::default()).unwrap();
    let delayed = async |path: &str| {
        let setup = setup();
        setup.to.fail(path, 99, Action::Delay(Duration::from_mins(1)));
        mirror(&client, setup.from.host(), setup.to.host()).await.0
    };
    let error = delayed("POST /v2/m/a/blobs/").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    // What arrived is not sent again because its answer is late.
    delayed("PUT /v2/m/a/blobs/").await.unwrap();
}

/// The proxy itself: what it says it did is what happened.
#[tokio::test]
async fn the_proxy_counts_what_it_passes_on_and_harms_as_often_as_told() {
    let setup = setup();
    let (from, to) = (Proxy::start(setup.from.host(), 1), Proxy::start(setup.to.host(), 2));
    mirror(&client(), from.host(), to.host()).await.0.unwrap();
    let traffic = to.take_traffic();
    assert_eq!((traffic.sent_bytes(), traffic.unfinished), (300_000 + image().config().len() as u64, 0));
    assert_eq!(traffic.sent[setup.pushed.layers[0].as_str()], 300_000);
    assert_eq!((traffic.writes(), traffic.harmed.len()), (5, 0));
    let seen = setup.to.take_seen();
    assert_eq!(traffic.requests.values().sum::<u64>(), seen.len() as u64);
    assert_eq!(setup.to.manifest("m/a", "v1"), setup.from.manifest("ns/a", "v1"));

    // Everything is harmed, as often as allowed, until all kinds of harm have come.
    let mut kinds = std::collections::BTreeSet::new();
    for round in 0..200 {
        let fresh = FakeRegistry::start();
        let to = Proxy::start(fresh.host(), round);
        to.harm(1, 3);
        let _may_fail = mirror(&client(), from.host(), to.host()).await;
        let harmed = to.take_traffic().harmed;
        assert!(harmed.values().sum::<u64>() <= 3);
        kinds.extend(harmed.into_keys());
        if kinds.len() == Harm::ALL.len() {
            return;
        }
    }
    panic!("only {kinds:?}");
}
