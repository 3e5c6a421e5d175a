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
use opm_model::{Bundle, QueryError, Reply};
use prost::Message;
use tonic::Status;

use crate::calls::Call;
use crate::repack::Repack;
use crate::room::Ticket;
use crate::to_proto;

/// Small messages share a buffer up to this size, in bytes. It is also about what a stalled stream holds twice: once in
/// the connection, once in wait for it.
const BUFFER: usize = 64 * 1024;
/// A message's prefix: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;

/// How long the text of a status may be, in bytes. Clients limit all headers together, some of them to eight kilobytes.
const LONGEST_TEXT: usize = 4096;

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

    /// A bundle, which may be what the service sends already.
    pub(crate) fn bundle(self, reply: Reply<Bundle>) -> Result<Bytes, QueryError> {
        match reply {
            Reply::Value(bundle) => self.one(to_proto::bundle(bundle)),
            Reply::Encoded(frame) => self.framed(frame),
        }
    }

    /// Messages that are encoded already, though not compressed.
    pub(crate) fn framed(self, frames: Vec<u8>) -> Result<Bytes, QueryError> {
        let frames =
            if self.gzip { Repack::default().take(&frames).map_err(|e| QueryError::Store(e.into()))? } else { frames };
        Ok(frames.into())
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

/// Buffers, each when the connection has taken the one before.
pub(crate) type Buffers = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// The body of a response.
pub(crate) struct Answer {
    /// What is sent next.
    rest: Bytes,
    /// What comes after it.
    source: Source,
    /// Goes when the answer is sent, and is counted and logged then.
    call: Option<Call>,
    _ticket: Option<Ticket>,
}

enum Source {
    /// Buffers, then their status or OK.
    Buffers(Buffers),
    /// The status OK.
    Ok,
    /// Nothing more; where nothing came before, the status is in the headers.
    End,
    /// What a service that is not ours answers.
    Foreign(tonic::body::Body),
}

/// What a service answers, before it is a body.
pub(crate) enum Content {
    /// One buffer, and the room that it takes.
    One(Bytes, Option<Ticket>),
    /// Many, and the room that they take at a time.
    Many(Buffers, Option<Ticket>),
}

impl Answer {
    /// A response with this content, or one without a body that carries the status.
    pub(crate) fn response(answer: Result<Content, Status>, gzip: bool, mut call: Call) -> http::Response<Self> {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let body = match answer {
            Ok(content) => {
                if gzip {
                    headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
                }
                let (rest, source, ticket) = match content {
                    Content::One(bytes, ticket) => (bytes, Source::Ok, ticket),
                    Content::Many(buffers, ticket) => (Bytes::new(), Source::Buffers(buffers), ticket),
                };
                Self { rest, source, call: Some(call), _ticket: ticket }
            }
            Err(status) => {
                write(Some(&status), &mut headers);
                call.end(Some(&status));
                Self::nothing()
            }
        };
        let mut response = http::Response::new(body);
        *response.headers_mut() = headers;
        response
    }

    /// A body that is empty.
    pub(crate) fn nothing() -> Self {
        Self { rest: Bytes::new(), source: Source::End, call: None, _ticket: None }
    }

    /// What a service that is not ours answers.
    pub(crate) fn foreign(response: http::Response<tonic::body::Body>, mut call: Call) -> http::Response<Self> {
        let ended = Status::from_header_map(response.headers());
        if let Some(status) = &ended {
            call.end(Some(status));
        }
        let call = ended.is_none().then_some(call);
        response.map(|body| Self { rest: Bytes::new(), source: Source::Foreign(body), call, _ticket: None })
    }

    fn sent(&mut self, bytes: usize) {
        if let Some(call) = &mut self.call {
            call.sent(bytes);
        }
    }

    /// The last frame: how it ended.
    fn last(&mut self, ended: &Result<(), Status>) -> Frame<Bytes> {
        self.source = Source::End;
        if let Some(mut call) = self.call.take() {
            call.end(ended.as_ref().err());
        }
        let mut headers = HeaderMap::with_capacity(2);
        write(ended.as_ref().err(), &mut headers);
        Frame::trailers(headers)
    }
}

fn write(status: Option<&Status>, headers: &mut HeaderMap) {
    let Some(status) = status else {
        headers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        return;
    };
    let (code, text) = (status.code(), status.message());
    // A name that a client asks for comes back in the text, and may be as long as a request.
    let status = Status::new(code, &text[..text.floor_char_boundary(LONGEST_TEXT)]);
    // It refuses only metadata that cannot be headers, and ours has none.
    if status.add_header(headers).is_err() {
        headers.insert(Status::GRPC_STATUS, HeaderValue::from_static("13"));
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            // In pieces, so that it shows whether the client takes them.
            if !self.rest.is_empty() {
                let length = self.rest.len().min(BUFFER);
                let piece = self.rest.split_to(length);
                self.sent(length);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let ended = match &mut self.source {
                Source::Ok => Ok(()),
                Source::Buffers(buffers) => match ready!(buffers.as_mut().poll_next(cx)) {
                    Some(Ok(bytes)) => {
                        self.rest = bytes;
                        continue;
                    }
                    Some(Err(status)) => Err(status),
                    None => Ok(()),
                },
                Source::End => return Poll::Ready(None),
                Source::Foreign(body) => {
                    let frame = ready!(Pin::new(body).poll_frame(cx));
                    self.follow(frame.as_ref());
                    return Poll::Ready(frame);
                }
            };
            return Poll::Ready(Some(Ok(self.last(&ended))));
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Buffers(_) | Source::Ok => false,
            Source::End => true,
            Source::Foreign(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Answer {
    /// Keeps account of a body that is not ours.
    fn follow(&mut self, frame: Option<&Result<Frame<Bytes>, Status>>) {
        match frame {
            Some(Ok(frame)) => {
                self.sent(frame.data_ref().map_or(0, Bytes::len));
                if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map)
                    && let Some(mut call) = self.call.take()
                {
                    call.end(Some(&status));
                }
            }
            Some(Err(status)) => {
                if let Some(mut call) = self.call.take() {
                    call.end(Some(status));
                }
            }
            None => {}
        }
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
