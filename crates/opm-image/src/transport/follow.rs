//! One request, wherever redirects lead it.

use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use url::Url;

use super::sent::Sent;
use super::{Transport, fault, same_origin};
use crate::error::ErrorKind;

/// The most redirects of one request.
pub(super) const MOST_REDIRECTS: usize = 10;

/// What is asked, and whom.
#[derive(Debug)]
pub(super) struct Trail<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    /// Who alone is told the authorization.
    pub(super) home: &'a Url,
    pub(super) authorization: Option<&'a HeaderValue>,
    pub(super) sent: &'a Sent,
    /// The answer is checked against a digest, so that it may come without encryption from elsewhere.
    pub(super) addressed_by_content: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Astray {
    Failed(ErrorKind),
    /// A redirect leads to this host, without encryption.
    Unencrypted(String),
    /// There are more than [`MOST_REDIRECTS`].
    Endless,
}

impl From<ErrorKind> for Astray {
    fn from(kind: ErrorKind) -> Self {
        Self::Failed(kind)
    }
}

impl Transport {
    /// Sends a request, in the lanes of whoever it comes to, and follows where it leads. The answer may be a failure.
    pub(super) async fn follow(
        &self,
        trail: &Trail<'_>,
        with_headers: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<(Response, Url), Astray> {
        let mut at = trail.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let request = trail.sent.client(&self.http).request(trail.method.clone(), at.clone());
            let mut request = with_headers(request);
            if let Some(authorization) = trail.authorization
                && same_origin(&at, trail.home)
            {
                request = request.header(AUTHORIZATION, authorization);
            }
            let host = fault::host_of(&at);
            let lane = self.lanes.enter(&host).await;
            let response = trail.sent.send(request, &at, self.retries.idle_timeout, self.lanes.meter()).await?;
            drop(lane);
            if response.status().is_success() {
                self.lanes.calm(&host);
            }
            let Some(next) = redirect(trail.method, &response, &at)? else { return Ok((response, at)) };
            let next_host = fault::host_of(&next);
            if next.scheme() == "http" && at.scheme() == "https" && !trail.addressed_by_content {
                return Err(Astray::Unencrypted(next_host));
            }
            tracing::debug!(from = %host, to = %next_host, "redirected");
            at = next;
        }
        Err(Astray::Endless)
    }

    /// Gives a host quiet that says it is asked too much.
    pub(super) fn heed(&self, kind: &ErrorKind, at: &Url) {
        if let ErrorKind::Throttled { wait, .. } | ErrorKind::Server { wait: wait @ Some(_), .. } = kind {
            self.lanes.crowded(&fault::host_of(at), wait.map(|wait| wait.min(self.retries.longest_wait)));
        }
    }
}

/// Where an answer sends its reader, if anywhere. What writes goes only where the same may be said again.
fn redirect(method: &Method, response: &Response, at: &Url) -> Result<Option<Url>, ErrorKind> {
    let moved = match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => method.is_safe(),
        _ => false,
    };
    if !moved {
        return Ok(None);
    }
    let bad = || ErrorKind::Protocol(format!("{} redirects to nowhere", fault::host_of(at)));
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(bad)?;
    let target = at.join(target).map_err(|_| bad())?;
    if matches!(target.scheme(), "http" | "https") { Ok(Some(target)) } else { Err(bad()) }
}
