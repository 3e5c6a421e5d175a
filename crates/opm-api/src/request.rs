//! What a client sent: the headers that matter, and one message.

use std::future::poll_fn;
use std::io::Read as _;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use prost::Message;
use tonic::Status;

use crate::answer::PREFIX;
use crate::calls::Call;
use crate::room::Ticket;

/// The longest message that a client may send, in bytes: the default of every gRPC server. It holds before and after
/// decompression.
const LARGEST: usize = 4 * 1024 * 1024;
/// What is read without asking whether there is room for it, in bytes. Requests are names.
const MODEST: usize = 4 * 1024;

/// What the headers of a request say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// When the client stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// Whether the request is gzip-encoded; then its answer is, too.
    pub(crate) gzip: bool,
}

impl Head {
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, Status> {
        let deadline = match headers.get("grpc-timeout") {
            None => None,
            // A time too far away for the clock is as good as none.
            Some(value) => match value.to_str().ok().and_then(timeout) {
                Some(wait) => Instant::now().checked_add(wait),
                None => return Err(Status::internal(format!("malformed grpc-timeout: {value:?}"))),
            },
        };
        let gzip = match headers.get("grpc-encoding").map(http::HeaderValue::as_bytes) {
            None | Some(b"identity") => false,
            Some(b"gzip") => true,
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                return Err(Status::unimplemented(format!("no decompressor for grpc-encoding {other:?}: send gzip")));
            }
        };
        Ok(Self { deadline, gzip })
    }
}

/// The value of `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Reads the one message of a request. A large one takes room, until the ticket that comes with it goes.
pub(crate) async fn message<M, B>(mut body: B, head: Head, call: &Call) -> Result<(M, Option<Ticket>), Status>
where
    M: Message + Default,
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = Bytes::new();
    let mut ticket = None;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        // The connection is gone, so this text reaches nobody.
        let frame = frame.map_err(|_| Status::cancelled("the request broke off"))?;
        let Ok(data) = frame.into_data() else { break };
        if bytes.is_empty() {
            bytes = data;
        } else {
            let mut joined = BytesMut::from(bytes);
            joined.extend_from_slice(&data);
            bytes = joined.freeze();
        }
        let length = check_length(&bytes)?;
        if length > MODEST && ticket.is_none() {
            ticket = Some(call.room().admit(&call.peer, length).await?);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok((decode(bytes, head)?, ticket))
}

/// The length of the message, as soon as it is known. Refuses what is longer than its prefix says, or than any message may be,
/// before the rest of it is read.
fn check_length(bytes: &[u8]) -> Result<usize, Status> {
    let Some((&[_, a, b, c, d], rest)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(0) };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > LARGEST {
        return Err(too_large(length));
    }
    if rest.len() > length {
        return Err(Status::internal("the request holds more than one message"));
    }
    Ok(length)
}

fn too_large(length: usize) -> Status {
    Status::resource_exhausted(format!("received message larger than max ({length} vs. {LARGEST})"))
}

fn decode<M: Message + Default>(mut bytes: Bytes, head: Head) -> Result<M, Status> {
    let Some(&[flag, a, b, c, d]) = bytes.first_chunk::<PREFIX>() else {
        return Err(Status::internal("the request ends before its message"));
    };
    bytes.advance(PREFIX);
    if usize::try_from(u32::from_be_bytes([a, b, c, d])) != Ok(bytes.len()) {
        return Err(Status::internal("the request ends within its message"));
    }
    let bytes = match (flag, head.gzip) {
        (0, _) => bytes,
        (1, true) => gunzip(&bytes)?,
        (1, false) => return Err(Status::internal("the message is compressed, but grpc-encoding does not say how")),
        (flag, _) => return Err(Status::internal(format!("the message begins with the unknown flag {flag}"))),
    };
    M::decode(bytes).map_err(|error| Status::internal(format!("the message cannot be decoded: {error}")))
}

fn gunzip(bytes: &[u8]) -> Result<Bytes, Status> {
    let mut plain = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX) + 1;
    flate2::read::MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|error| Status::internal(format!("the message cannot be decompressed: {error}")))?;
    if plain.len() > LARGEST { Err(too_large(plain.len())) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::VecDeque;
    use std::task::{Context, Poll};

    use http_body::Frame;
    use tonic::Code;

    use super::*;
    use crate::proto::GetPackageRequest;

    #[test]
    fn timeouts_have_at_most_eight_digits_and_a_unit() {
        let table = [
            ("1H", Some(Duration::from_hours(1))),
            ("2M", Some(Duration::from_mins(2))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("0m", Some(Duration::ZERO)),
            ("5u", Some(Duration::from_micros(5))),
            ("7n", Some(Duration::from_nanos(7))),
            ("", None),
            ("S", None),
            ("1", None),
            ("1x", None),
            ("+1S", None),
            ("1 S", None),
            ("123456789S", None),
            ("1\u{fc}", None),
        ];
        for (text, expected) in table {
            assert_eq!(timeout(text), expected, "{text:?}");
        }
    }

    #[test]
    fn heads_are_read_or_refused() {
        let parse = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            Head::parse(&headers).map_err(|status| status.code())
        };
        assert_eq!(parse("x", "y"), Ok(Head::default()));
        assert_eq!(parse("grpc-encoding", "identity"), Ok(Head::default()));
        assert_eq!(parse("grpc-encoding", "gzip"), Ok(Head { deadline: None, gzip: true }));
        assert_eq!(parse("grpc-encoding", "snappy"), Err(Code::Unimplemented));
        assert_eq!(parse("grpc-timeout", "soon"), Err(Code::Internal));
        assert!(parse("grpc-timeout", "1S").unwrap().deadline.is_some());
    }

    /// A body that arrives in these pieces.
    struct Pieces(VecDeque<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    fn read(bytes: &[u8], piece: usize, gzip: bool) -> Result<String, Code> {
        let pieces = Pieces(bytes.chunks(piece).map(Bytes::copy_from_slice).collect());
        let head = Head { deadline: None, gzip };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read: Result<(GetPackageRequest, _), _> = runtime.block_on(message(pieces, head, &crate::tests::call()));
        read.map(|(m, _)| m.name).map_err(|status| status.code())
    }

    #[test]
    fn messages_are_read_whatever_their_pieces() {
        let packed = crate::answer::Encoder { gzip: true }.one(GetPackageRequest { name: "abc".to_owned() }).unwrap();
        let large = [&[1, 0x7f, 0, 0, 0][..], &[0; 100]].concat();
        let bomb = crate::answer::Encoder { gzip: true }.one(GetPackageRequest { name: "a".repeat(LARGEST) }).unwrap();
        let table: [(&[u8], bool, Result<&str, Code>); 13] = [
            (&[0, 0, 0, 0, 5, 10, 3, b'a', b'b', b'c'], false, Ok("abc")),
            (&[0, 0, 0, 0, 5, 10, 3, b'a', b'b', b'c'], true, Ok("abc")),
            (&[0, 0, 0, 0, 0], false, Ok("")),
            (&packed, true, Ok("abc")),
            (&packed, false, Err(Code::Internal)),
            (&packed[..packed.len() - 1], true, Err(Code::Internal)),
            (&[1, 0, 0, 0, 2, 10, 3], true, Err(Code::Internal)),
            (&bomb, true, Err(Code::ResourceExhausted)),
            (&large, false, Err(Code::ResourceExhausted)),
            (&[], false, Err(Code::Internal)),
            (&[0, 0, 0], false, Err(Code::Internal)),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false, Err(Code::Internal)),
            (&[0, 0, 0, 0, 2, 10, 3], false, Err(Code::Internal)),
        ];
        for (bytes, gzip, expected) in table {
            for piece in [1, 3, 7, 1 << 20] {
                assert_eq!(
                    read(bytes, piece, gzip).as_deref(),
                    expected.as_deref(),
                    "{:?}",
                    &bytes[..bytes.len().min(20)]
                );
            }
        }
    }
}
