//! What requests carry, and how long they may take with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::try_unfold;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use url::Url;

use super::lanes::Meter;
use super::{Http, fault};
use crate::error::ErrorKind;

/// How much of a file is read at once.
const READ: usize = 256 << 10;

/// After the last byte, a registry may think about it for so many times the usual silence.
const PATIENCE: u32 = 5;

/// What a request carries. Its media type is that of a manifest, or of any bytes.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Nothing,
    Bytes {
        bytes: Bytes,
        media_type: String,
    },
    /// A part of a file, and whether it is said which part.
    File {
        path: PathBuf,
        from: u64,
        length: u64,
        range: bool,
    },
}

impl Sent {
    pub(super) fn client<'a>(&self, http: &'a Http) -> &'a reqwest::Client {
        if matches!(self, Self::File { .. }) { &http.uploads } else { &http.client }
    }

    /// Sends a request with this in it. Files are read as fast as the registry takes them.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        at: &Url,
        idle: Duration,
        meter: &Arc<Meter>,
    ) -> Result<Response, ErrorKind> {
        let of_request = |error: reqwest::Error| fault::of_request(&error, at);
        match self {
            Self::Nothing => request.send().await.map_err(of_request),
            Self::Bytes { bytes, media_type } => {
                request.header(CONTENT_TYPE, media_type).body(bytes.clone()).send().await.map_err(of_request)
            }
            Self::File { path, from, length, range } => {
                let mut file = tokio::fs::File::open(path).await.map_err(ErrorKind::io(path))?;
                file.seek(std::io::SeekFrom::Start(*from)).await.map_err(ErrorKind::io(path))?;
                let moved = Arc::new(AtomicU64::new(0));
                let mut request = request
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .header(CONTENT_LENGTH, *length)
                    .body(body(file, *length, Arc::clone(&moved), Arc::clone(meter)));
                if *range {
                    request = request.header(CONTENT_RANGE, format!("{from}-{}", from + length - 1));
                }
                watch(request, &moved, *length, idle)
                    .await
                    .ok_or_else(|| ErrorKind::Timeout { host: fault::host_of(at) })?
                    .map_err(of_request)
            }
        }
    }
}

fn body(file: tokio::fs::File, length: u64, moved: Arc<AtomicU64>, meter: Arc<Meter>) -> Body {
    Body::wrap_stream(try_unfold((file.take(length), moved, meter), |(mut file, moved, meter)| async move {
        let mut chunk = BytesMut::with_capacity(READ);
        let read = file.read_buf(&mut chunk).await?;
        moved.fetch_add(read as u64, Ordering::Relaxed);
        meter.pass(read as u64).await;
        std::io::Result::Ok((read > 0).then(|| (chunk.freeze(), (file, moved, meter))))
    }))
}

/// Sends a request until nothing has moved for `idle`. `None` when that is so.
async fn watch(
    request: RequestBuilder,
    moved: &AtomicU64,
    length: u64,
    idle: Duration,
) -> Option<reqwest::Result<Response>> {
    let mut sending = std::pin::pin!(request.send());
    let (mut last, mut silent) = (0, 0);
    loop {
        tokio::select! {
            answer = &mut sending => return Some(answer),
            () = tokio::time::sleep(idle) => {}
        }
        let now = moved.load(Ordering::Relaxed);
        silent = if now == last { silent + 1 } else { 0 };
        last = now;
        if silent >= if now < length { 1 } else { PATIENCE } {
            return None;
        }
    }
}
