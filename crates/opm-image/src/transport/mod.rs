//! Requests to registries: the distribution API 1.1 over HTTP, with challenges, redirects and retries.

mod auth;
mod blob;
mod challenge;
mod fault;
mod follow;
mod lanes;
mod retry;
mod sent;
mod tls;
mod upload;
mod web;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_LENGTH, RANGE};
use http::{HeaderValue, Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use url::Url;

use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::options::{Options, Retries, Tls};
use crate::progress::Progress;
use crate::reference::Reference;
use auth::Auth;
use follow::{Astray, MOST_REDIRECTS, Trail};
use lanes::Lanes;
pub(crate) use retry::Backoff;
use sent::Sent;
pub(crate) use upload::Mount;
pub use web::Get;

/// Connections, and how they are secured.
#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    /// Without a bound on how long an answer may take to begin, which would be one on the length of an upload.
    uploads: reqwest::Client,
    tls: Tls,
}

/// Everything between a request and its answer.
#[derive(Debug)]
pub(crate) struct Transport {
    http: Http,
    auth: Auth,
    lanes: Lanes,
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
    /// Where else than at `path` to ask, as the registry said.
    pub(crate) at: Option<Url>,
    pub(crate) sent: Sent,
}

impl<'a> Call<'a> {
    /// Reads something of the image's repository.
    pub(crate) fn pull(image: &'a Reference, path: String, missing: &'static str) -> Self {
        let scopes = vec![format!("repository:{}:pull", image.repository())];
        let (method, sent) = (Method::GET, Sent::Nothing);
        Self { method, image, path, scopes, accept: None, from: 0, addressed_by_content: true, missing, at: None, sent }
    }

    /// Whether more than reading is asked for.
    fn writes(&self) -> bool {
        self.scopes.iter().any(|scope| auth::writes(scope))
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
        let tls = tls::config(options.tls, options.ca_file.as_deref())?;
        let builder = || {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("opm/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(retries.connect_timeout)
                .http2_adaptive_window(true);
            if environment.proxies { builder } else { builder.no_proxy() }
        };
        let build =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| ErrorKind::Setup(error.to_string()));
        let client = build(builder().read_timeout(retries.idle_timeout))?;
        let uploads = build(builder())?;
        let credentials = Credentials::new(environment, options.auth_file.clone())?;
        let lanes = Lanes::new(&options.pace);
        Ok(Self { http: Http { client, uploads, tls: options.tls }, auth: Auth::new(credentials), lanes, retries })
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
            match self.fetch_once(call, limit, what).await {
                Ok(answer) => return Ok(answer),
                Err(error) => backoff.pause(error, progress).await?,
            }
        }
    }

    /// The same without a second attempt.
    pub(crate) async fn fetch_once(
        &self,
        call: &Call<'_>,
        limit: u64,
        what: &'static str,
    ) -> Result<Answer, ErrorKind> {
        let (response, url) = self.attempt(call).await?;
        let headers = response.headers().clone();
        Ok(Answer { headers, body: read_all(response, limit, what, &url).await? })
    }

    /// Asks once; a refusal is answered with credentials once. Any success is an answer.
    async fn attempt(&self, call: &Call<'_>) -> Result<(Response, Url), ErrorKind> {
        let (response, last) = self.exchange(call).await?;
        if response.status().is_success() {
            return Ok((response, last));
        }
        Err(self.refusal(call, response, &last).await.0)
    }

    /// Asks once; a refusal is answered with credentials once. The answer may be a failure.
    async fn exchange(&self, call: &Call<'_>) -> Result<(Response, Url), ErrorKind> {
        let home = self.url(call.image, &call.path)?;
        let url = call.at.as_ref().unwrap_or(&home);
        let mut authorization = self.auth.known(&self.http, call.image, &call.scopes).await?;
        let mut answered = false;
        loop {
            let (response, last) = self.send(call, url, &home, authorization.as_ref()).await?;
            if response.status() == StatusCode::UNAUTHORIZED
                && same_origin(&last, &home)
                && !answered
                && let Some(challenge) = challenge::best(response.headers())
            {
                answered = true;
                let refused = authorization.as_ref();
                authorization =
                    Some(self.auth.answer(&self.http, call.image, &call.scopes, &challenge, refused).await?);
                continue;
            }
            return Ok((response, last));
        }
    }

    fn url(&self, image: &Reference, path: &str) -> Result<Url, ErrorKind> {
        let scheme = if self.http.tls == Tls::PlainHttp { "http" } else { "https" };
        let text = format!("{scheme}://{}/v2/{}/{path}", image.api_host(), image.repository());
        Url::parse(&text).map_err(|error| ErrorKind::Protocol(format!("{text}: {error}")))
    }

    /// What an answer means that is no success, and the registry's own code for it.
    async fn refusal(&self, call: &Call<'_>, response: Response, last: &Url) -> (ErrorKind, String) {
        let elsewhere = self.url(call.image, &call.path).is_ok_and(|home| !same_origin(last, &home));
        let (kind, code) = fault::of_coded_response(response, call.missing).await;
        self.heed(&kind, last);
        let kind = match kind {
            ErrorKind::Unauthorized(said) | ErrorKind::Denied(said) if elsewhere => {
                let host = fault::host_of(last);
                ErrorKind::Denied(format!("the registry redirects to {host}, which refuses: {said}"))
            }
            ErrorKind::Unauthorized(said) => {
                ErrorKind::Unauthorized(self.auth.explain(call.image, call.writes(), &said).await)
            }
            ErrorKind::Denied(said) => ErrorKind::Denied(self.auth.explain(call.image, call.writes(), &said).await),
            kind => kind,
        };
        (kind, code)
    }

    /// Sends one request and follows where it leads.
    async fn send(
        &self,
        call: &Call<'_>,
        url: &Url,
        home: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, Url), ErrorKind> {
        let Call { method, sent, addressed_by_content, .. } = call;
        let trail = Trail { method, url, home, authorization, sent, addressed_by_content: *addressed_by_content };
        let with_headers = |mut request: RequestBuilder| {
            if let Some(accept) = call.accept {
                request = request.header(ACCEPT, accept);
            }
            if matches!(call.sent, Sent::Nothing) && !call.method.is_safe() {
                request = request.header(CONTENT_LENGTH, 0);
            }
            if call.from > 0 {
                request = request.header(RANGE, format!("bytes={}-", call.from));
            }
            request
        };
        self.follow(&trail, with_headers).await.map_err(|astray| match astray {
            Astray::Failed(kind) => kind,
            Astray::Unencrypted(host) => {
                ErrorKind::Protocol(format!("the registry redirects to http://{host}, without encryption"))
            }
            Astray::Endless => {
                ErrorKind::Protocol(format!("more than {MOST_REDIRECTS} redirects from {}", fault::host_of(url)))
            }
        })
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
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

/// The realm that headers want a token of, if they want any.
#[cfg(feature = "fuzzing")]
pub(crate) fn realm(headers: &http::HeaderMap) -> Option<String> {
    match challenge::best(headers)? {
        challenge::Challenge::Bearer { realm, .. } => Some(realm),
        challenge::Challenge::Basic => None,
    }
}
