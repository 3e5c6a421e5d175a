//! What users write.

use crate::{Organisation, Repository, Token, Wanted};

#[test]
fn organisations() {
    for (text, endpoint, shown, address) in [
        ("ns", None, "quay.io/ns", "https://quay.io/cnr"),
        ("ns", Some("http://127.0.0.1:8080/a/cnr/"), "127.0.0.1:8080/ns", "http://127.0.0.1:8080/a/cnr"),
        ("ns", Some("https://r.io"), "r.io/ns", "https://r.io"),
        ("r.io/ns", None, "r.io/ns", "https://r.io/cnr"),
        ("[::1]:5000/ns", None, "[::1]:5000/ns", "https://[::1]:5000/cnr"),
    ] {
        let organisation = Organisation::new(text, endpoint).unwrap();
        assert_eq!((organisation.to_string().as_str(), organisation.endpoint()), (shown, address), "{text}");
    }
    let url = Organisation::new("ns", Some("https://r.io/cnr/")).unwrap().url(&["a b", "c?d", "ü%"]);
    assert_eq!(url.as_str(), "https://r.io/cnr/api/v1/packages/a%20b/c%3Fd/%C3%BC%25");
    for (text, endpoint, why) in [
        ("", None, "app-registry org (namespace) must be specified"),
        ("/", None, "app-registry org (namespace) must be specified"),
        ("r.io/", None, "expected ORG or HOST/ORG"),
        ("/ns", None, "expected ORG or HOST/ORG"),
        ("r.io/a/b", None, "expected ORG or HOST/ORG"),
        ("..", None, "expected ORG or HOST/ORG"),
        ("r.io/..", None, "expected ORG or HOST/ORG"),
        ("me:secret@r.io/ns", None, "expected ORG or HOST/ORG"),
        ("r.io/ns", Some("https://r.io/cnr"), "it goes with no endpoint"),
        ("ns", Some("quay.io/cnr"), "app-registry must be a valid app-registry endpoint"),
        ("ns", Some(""), "app-registry must be a valid app-registry endpoint"),
        ("ns", Some("ftp://r.io"), "expected https://HOST"),
        ("ns", Some("https://r.io/?x"), "expected https://HOST"),
        ("ns", Some("https://me:secret@r.io/"), "it holds a user"),
    ] {
        let error = Organisation::new(text, endpoint).unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains("secret@r.io/\""), "{text} {endpoint:?}: {error}");
    }
}

#[test]
fn wanted_packages() {
    let list = |text: &str| Wanted::list(&[text.to_owned()]);
    let names = |text: &str| {
        let all = list(text).unwrap();
        let one = |w: &Wanted| w.release.as_ref().map_or_else(|| w.name.clone(), |r| format!("{}={r}", w.name));
        all.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(" b , a:1.0.0,, b,a : 1.0.0"), "b a=1.0.0");
    assert_eq!(names(""), "");
    for text in ["a:b:c", ":1", "a:", "a/b", "..", "a,a:1"] {
        let error = list(text).unwrap_err().to_string();
        assert!(error.starts_with("Failed to parse package "), "{text}: {error}");
    }
}

#[test]
fn default_releases() {
    let release = |default: Option<&str>, releases: &[&str]| {
        let repository = Repository {
            name: "tea".to_owned(),
            default: default.map(str::to_owned),
            releases: releases.iter().map(|&r| r.to_owned()).collect(),
        };
        repository.release().map(str::to_owned).map_err(|error| error.to_string())
    };
    assert_eq!(release(Some("0.1.0"), &["0.2.0"]).unwrap(), "0.1.0");
    assert_eq!(release(None, &["0.9.0", "0.10.0", "0.10.0-rc", "latest"]).unwrap(), "0.10.0");
    assert_eq!(release(None, &[]).unwrap_err(), "the repository tea has no default release: name one");
    assert!(release(None, &["x", "y"]).unwrap_err().contains("(there are x, y)"));
}

#[test]
fn tokens_are_not_shown() {
    let token = Token::new("  basic c2VjcmV0\n").unwrap();
    assert_eq!(token.header(), "basic c2VjcmV0");
    assert!(!format!("{token:?}").contains("c2V"));
    for bad in ["", " \n", "a\nb", "a\tb", "ü"] {
        assert!(Token::new(bad).is_err(), "{bad:?}");
    }
}
