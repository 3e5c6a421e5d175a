//! Requests to registries: the distribution API 1.1 over HTTP, with challenges, redirects and retries.

mod auth;
mod blob;
mod challenge;
mod fault;
mod retry;
mod tls;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, RANGE};
use http::{HeaderValue, Method, StatusCode};
use reqwest::Response;
use url::Url;

use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::options::{Options, Retries, Tls};
use crate::progress::Progress;
use crate::reference::Reference;
use auth::Auth;
use retry::Backoff;

/// The most redirects of one request.
const MOST_REDIRECTS: usize = 10;

/// Connections, and how they are secured.
#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    tls: Tls,
}

/// Everything between a request and its answer.
#[derive(Debug)]
pub(crate) struct Transport {
    http: Http,
    auth: Auth,
    retries: Retries,
}

/// One request to a registry.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) image: &'a Reference,
    /// Below `/v2/REPOSITORY/`.
    pub(crate) path: String,
    /// What is wanted of which repositories, as token services write it: `repository:NAME:pull`.
    pub(crate) scopes: Vec<String>,
    pub(crate) accept: Option<&'static str>,
    /// The first byte wanted, when it is not the first there is.
    pub(crate) from: u64,
    /// The answer is checked against a digest, so it may come from anywhere.
    pub(crate) addressed_by_content: bool,
    /// What a 404 means.
    pub(crate) missing: &'static str,
}

impl<'a> Call<'a> {
    /// Reads something of the image's repository.
    pub(crate) fn pull(image: &'a Reference, path: String, missing: &'static str) -> Self {
        let scopes = vec![format!("repository:{}:pull", image.repository())];
        Self { method: Method::GET, image, path, scopes, accept: None, from: 0, addressed_by_content: true, missing }
    }
}

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Transport {
    pub(crate) fn new(options: &Options, environment: Environment) -> Result<Self, ErrorKind> {
        let retries = options.retries.clone();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(options.tls, options.ca_file.as_deref())?)
            .user_agent(concat!("opm/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(retries.connect_timeout)
            .read_timeout(retries.idle_timeout)
            .http2_adaptive_window(true);
        if !environment.proxies {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ErrorKind::Setup(error.to_string()))?;
        let credentials = Credentials::new(environment, options.auth_file.clone())?;
        Ok(Self { http: Http { client, tls: options.tls }, auth: Auth::new(credentials), retries })
    }

    /// Asks and reads the whole answer, which must not exceed `limit` bytes.
    pub(crate) async fn fetch(
        &self,
        call: &Call<'_>,
        limit: u64,
        what: &'static str,
        progress: &dyn Progress,
    ) -> Result<Answer, ErrorKind> {
        let mut backoff = Backoff::new(&self.retries);
        loop {
            let attempt = async {
                let (response, url) = self.attempt(call).await?;
                let headers = response.headers().clone();
                Ok(Answer { headers, body: read_all(response, limit, what, &url).await? })
            };
            match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(error) => backoff.pause(error, progress).await?,
            }
        }
    }

    /// Asks once; a refusal is answered with credentials once. Any success is an answer.
    async fn attempt(&self, call: &Call<'_>) -> Result<(Response, Url), ErrorKind> {
        let scheme = if self.http.tls == Tls::PlainHttp { "http" } else { "https" };
        let text = format!("{scheme}://{}/v2/{}/{}", call.image.api_host(), call.image.repository(), call.path);
        let url = Url::parse(&text).map_err(|error| ErrorKind::Protocol(format!("{text}: {error}")))?;
        let mut authorization = self.auth.known(&self.http, call.image, &call.scopes).await?;
        let mut answered = false;
        loop {
            let (response, last) = self.send(call, &url, authorization.as_ref()).await?;
            if response.status().is_success() {
                return Ok((response, last));
            }
            if response.status() == StatusCode::UNAUTHORIZED
                && same_origin(&last, &url)
                && !answered
                && let Some(challenge) = challenge::best(response.headers())
            {
                answered = true;
                let refused = authorization.as_ref();
                authorization =
                    Some(self.auth.answer(&self.http, call.image, &call.scopes, &challenge, refused).await?);
                continue;
            }
            let elsewhere = !same_origin(&last, &url);
            return Err(match fault::of_response(response, call.missing).await {
                ErrorKind::Unauthorized(said) | ErrorKind::Denied(said) if elsewhere => {
                    let host = fault::host_of(&last);
                    ErrorKind::Denied(format!("the registry redirects to {host}, which refuses: {said}"))
                }
                ErrorKind::Unauthorized(said) => ErrorKind::Unauthorized(self.auth.explain(call.image, &said).await),
                ErrorKind::Denied(said) => ErrorKind::Denied(self.auth.explain(call.image, &said).await),
                kind => kind,
            });
        }
    }

    /// Sends one request and follows where it leads. The registry's authorization goes to the registry only.
    async fn send(
        &self,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, Url), ErrorKind> {
        let mut at = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.http.client.request(call.method.clone(), at.clone());
            if let Some(accept) = call.accept {
                request = request.header(ACCEPT, accept);
            }
            if call.from > 0 {
                request = request.header(RANGE, format!("bytes={}-", call.from));
            }
            if let Some(authorization) = authorization
                && same_origin(&at, url)
            {
                request = request.header(AUTHORIZATION, authorization);
            }
            let response = request.send().await.map_err(|error| fault::of_request(&error, &at))?;
            let Some(next) = redirect(&response, &at)? else { return Ok((response, at)) };
            if next.scheme() == "http" && at.scheme() == "https" && !call.addressed_by_content {
                return Err(ErrorKind::Protocol(format!("the registry redirects to {next}, without encryption")));
            }
            tracing::debug!(from = %at, to = %fault::host_of(&next), "redirected");
            at = next;
        }
        Err(ErrorKind::Protocol(format!("more than {MOST_REDIRECTS} redirects from {url}")))
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Where an answer sends its reader, if anywhere.
fn redirect(response: &Response, at: &Url) -> Result<Option<Url>, ErrorKind> {
    let moved = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !moved {
        return Ok(None);
    }
    let bad = || ErrorKind::Protocol(format!("{at} redirects to nowhere"));
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(bad)?;
    let target = at.join(target).map_err(|_| bad())?;
    if matches!(target.scheme(), "http" | "https") { Ok(Some(target)) } else { Err(bad()) }
}

/// A whole body, if it is not too large.
async fn read_all(mut response: Response, limit: u64, what: &'static str, url: &Url) -> Result<Bytes, ErrorKind> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| fault::of_request(&error, url))? {
        if body.len() as u64 + chunk.len() as u64 > limit {
            return Err(ErrorKind::Limit { what, limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
