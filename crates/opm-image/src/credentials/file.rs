//! The JSON files that credentials are kept in: docker's `config.json`, podman's `auth.json`, and the older `.dockercfg`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::Credential;

#[derive(Debug)]
pub(super) struct AuthFile {
    pub(super) path: PathBuf,
    pub(super) loaded: Loaded,
}

#[derive(Debug)]
pub(super) enum Loaded {
    Absent,
    Malformed(String),
    Config(Config),
}

/// What matters of a file. Entries are decoded when they are wanted, so that a broken one harms only itself.
#[derive(Debug, Default)]
pub(super) struct Config {
    auths: BTreeMap<String, Value>,
    helpers: BTreeMap<String, String>,
    /// The helper for everything.
    pub(super) store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    auths: Option<BTreeMap<String, Value>>,
    #[serde(rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl AuthFile {
    /// Reads a file; `legacy` ones are a bare map of entries.
    pub(super) fn load(path: PathBuf, legacy: bool) -> Self {
        let loaded = match read(&path) {
            Ok(None) => Loaded::Absent,
            Err(error) => Loaded::Malformed(error.to_string()),
            Ok(Some(bytes)) => match parse(&bytes, legacy) {
                Ok(config) => Loaded::Config(config),
                Err(error) => Loaded::Malformed(error.to_string()),
            },
        };
        Self { path, loaded }
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => std::fs::read(path).map(Some),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn parse(bytes: &[u8], legacy: bool) -> Result<Config, serde_json::Error> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Config::default());
    }
    if legacy {
        return Ok(Config { auths: serde_json::from_slice(bytes)?, ..Config::default() });
    }
    let wire: Wire = serde_json::from_slice(bytes)?;
    Ok(Config {
        auths: wire.auths.unwrap_or_default(),
        helpers: wire.helpers.unwrap_or_default(),
        store: wire.store.filter(|store| !store.is_empty()),
    })
}

impl Config {
    /// The helper for the first key that has one, and the server to ask it for: the key as it is written.
    pub(super) fn helper<'a>(&'a self, keys: &'a [String]) -> Option<(&'a str, &'a str)> {
        let (server, helper) = lookup(&self.helpers, keys).next()?;
        Some((server, helper))
    }

    /// The entry of the first key that has a usable one.
    pub(super) fn entry(&self, keys: &[String], path: &Path) -> Option<Credential> {
        lookup(&self.auths, keys).find_map(|(key, value)| {
            let origin = format!("{} (entry `{key}`)", path.display());
            decode(Entry::deserialize(value).ok()?, origin)
        })
    }
}

/// The members of `map` that fit `keys`, best first; written as it should be before other spellings.
fn lookup<'a, V>(map: &'a BTreeMap<String, V>, keys: &'a [String]) -> impl Iterator<Item = (&'a str, &'a V)> {
    keys.iter().flat_map(move |key| {
        let exact = map.get_key_value(key).into_iter();
        let others = map.iter().filter(move |(other, _)| *other != key && normal(other) == *key);
        exact.chain(others).map(|(key, value)| (key.as_str(), value))
    })
}

/// A key without the spellings of old: `https://HOST/v1/` is `HOST`, and Docker Hub has one name.
fn normal(key: &str) -> String {
    let stripped = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let rest = stripped.unwrap_or(key).trim_end_matches('/');
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    };
    if stripped.is_some() || matches!(path, "" | "v1" | "v2") { host.to_owned() } else { format!("{host}/{path}") }
}

fn decode(entry: Entry, origin: String) -> Option<Credential> {
    let identity_token = entry.identitytoken.filter(|token| !token.is_empty());
    let pair = match entry.auth.as_deref().map(str::trim).filter(|auth| !auth.is_empty()) {
        Some(auth) => {
            let bytes = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (username, password) = text.split_once(':')?;
            Some((username.to_owned(), password.trim_matches('\0').to_owned()))
        }
        None => entry.username.zip(entry.password).filter(|(username, _)| !username.is_empty()),
    };
    if pair.is_none() && identity_token.is_none() {
        return None;
    }
    let (username, password) = pair.unwrap_or_default();
    Some(Credential { username, password, identity_token, origin })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn keys_have_one_spelling() {
        for (key, expected) in [
            ("quay.io", "quay.io"),
            ("quay.io/", "quay.io"),
            ("quay.io/ns/repo", "quay.io/ns/repo"),
            ("https://quay.io/v1/", "quay.io"),
            ("http://quay.io:5000/anything", "quay.io:5000"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("index.docker.io/v1/", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
        ] {
            assert_eq!(normal(key), expected, "{key}");
        }
    }

    #[test]
    fn broken_entries_harm_only_themselves() {
        let text = r#"{"auths": {"h/a/b": {"auth": "no base64!"}, "h/a": {"auth": 7}, "h": {"auth": "dTpwOnE="}, "i": {}, "j": null}}"#;
        let config = parse(text.as_bytes(), false).unwrap();
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let found = config.entry(&keys(&["h/a/b", "h/a", "h"]), Path::new("f")).unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("u", "p:q"));
        assert_eq!(config.entry(&keys(&["i"]), Path::new("f")), None);
        assert_eq!(config.entry(&keys(&["j"]), Path::new("f")), None);
        assert!(parse(b"", false).is_ok() && parse(b"{\"auths\":null}", false).is_ok() && parse(b"7", false).is_err());
    }
}
