//! Questions to what is no image registry.

use std::time::{Duration, Instant};

use super::{client, options};
use crate::testing::{Action, FakeRegistry};
use crate::{Client, Environment, ErrorKind, Get, Silent, Tls};

async fn get(client: &Client, url: &str, by_content: bool) -> Result<String, ErrorKind> {
    let get =
        Get { url, accept: "text/x", authorization: Some("basic x"), limit: 100, addressed_by_content: by_content };
    match client.get(&get, &Silent).await {
        Ok(answer) => Ok(String::from_utf8(answer.to_vec()).unwrap()),
        Err(error) => Err(match error.kind() {
            ErrorKind::NotFound(text) => ErrorKind::NotFound(text.clone()),
            ErrorKind::Unauthorized(text) => ErrorKind::Unauthorized(text.clone()),
            ErrorKind::Limit { what, limit } => ErrorKind::Limit { what, limit: *limit },
            _ => ErrorKind::Protocol(error.to_string()),
        }),
    }
}

#[tokio::test]
async fn answers_and_refusals() {
    let service = FakeRegistry::start();
    let url = |path: &str| format!("http://{}/{path}", service.host());
    service.put_page("/a?b=c", Some("basic x"), "answer");
    service.put_page("/private", Some("basic y"), "answer");
    service.put_page("/long", None, "x".repeat(101));
    let client = client();
    assert_eq!(get(&client, &url("a?b=c"), false).await.unwrap(), "answer");
    assert_eq!(service.take_seen()[0].authorization.as_deref(), Some("basic x"));
    assert!(matches!(get(&client, &url("none"), false).await, Err(ErrorKind::NotFound(_))));
    assert!(
        matches!(get(&client, &url("private"), false).await, Err(ErrorKind::Unauthorized(why)) if why == "who are you?")
    );
    assert!(matches!(get(&client, &url("long"), false).await, Err(ErrorKind::Limit { limit: 100, .. })));
    let asked = service.take_seen().len();
    assert_eq!(asked, 3, "what cannot succeed is asked once");
    for action in [
        Action::Status(503, Vec::new(), String::new()),
        Action::Status(429, vec![("retry-after", "0".to_owned())], String::new()),
        Action::HangUp(0),
        Action::Cut(2),
    ] {
        service.fail("/a", 2, action);
        assert_eq!(get(&client, &url("a?b=c"), false).await.unwrap(), "answer");
    }
    for url in ["nowhere", "ftp://x/"] {
        let error = get(&client, url, false).await.unwrap_err().to_string();
        assert!(error.contains(url), "{error}");
    }
}

#[tokio::test]
async fn who_wants_quiet_has_it() {
    let service = FakeRegistry::start();
    let url = format!("http://{}/a", service.host());
    service.put_page("/a", None, "answer");
    service.fail("/a", 1, Action::Status(429, vec![("retry-after", "9".to_owned())], String::new()));
    let mut options = options();
    options.retries.longest_wait = Duration::from_millis(300);
    let client = Client::new(options, Environment::default()).unwrap();
    let begun = Instant::now();
    assert!(get(&client, &url, false).await.is_err(), "nobody waits for so long");
    assert_eq!(get(&client, &url, false).await.unwrap(), "answer");
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn redirects_are_followed_without_what_authorizes() {
    let (here, there) = (FakeRegistry::start_tls(), FakeRegistry::start());
    there.put_page("/page", None, "answer");
    here.put_page("/here", Some("basic x"), "answer");
    let client = Client::new(crate::Options { tls: Tls::SkipVerify, ..options() }, Environment::default()).unwrap();
    let url = format!("https://{}/a", here.host());
    here.fail("/a", 1, Action::Redirect("/here".to_owned()));
    assert_eq!(get(&client, &url, false).await.unwrap(), "answer");
    let plain = Action::Redirect(format!("http://{}/page", there.host()));
    here.fail("/a", 1, plain.clone());
    let error = get(&client, &url, false).await.unwrap_err().to_string();
    assert!(error.contains("without encryption"), "{error}");
    assert!(there.take_seen().is_empty());
    here.fail("/a", 1, plain);
    assert_eq!(get(&client, &url, true).await.unwrap(), "answer");
    assert_eq!(there.take_seen()[0].authorization, None);
    here.fail("/a", 100, Action::Redirect("/a".to_owned()));
    let error = get(&client, &url, true).await.unwrap_err().to_string();
    assert!(error.contains("more than 10 redirects"), "{error}");
}
