//! Plain questions to services beside image registries, by the same connections and in the same lanes, with the same patience and
//! words.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Method};
use url::Url;

use super::follow::{Astray, MOST_REDIRECTS, Trail};
use super::sent::Sent;
use super::{Backoff, Transport, fault, read_all};
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
        let (method, authorization) = (&Method::GET, authorization.as_ref());
        let addressed_by_content = get.addressed_by_content;
        let sent = &Sent::Nothing;
        let trail = Trail { method, url: &home, home: &home, authorization, sent, addressed_by_content };
        let answer = self.follow(&trail, |request| request.header(ACCEPT, get.accept)).await;
        let (response, last) = answer.map_err(|astray| match astray {
            Astray::Failed(kind) => kind,
            Astray::Unencrypted(host) => bad(&format!("it redirects to http://{host}, without encryption")),
            Astray::Endless => bad(&format!("there are more than {MOST_REDIRECTS} redirects")),
        })?;
        if response.status().is_success() {
            return read_all(response, get.limit, "the answer", &last).await;
        }
        let kind = fault::of_response(response, "there is nothing at this address").await;
        self.heed(&kind, &last);
        Err(kind)
    }
}
