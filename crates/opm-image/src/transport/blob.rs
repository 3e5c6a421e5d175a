//! Blobs, piece by piece, across interruptions.

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_RANGE;
use reqwest::Response;
use url::Url;

use super::retry::Backoff;
use super::{Call, Transport, fault};
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::progress::Progress;
use crate::reference::Reference;

/// So much must arrive for an interrupted download to count as getting on.
const PROGRESS: u64 = 64 << 10;

/// A blob being downloaded. Its bytes come in order and once each, whatever happens to connections; its digest is for the
/// reader to check.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    transport: &'a Transport,
    call: Call<'a>,
    size: u64,
    offset: u64,
    /// Where the current connection started.
    resumed: u64,
    /// The answer being read, and how much of it is known already.
    body: Option<(Response, Url, u64)>,
    backoff: Backoff<'a>,
}

impl Transport {
    /// Begins to download a blob of `size` bytes.
    pub(crate) fn blob<'a>(&'a self, image: &'a Reference, digest: &Digest, size: u64) -> Download<'a> {
        self.rest_of_blob(image, digest, size, 0)
    }

    /// The same without the first bytes, which are there already.
    pub(crate) fn rest_of_blob<'a>(
        &'a self,
        image: &'a Reference,
        digest: &Digest,
        size: u64,
        offset: u64,
    ) -> Download<'a> {
        let call = Call::pull(image, format!("blobs/{digest}"), "the registry does not have this blob");
        let backoff = Backoff::new(&self.retries);
        Download { transport: self, call, size, offset, resumed: offset, body: None, backoff }
    }
}

impl Download<'_> {
    /// The next bytes; `None` at the end.
    pub(crate) async fn chunk(&mut self, progress: &dyn Progress) -> Result<Option<Bytes>, ErrorKind> {
        loop {
            match self.next().await {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(chunk) => return Ok(chunk),
                // All is there; only the goodbye was lost.
                Err(_) if self.offset == self.size && self.offset > self.resumed => return Ok(None),
                Err(error) => {
                    self.body = None;
                    if self.offset - self.resumed >= PROGRESS {
                        self.backoff.reset();
                    }
                    self.backoff.pause(error, progress).await?;
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ErrorKind> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.open().await?,
        };
        let (response, url, known) = &mut body;
        let Some(mut chunk) = response.chunk().await.map_err(|error| fault::of_request(&error, url))? else {
            if self.offset < self.size {
                return Err(ErrorKind::Cut { host: fault::host_of(url), why: "the answer ended early".to_owned() });
            }
            return Ok(None);
        };
        let skipped = usize::try_from(*known).unwrap_or(usize::MAX).min(chunk.len());
        *known -= skipped as u64;
        let chunk = chunk.split_off(skipped);
        self.offset += chunk.len() as u64;
        self.transport.lanes.meter().pass(chunk.len() as u64).await;
        if self.offset > self.size {
            return Err(ErrorKind::Size { what: "the layer", expected: self.size, found: self.offset });
        }
        self.body = Some(body);
        Ok(Some(chunk))
    }

    async fn open(&mut self) -> Result<(Response, Url, u64), ErrorKind> {
        self.call.from = self.offset;
        self.resumed = self.offset;
        let (mut response, mut url) = self.transport.exchange(&self.call).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // It has the blob, but not from there on: what is known is skipped.
            self.call.from = 0;
            (response, url) = self.transport.exchange(&self.call).await?;
        }
        if !response.status().is_success() {
            return Err(self.transport.refusal(&self.call, response, &url).await.0);
        }
        let known = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let start = response.headers().get(CONTENT_RANGE).and_then(|value| range_start(value.to_str().ok()?));
                if start.is_some_and(|start| start != self.call.from) {
                    return Err(ErrorKind::Protocol("the registry answered with another range than asked".to_owned()));
                }
                self.offset - self.call.from
            }
            // A registry that knows no ranges begins anew.
            _ => self.offset,
        };
        let expected = self.size - self.offset + known;
        match response.content_length() {
            Some(found) if found != expected => {
                let found = self.size - expected + found;
                Err(ErrorKind::Size { what: "the layer", expected: self.size, found })
            }
            _ => Ok((response, url, known)),
        }
    }
}

/// The `5` of `bytes 5-9/10`.
fn range_start(text: &str) -> Option<u64> {
    text.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.trim().parse().ok()
}
