//! Tokens and passwords: answering challenges, once for everybody who asks the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde::Deserialize;
use url::Url;

use super::challenge::Challenge;
use super::{Http, fault};
use crate::credentials::{Credential, Credentials, Found};
use crate::error::ErrorKind;
use crate::options::Tls;
use crate::reference::Reference;

/// No token is larger.
const LARGEST: u64 = 1 << 20;

/// One authorization, held while it is fetched so that it is fetched once.
type Slot = Arc<tokio::sync::Mutex<Option<HeaderValue>>>;

/// What is known about getting in.
#[derive(Debug)]
pub(super) struct Auth {
    credentials: Credentials,
    /// How each registry asks, so that the next repository need not be refused first.
    challenges: Mutex<BTreeMap<String, Challenge>>,
    /// By registry and scopes.
    slots: Mutex<BTreeMap<(String, String), Slot>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Auth {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, challenges: Mutex::default(), slots: Mutex::default() }
    }

    fn slot(&self, registry: &str, scopes: &[String]) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((registry.to_owned(), scopes.join(" "))).or_default())
    }

    /// What to send without having been asked: what worked before, or what this registry is known to want.
    pub(super) async fn known(
        &self,
        http: &Http,
        image: &Reference,
        scopes: &[String],
    ) -> Result<Option<HeaderValue>, ErrorKind> {
        let slot = self.slot(image.registry(), scopes);
        let mut held = slot.lock().await;
        if held.is_none() {
            let challenge =
                self.challenges.lock().unwrap_or_else(PoisonError::into_inner).get(image.registry()).cloned();
            if let Some(challenge) = challenge {
                *held = Some(self.fetch(http, image, scopes, &challenge).await?);
            }
        }
        Ok(held.clone())
    }

    /// The answer to a challenge after `refused` did not get in. Somebody else may have fetched it meanwhile.
    pub(super) async fn answer(
        &self,
        http: &Http,
        image: &Reference,
        scopes: &[String],
        challenge: &Challenge,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, ErrorKind> {
        let slot = self.slot(image.registry(), scopes);
        let mut held = slot.lock().await;
        if let Some(fresh) = &*held
            && Some(fresh) != refused
        {
            return Ok(fresh.clone());
        }
        *held = None;
        let fresh = self.fetch(http, image, scopes, challenge).await?;
        *held = Some(fresh.clone());
        if Some(&fresh) == refused {
            // A password does not get better by being repeated.
            return Err(ErrorKind::Unauthorized(
                self.explain(image, scopes.iter().any(|scope| writes(scope)), "").await,
            ));
        }
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        challenges.insert(image.registry().to_owned(), challenge.for_registry());
        Ok(fresh)
    }

    async fn fetch(
        &self,
        http: &Http,
        image: &Reference,
        scopes: &[String],
        challenge: &Challenge,
    ) -> Result<HeaderValue, ErrorKind> {
        let found = self.credentials.find(image.registry(), image.repository()).await;
        match challenge {
            Challenge::Basic => match &found.credential {
                Some(credential) if !credential.username.is_empty() => basic(credential),
                Some(credential) => Err(ErrorKind::Unauthorized(format!(
                    "the registry wants a user and a password, but {credential} is a token"
                ))),
                None => Err(ErrorKind::Unauthorized(nobody(image, &found))),
            },
            Challenge::Bearer { realm, service, scope } => {
                let mut all = scopes.to_vec();
                let asked = scope.iter().flat_map(|scope| scope.split(' ')).filter(|scope| !scope.is_empty());
                for scope in asked {
                    if !all.iter().any(|one| one == scope) {
                        all.push(scope.to_owned());
                    }
                }
                self.token(http, image, &found, realm, service.as_deref(), &all).await
            }
        }
    }

    async fn token(
        &self,
        http: &Http,
        image: &Reference,
        found: &Found,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
    ) -> Result<HeaderValue, ErrorKind> {
        let mut url = Url::parse(realm).map_err(|error| {
            ErrorKind::Protocol(format!("the registry names `{realm}` as its token service: {error}"))
        })?;
        let credential = found.credential.as_deref();
        if url.scheme() == "http" && http.tls != Tls::PlainHttp && credential.is_some() {
            return Err(ErrorKind::Protocol(format!(
                "the registry wants credentials sent to {url} without encryption; use --use-http if that is meant"
            )));
        }
        let request = if let Some(refresh) = credential.and_then(|credential| credential.identity_token.as_deref()) {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", "opm");
            service.map(|service| form.append_pair("service", service));
            form.append_pair("scope", &scopes.join(" ")).append_pair("refresh_token", refresh);
            http.client
                .request(Method::POST, url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.finish())
        } else {
            {
                let mut query = url.query_pairs_mut();
                service.map(|service| query.append_pair("service", service));
                query.extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
            }
            let request = http.client.request(Method::GET, url.clone());
            match credential {
                Some(credential) => request.header(AUTHORIZATION, basic(credential)?),
                None => request,
            }
        };
        let response = request.send().await.map_err(|error| fault::of_request(&error, &url))?;
        if !response.status().is_success() {
            return Err(match fault::of_response(response, "").await {
                ErrorKind::Unauthorized(said) | ErrorKind::Denied(said) => {
                    ErrorKind::Unauthorized(refused(image, scopes.iter().any(|scope| writes(scope)), found, &said))
                }
                kind if kind.is_transient() => kind,
                kind => ErrorKind::Protocol(format!("token service {}: {kind}", fault::host_of(&url))),
            });
        }
        let body = super::read_all(response, LARGEST, "a token in bytes", &url).await?;
        let token: Token = serde_json::from_slice(&body).map_err(|error| {
            ErrorKind::Protocol(format!("the answer of token service {} is malformed: {error}", fault::host_of(&url)))
        })?;
        let token = if token.token.is_empty() { token.access_token } else { token.token };
        if token.is_empty() {
            return Err(ErrorKind::Protocol(format!("token service {} gave no token", fault::host_of(&url))));
        }
        secret(format!("Bearer {token}"))
    }

    /// Who was refused, and what can be done about it.
    pub(super) async fn explain(&self, image: &Reference, writes: bool, said: &str) -> String {
        let found = self.credentials.find(image.registry(), image.repository()).await;
        refused(image, writes, &found, said)
    }
}

fn basic(credential: &Credential) -> Result<HeaderValue, ErrorKind> {
    secret(format!("Basic {}", STANDARD.encode(format!("{}:{}", credential.username, credential.password))))
}

fn secret(text: String) -> Result<HeaderValue, ErrorKind> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| ErrorKind::Protocol("a token holds characters that cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a scope, as token services write it, asks for more than reading.
pub(super) fn writes(scope: &str) -> bool {
    scope.ends_with("push")
}

fn refused(image: &Reference, writes: bool, found: &Found, said: &str) -> String {
    let deed = if writes { "write to" } else { "read" };
    let who = match &found.credential {
        Some(credential) => format!("{credential} may not {deed} {}/{}", image.registry(), image.repository()),
        None => nobody(image, found),
    };
    if said.is_empty() { who } else { format!("{said}; {who}") }
}

fn nobody(image: &Reference, found: &Found) -> String {
    let looked = if found.looked.is_empty() {
        "no credentials file exists".to_owned()
    } else {
        format!("looked in {}", found.looked.join(", "))
    };
    format!(
        "found no credentials for {registry}/{repository}, {looked}; log in with `podman login {registry}` or name a file with --authfile \
         (some registries also answer so when there is no such repository)",
        registry = image.registry(),
        repository = image.repository(),
    )
}
