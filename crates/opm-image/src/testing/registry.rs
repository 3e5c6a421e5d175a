//! What the registry holds, and how it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode, Version};
use serde_json::json;

use super::image::{TestImage, descriptor, to_bytes};
use crate::digest::Digest;

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Such as `GET`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// The header of that name.
    pub authorization: Option<String>,
    /// The header of that name.
    pub range: Option<String>,
    /// The header `Content-Length`.
    pub length: Option<String>,
    /// Of the body, in bytes.
    pub size: usize,
    /// As text.
    pub body: String,
    /// Such as `HTTP/1.1`.
    pub version: String,
}

/// Who may read.
#[derive(Debug, Clone, Default)]
pub enum Require {
    /// Everybody.
    #[default]
    Nothing,
    /// Who has this user and password.
    Basic(String, String),
    /// Who has a token; tokens are for everybody.
    Token,
    /// Who has a token; tokens are for this user and password.
    TokenFor(String, String),
    /// Who has a token; tokens are for this refresh token.
    TokenForRefresh(String),
}

/// What to do instead of answering as usual.
#[derive(Debug, Clone)]
pub enum Action {
    /// Answers this status, with these headers and body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Breaks the connection after so many bytes of the body.
    Cut(usize),
    /// Breaks the connection without an answer, after so many bytes of the request's body.
    HangUp(usize),
    /// Changes the first byte of the body.
    Corrupt,
    /// Waits first.
    Delay(Duration),
    /// Sends elsewhere.
    Redirect(String),
    /// Pays no attention to a requested range.
    IgnoreRange,
}

/// What registries differ in when they are pushed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// Blobs of other repositories are not taken: the answer is a usual upload.
    NoMounts,
    /// Blobs must come in pieces.
    NoWholeBlobs,
    /// Manifests must have Docker's media types.
    NoOci,
    /// Uploads go to another name of this host, which refuses those who tell it their credentials.
    UploadsElsewhere,
}

/// An [`Action`] upon certain requests, for a number of times.
#[derive(Debug, Clone)]
pub struct Fault {
    /// A part of `METHOD path`.
    pub path: String,
    /// How many requests are still to suffer.
    pub times: usize,
    /// What they suffer.
    pub action: Action,
}

/// The digests of a pushed image.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// Of the manifest.
    pub manifest: Digest,
    /// Of the configuration.
    pub config: Digest,
    /// Of the layers, lowest first.
    pub layers: Vec<Digest>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) base: String,
    pub(super) blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By repository and tag or digest: media type and bytes.
    pub(super) manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    pub(super) faults: Vec<Fault>,
    pub(super) seen: Vec<Seen>,
    pub(super) require: Require,
    pub(super) tokens: BTreeSet<String>,
    pub(super) issued: usize,
    pub(super) quirks: BTreeSet<Quirk>,
    /// Uploads that go on, by their number.
    pub(super) uploads: BTreeMap<String, Vec<u8>>,
    pub(super) begun: usize,
    /// What is no part of a registry, by path with query: who may read it, and its bytes.
    pub(super) pages: BTreeMap<String, (Option<String>, Vec<u8>)>,
}

/// A request, as far as it matters.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) authorization: Option<String>,
    pub(super) range: Option<String>,
    pub(super) content_range: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: &'a [u8],
}

impl Asked<'_> {
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    fn writes(&self) -> bool {
        !matches!(*self.method, Method::GET | Method::HEAD)
    }
}

/// A body, and where to break off.
pub(super) struct Answer {
    pub(super) response: Response<Body>,
    pub(super) delay: Option<Duration>,
}

impl State {
    pub(super) fn put_image(&mut self, repository: &str, tag: &str, image: &TestImage) -> Pushed {
        for blob in image.blobs() {
            self.put_blob(repository, blob);
        }
        let (bytes, media_type) = image.manifest();
        Pushed {
            manifest: self.put_manifest(repository, tag, media_type, &bytes),
            config: Digest::of(&image.config()),
            layers: image.layers.iter().map(|layer| Digest::of(&layer.bytes)).collect(),
        }
    }

    pub(super) fn put_index(
        &mut self,
        repository: &str,
        tag: &str,
        entries: &[serde_json::Value],
    ) -> serde_json::Value {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let bytes = to_bytes(&json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}));
        self.put_manifest(repository, tag, media_type, &bytes);
        descriptor(&bytes, media_type)
    }

    pub(super) fn put_manifest(&mut self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        for name in [tag, digest.as_str()] {
            self.manifests.insert((repository.to_owned(), name.to_owned()), (media_type.to_owned(), bytes.to_vec()));
        }
        digest
    }

    pub(super) fn put_blob(&mut self, repository: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert((repository.to_owned(), digest.to_string()), bytes);
        digest
    }

    pub(super) fn answer(
        &mut self,
        method: &Method,
        path: &str,
        version: Version,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Answer {
        let header =
            |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok()).map(str::to_owned);
        let mut asked = Asked {
            method,
            path,
            authorization: header(AUTHORIZATION),
            range: header(RANGE),
            content_range: header(CONTENT_RANGE),
            content_type: header(CONTENT_TYPE),
            body,
        };
        self.seen.push(Seen {
            method: method.to_string(),
            path: path.to_owned(),
            authorization: asked.authorization.clone(),
            range: asked.range.clone(),
            length: header(CONTENT_LENGTH),
            size: body.len(),
            body: String::from_utf8_lossy(body).into_owned(),
            version: format!("{version:?}"),
        });
        let line = format!("{method} {path}");
        let action = self.fault(&line).map(|fault| {
            fault.times -= 1;
            fault.action.clone()
        });
        if matches!(action, Some(Action::IgnoreRange)) {
            asked.range = None;
        }
        let mut delay = None;
        let response = match action {
            Some(Action::Status(status, headers, body)) => {
                let mut builder = Response::builder().status(status);
                for (name, value) in headers {
                    builder = builder.header(name, value);
                }
                builder.body(Body::from(body)).unwrap()
            }
            Some(Action::Redirect(to)) => Response::builder()
                .status(StatusCode::TEMPORARY_REDIRECT)
                .header(LOCATION, to)
                .body(Body::empty())
                .unwrap(),
            Some(Action::Cut(after)) => {
                let (parts, bytes) = self.plain(&asked);
                let head = Bytes::copy_from_slice(&bytes[..after.min(bytes.len())]);
                // The server sends what it has when it must wait, and it must send the head before it fails.
                let cut = futures_util::stream::once(async {
                    tokio::task::yield_now().await;
                    Err(std::io::Error::other("cut"))
                });
                let body = Body::from_stream(futures_util::stream::iter([Ok(head)]).chain(cut));
                let mut response = Response::from_parts(parts, body);
                response.headers_mut().insert(CONTENT_LENGTH, bytes.len().into());
                response
            }
            Some(Action::Corrupt) => {
                let (parts, mut bytes) = self.plain(&asked);
                if let Some(first) = bytes.first_mut() {
                    *first ^= 1;
                }
                Response::from_parts(parts, Body::from(bytes))
            }
            other => {
                if let Some(Action::Delay(by)) = other {
                    delay = Some(by);
                }
                let (parts, bytes) = self.plain(&asked);
                Response::from_parts(parts, Body::from(bytes))
            }
        };
        Answer { response, delay }
    }

    fn fault(&mut self, line: &str) -> Option<&mut Fault> {
        self.faults.iter_mut().find(|fault| fault.times > 0 && line.contains(&fault.path))
    }

    /// After how much of a request's body to hang up, if that is what it suffers.
    pub(super) fn hangs_up(&mut self, method: &Method, path: &str) -> Option<usize> {
        let fault = self.fault(&format!("{method} {path}"))?;
        let Action::HangUp(after) = fault.action else { return None };
        fault.times -= 1;
        Some(after)
    }

    /// The usual answer.
    fn plain(&mut self, asked: &Asked<'_>) -> (http::response::Parts, Vec<u8>) {
        let response = self.usual(asked).unwrap();
        response.into_parts()
    }

    fn usual(&mut self, asked: &Asked<'_>) -> http::Result<Response<Vec<u8>>> {
        let (route, query) = asked.path.split_once('?').unwrap_or((asked.path, ""));
        let range = asked.range.as_deref();
        if let Some((token, bytes)) = self.pages.get(asked.path) {
            return match token {
                Some(token) if asked.authorization.as_ref() != Some(token) => {
                    Response::builder().status(401).body(to_bytes(&json!({"error": {"message": "who are you?"}})))
                }
                _ => Response::builder().body(bytes.clone()),
            };
        }
        if route == "/token" {
            return self.token(query, asked.authorization.as_deref(), asked.body);
        }
        if let Some(rest) = route.strip_prefix("/elsewhere/") {
            let Some((repository, id)) = rest.rsplit_once('/') else { return error(404, "UNKNOWN", "no such path") };
            if asked.authorization.is_some() {
                return error(400, "LEAK", "this host did not ask who you are");
            }
            return self.upload(repository, id, asked);
        }
        if let Some((repository, id)) = route.strip_prefix("/v2/").and_then(|rest| rest.split_once("/blobs/uploads/")) {
            if !self.admits(repository, asked) {
                return self.challenge(repository, asked);
            }
            return self.upload(repository, id, asked);
        }
        let Some((repository, kind, object)) = split(route) else { return error(404, "UNKNOWN", "no such path") };
        if !self.admits(repository, asked) {
            return self.challenge(repository, asked);
        }
        if asked.writes() {
            return if kind == "manifests" && asked.method == Method::PUT {
                self.take_manifest(repository, object, asked)
            } else {
                error(405, "UNSUPPORTED", "the operation is unsupported")
            };
        }
        let key = (repository.to_owned(), object.to_owned());
        if kind == "manifests" {
            let Some((media_type, bytes)) = self.manifests.get(&key) else {
                return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
            };
            let digest = Digest::of(bytes).to_string();
            return Response::builder()
                .header(CONTENT_TYPE, media_type)
                .header("docker-content-digest", digest)
                .body(bytes.clone());
        }
        let Some(bytes) = self.blobs.get(&key) else { return error(404, "BLOB_UNKNOWN", "blob unknown") };
        let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match from {
            Some(from) if from < bytes.len() => Response::builder()
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_RANGE, format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()))
                .body(bytes[from..].to_vec()),
            Some(_) => error(416, "RANGE", "range not satisfiable"),
            None => Response::builder().body(bytes.clone()),
        }
    }

    fn admits(&self, repository: &str, asked: &Asked<'_>) -> bool {
        let authorization = asked.authorization.as_deref();
        let scope = scope(repository, asked);
        match &self.require {
            Require::Nothing => true,
            Require::Basic(user, password) => authorization == Some(&basic(user, password)),
            _ => authorization
                .and_then(|text| text.strip_prefix("Bearer "))
                .is_some_and(|token| self.tokens.contains(token) && token.contains(&scope)),
        }
    }

    fn challenge(&self, repository: &str, asked: &Asked<'_>) -> http::Result<Response<Vec<u8>>> {
        let challenge = if let Require::Basic(..) = &self.require {
            "Basic realm=\"fake\"".to_owned()
        } else {
            let scope = scope(repository, asked);
            format!("Bearer realm=\"{}/token\",service=\"fake\",scope=\"{scope}\"", self.base)
        };
        let body = to_bytes(&json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}));
        Response::builder().status(401).header(WWW_AUTHENTICATE, challenge).body(body)
    }

    fn token(&mut self, query: &str, authorization: Option<&str>, body: &[u8]) -> http::Result<Response<Vec<u8>>> {
        let form = String::from_utf8_lossy(body).into_owned();
        let pairs = |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>();
        let get = |pairs: &[(String, String)], name: &str| {
            pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect::<Vec<_>>().join(" ")
        };
        let (query, form) = (pairs(query), pairs(&form));
        let allowed = match &self.require {
            Require::TokenFor(user, password) => authorization == Some(&basic(user, password)),
            Require::TokenForRefresh(token) => {
                get(&form, "refresh_token") == *token && get(&form, "grant_type") == "refresh_token"
            }
            _ => authorization.is_none(),
        };
        if !allowed {
            return error(401, "UNAUTHORIZED", "bad credentials");
        }
        let scope = [get(&query, "scope"), get(&form, "scope")].concat();
        self.issued += 1;
        let token = format!("{}-{}", self.issued, scope.replace(' ', "+"));
        self.tokens.insert(token.clone());
        Response::builder().body(to_bytes(&json!({"token": token, "expires_in": 60})))
    }
}

/// `/v2/REPOSITORY/(manifests|blobs)/OBJECT`.
fn split(route: &str) -> Option<(&str, &str, &str)> {
    let (rest, object) = route.strip_prefix("/v2/")?.rsplit_once('/')?;
    let (repository, kind) = rest.rsplit_once('/')?;
    matches!(kind, "manifests" | "blobs").then_some((repository, kind, object))
}

/// What must be allowed to whom asks this.
fn scope(repository: &str, asked: &Asked<'_>) -> String {
    let push = if asked.writes() { ",push" } else { "" };
    format!("repository:{repository}:pull{push}")
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(super) fn error(status: u16, code: &str, message: &str) -> http::Result<Response<Vec<u8>>> {
    let body = to_bytes(&json!({"errors": [{"code": code, "message": message}]}));
    Response::builder().status(status).header(CONTENT_TYPE, "application/json").body(body)
}
