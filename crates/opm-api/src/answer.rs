//! What goes back to a client: messages as length-prefixed bytes, then a status.
//!
//! Messages are encoded once, straight into the buffers that the connection writes from.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use opm_model::QueryError;
use prost::Message;
use tonic::Status;

/// Small messages share a buffer up to this size, in bytes. It is also about what a stalled stream holds twice: once in
/// the connection, once in wait for it.
const BUFFER: usize = 64 * 1024;
/// A message's prefix: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Turns messages into bytes for the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoder {
    /// Whether each message is compressed.
    pub(crate) gzip: bool,
}

impl Encoder {
    /// A single message.
    pub(crate) fn one<M: Message>(self, message: M) -> Result<Bytes, QueryError> {
        let size = PREFIX + message.encoded_len();
        self.group([message], size)
    }

    /// All messages, in one buffer.
    pub(crate) fn all<M: Message>(self, messages: impl IntoIterator<Item = M>) -> Result<Bytes, QueryError> {
        self.group(messages, 0)
    }

    /// All messages, in buffers of about [`BUFFER`] bytes that can be let go one by one, in reverse order.
    pub(crate) fn buffers<M: Message>(self, messages: impl IntoIterator<Item = M>) -> Result<Vec<Bytes>, QueryError> {
        let mut buffers = Vec::new();
        let (mut group, mut size) = (Vec::new(), 0);
        for message in messages {
            let needed = PREFIX + message.encoded_len();
            if size + needed > BUFFER && !group.is_empty() {
                buffers.push(self.group(group.drain(..), size)?);
                size = 0;
            }
            size += needed;
            group.push(message);
        }
        if !group.is_empty() {
            buffers.push(self.group(group, size)?);
        }
        buffers.reverse();
        Ok(buffers)
    }

    /// All messages, in one buffer of this size, unless they are compressed.
    fn group<M: Message>(self, messages: impl IntoIterator<Item = M>, size: usize) -> Result<Bytes, QueryError> {
        let mut out = Vec::with_capacity(if self.gzip { 0 } else { size });
        for message in messages {
            self.push(&mut out, &message)?;
        }
        Ok(out.into())
    }

    fn push(self, out: &mut Vec<u8>, message: &impl Message) -> Result<(), QueryError> {
        let start = out.len();
        out.extend_from_slice(&[u8::from(self.gzip), 0, 0, 0, 0]);
        if self.gzip {
            let plain = message.encode_to_vec();
            let mut gzip = flate2::write::GzEncoder::new(&mut *out, flate2::Compression::fast());
            gzip.write_all(&plain).and_then(|()| gzip.finish().map(drop)).map_err(|e| QueryError::Store(e.into()))?;
        } else {
            message.encode(out).map_err(|e| QueryError::Store(e.into()))?;
        }
        let length = u32::try_from(out.len() - start - PREFIX)
            .map_err(|_| QueryError::Store("the answer is longer than a gRPC message can be".into()))?;
        out[start + 1..start + PREFIX].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// The body of a response.
pub(crate) enum Answer {
    /// One buffer, then the status OK.
    One(Bytes),
    /// Buffers, then their status or OK.
    Many(Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>),
    /// The status OK.
    Ok,
    /// Nothing more; where nothing came before, the status is in the headers.
    End,
    /// What a service that is not ours answers.
    Foreign(tonic::body::Body),
}

impl Answer {
    /// A response with this body, or one without a body that carries the status.
    pub(crate) fn response(answer: Result<Self, Status>, gzip: bool) -> http::Response<Self> {
        let mut response = http::Response::new(Self::End);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        match answer {
            Ok(body) => {
                if gzip {
                    headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
                }
                *response.body_mut() = body;
            }
            Err(status) => write(&status, headers),
        }
        response
    }
}

fn write(status: &Status, headers: &mut HeaderMap) {
    // It refuses only metadata that cannot be headers, and ours has none.
    if status.add_header(headers).is_err() {
        headers.insert("grpc-status", HeaderValue::from_static("13"));
    }
}

fn trailers(status: &Status) -> Frame<Bytes> {
    let mut headers = HeaderMap::new();
    write(status, &mut headers);
    Frame::trailers(headers)
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let (frame, next) = match &mut *self {
            Self::One(bytes) if bytes.is_empty() => (trailers(&Status::ok("")), Self::End),
            Self::One(bytes) => (Frame::data(std::mem::take(bytes)), Self::Ok),
            Self::Many(buffers) => match ready!(buffers.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Err(status)) => (trailers(&status), Self::End),
                None => (trailers(&Status::ok("")), Self::End),
            },
            Self::Ok => (trailers(&Status::ok("")), Self::End),
            Self::End => return Poll::Ready(None),
            Self::Foreign(body) => return Pin::new(body).poll_frame(cx),
        };
        *self = next;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::One(_) | Self::Many(_) | Self::Ok => false,
            Self::End => true,
            Self::Foreign(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::proto::PackageName;

    fn names(lengths: &[usize]) -> Vec<PackageName> {
        lengths.iter().map(|length| PackageName { name: "n".repeat(*length) }).collect()
    }

    #[test]
    fn small_messages_share_buffers_and_large_ones_have_their_own() {
        // What a message needs beside its name: the prefix, and three or four bytes for its field.
        let table: [(&[usize], &[usize]); 6] = [
            (&[], &[]),
            (&[0], &[1]),
            (&[100, 100, 100], &[3]),
            (&[BUFFER / 2 - 9, BUFFER / 2 - 9, 1], &[2, 1]),
            (&[1, 3 * BUFFER, 1, 1], &[1, 1, 2]),
            (&[2 * BUFFER, 2 * BUFFER], &[1, 1]),
        ];
        for (lengths, expected) in table {
            let mut buffers = Encoder { gzip: false }.buffers(names(lengths)).unwrap();
            buffers.reverse();
            let mut counts = Vec::new();
            for buffer in &buffers {
                let (mut rest, mut count) = (&buffer[..], 0);
                while let Some((&[flag, a, b, c, d], after)) = rest.split_first_chunk() {
                    assert_eq!(flag, 0);
                    rest = &after[usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap()..];
                    count += 1;
                }
                assert!(buffer.len() <= BUFFER || count == 1);
                counts.push(count);
            }
            assert_eq!(counts, expected, "{lengths:?}");
            assert_eq!(buffers.concat(), Encoder { gzip: false }.all(names(lengths)).unwrap(), "{lengths:?}");
        }
    }
}
