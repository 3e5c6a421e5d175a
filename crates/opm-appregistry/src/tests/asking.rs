//! Questions and answers, without a network.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{AppRegistryError, Client, Content, Fault, Fetch, Organisation, Request, Token};

/// Answers by address; what it does not know is a 404, and what is private a 401.
#[derive(Default)]
struct Known {
    answers: BTreeMap<String, Vec<u8>>,
    private: bool,
}

impl Fetch for Known {
    async fn get(&self, request: Request<'_>) -> Result<Bytes, Fault> {
        if self.private && request.token.is_none_or(|token| token.header() != "basic right") {
            return Err(Fault::Unauthorized("no".into()));
        }
        match self.answers.get(request.url) {
            Some(answer) if answer.len() as u64 > request.limit => Err(Fault::Large),
            Some(answer) => Ok(answer.clone().into()),
            None => Err(Fault::NotFound),
        }
    }
}

/// What a future answers that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

const LIST: &str = "https://r.io/cnr/api/v1/packages?media_type=helm&namespace=ns";
const SHOW: &str = "https://r.io/cnr/api/v1/packages/ns/tea/1.0.0/helm";

fn client(answers: &[(&str, &[u8])]) -> Client<Known> {
    let answers = answers.iter().map(|(url, answer)| ((*url).to_owned(), answer.to_vec())).collect();
    Client::new(Organisation::new("r.io/ns", None).unwrap(), None, Known { answers, private: false })
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn lists() {
    let list = |answer: &str| {
        let all = now(client(&[(LIST, answer.as_bytes())]).list());
        all.map(|all| {
            all.into_iter().map(|one| format!("{}={:?}", one.name, one.default)).collect::<Vec<_>>().join(" ")
        })
    };
    let two = r#"[{"name":"ns/tea","namespace":"ns","default":"1.0.0","releases":["1.0.0"],"manifests":["helm"],"channels":null},
        {"name":"ns/kettle","default":null},{"name":"other/tea","default":"1.0.0"}]"#;
    assert_eq!(list(two).unwrap(), "kettle=None tea=Some(\"1.0.0\")");
    assert_eq!(list("[]").unwrap(), "");
    assert_eq!(list(r#"[{"name":"ns/tea","default":"","releases":null}]"#).unwrap(), "tea=None");
    for (answer, why) in [
        ("{}", "expected a sequence"),
        ("<html>", "expected value"),
        ("[{}]", "missing field `name`"),
        (r#"[{"name":"tea"}]"#, "ORG/REPOSITORY"),
        (r#"[{"name":"ns/.."}]"#, "cannot be the name"),
        (r#"[{"name":"ns/a/../../b"}]"#, "cannot be the name"),
        (r#"[{"name":"ns/a\u0000"}]"#, "cannot be the name"),
        (r#"[{"name":"ns/tea"},{"name":"ns/tea"}]"#, "names tea twice"),
    ] {
        let error = list(answer).unwrap_err().to_string();
        assert!(
            error.starts_with("list of the repositories of r.io/ns: the answer is not one") && error.contains(why),
            "{error}"
        );
    }
}

#[test]
fn releases() {
    let show = |answer: &str| now(client(&[(SHOW, answer.as_bytes())]).show("tea", "1.0.0"));
    let digest = "a".repeat(64);
    for (written, size) in [(digest.clone(), "13"), (format!("sha256:{digest}"), "null"), (digest.to_uppercase(), "0")]
    {
        let answer = format!(r#"{{"package":"ns/tea","content":{{"digest":"{written}","size":{size},"urls":[]}}}}"#);
        let content = show(&answer).unwrap();
        assert_eq!((content.digest(), content.size()), (digest.as_str(), size.parse().ok()));
    }
    for (answer, why) in [
        ("{}", "missing field `content`"),
        (r#"{"content":null}"#, "invalid type: null"),
        (r#"{"content":{"digest":"../../x"}}"#, "expected 64 hexadecimal digits"),
        (r#"{"content":{"digest":"","size":-1}}"#, "invalid value"),
    ] {
        let error = show(answer).unwrap_err().to_string();
        assert!(error.contains("release 1.0.0 of r.io/ns/tea") && error.contains(why), "{error}");
    }
    let error = now(client(&[]).show("tea", "..")).unwrap_err();
    assert!(matches!(error, AppRegistryError::Answer { .. }), "{error}");
    let error = now(client(&[(SHOW, &vec![b' '; (1 << 20) + 1])]).show("tea", "1.0.0")).unwrap_err();
    assert!(matches!(error, AppRegistryError::Large { .. }), "{error}");
    let error = now(client(&[]).show("tea", "1.0.0")).unwrap_err();
    assert!(matches!(error, AppRegistryError::NotFound { .. }), "{error}");
}

#[test]
fn blobs_are_what_they_are_said_to_be() {
    let right = sha256(b"blob");
    let blob = |digest: &str, size: Option<u64>| {
        let url = format!("https://r.io/cnr/api/v1/packages/ns/tea/blobs/sha256/{digest}");
        let content = Content { digest: digest.to_owned(), size };
        now(client(&[(&url, b"blob")]).blob("tea", &content))
    };
    for size in [None, Some(4)] {
        assert_eq!(&blob(&right, size).unwrap()[..], b"blob");
    }
    let wrong = blob(&sha256(b"other"), None).unwrap_err().to_string();
    assert!(wrong.contains("wrong digest") && wrong.contains(&right), "{wrong}");
    for size in [3, 5] {
        let wrong = blob(&right, Some(size)).unwrap_err().to_string();
        assert!(wrong.ends_with(&format!("wrong size: expected {size} bytes, found 4")), "{wrong}");
    }
    // What is said to be so large is not even asked for.
    let error = blob(&right, Some(1 << 40)).unwrap_err();
    assert!(matches!(error, AppRegistryError::Large { .. }), "{error}");
}

#[test]
fn private_organisations() {
    let list = |token: Option<&str>| {
        let known = Known { answers: BTreeMap::from([(LIST.to_owned(), b"[]".to_vec())]), private: true };
        let token = token.map(|token| Token::new(token).unwrap());
        now(Client::new(Organisation::new("r.io/ns", None).unwrap(), token, known).list())
    };
    assert!(list(Some("basic right")).unwrap().is_empty());
    assert!(list(Some("basic wrong")).unwrap_err().to_string().ends_with("refuses the token"));
    assert!(list(None).unwrap_err().to_string().contains("give a token"));
}
