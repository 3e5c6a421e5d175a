//! Plain questions to services beside image registries, by the same connections and with the same patience and words.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method};
use url::Url;

use super::{Backoff, MOST_REDIRECTS, Transport, fault, read_all, redirect, same_origin};
use crate::client::Client;
use crate::error::{ErrorKind, ImageError};
use crate::progress::Progress;

/// A question to a service that is no image registry.
#[derive(Clone, Copy)]
pub struct Get<'a> {
    /// The address. Its scheme decides about encryption, whatever [`Options::tls`](crate::Options::tls) says of registries.
    pub url: &'a str,
    /// The header `Accept`.
    pub accept: &'a str,
    /// The header `Authorization`. No other host hears of it, wherever this one redirects to.
    pub authorization: Option<&'a str>,
    /// The longest answer that is read, in bytes.
    pub limit: u64,
    /// Whether the answer is checked against a digest, so that it may come without encryption from elsewhere.
    pub addressed_by_content: bool,
}

impl Client {
    /// The body of the answer, if that is a success. What may succeed later is tried again, as with registries.
    ///
    /// # Errors
    /// Those of registries; [`ErrorKind::Limit`] when the answer is too long.
    pub async fn get(&self, get: &Get<'_>, progress: &dyn Progress) -> Result<Bytes, ImageError> {
        let transport = self.shared_transport();
        let mut backoff = Backoff::new(&transport.retries);
        loop {
            match transport.get_once(get).await {
                Ok(answer) => return Ok(answer),
                Err(error) => backoff.pause(error, progress).await?,
            }
        }
    }
}

impl Transport {
    async fn get_once(&self, get: &Get<'_>) -> Result<Bytes, ErrorKind> {
        let bad = |why: &str| ErrorKind::Protocol(format!("cannot ask {}: {why}", get.url));
        let home = Url::parse(get.url).map_err(|error| bad(&error.to_string()))?;
        let authorization = get.authorization.map(HeaderValue::from_str).transpose();
        let authorization = authorization.map_err(|_| bad("what is to authorize it is no header"))?.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let mut at = home.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.http.client.get(at.clone()).header(ACCEPT, get.accept);
            if let Some(authorization) = &authorization
                && same_origin(&at, &home)
            {
                request = request.header(AUTHORIZATION, authorization);
            }
            let response = request.send().await.map_err(|error| fault::of_request(&error, &at))?;
            let Some(next) = redirect(&Method::GET, &response, &at)? else {
                if response.status().is_success() {
                    return read_all(response, get.limit, "the answer", &at).await;
                }
                return Err(fault::of_response(response, "there is nothing at this address").await);
            };
            if next.scheme() == "http" && at.scheme() == "https" && !get.addressed_by_content {
                let host = fault::host_of(&next);
                return Err(bad(&format!("it redirects to http://{host}, without encryption")));
            }
            at = next;
        }
        Err(bad(&format!("there are more than {MOST_REDIRECTS} redirects")))
    }
}
