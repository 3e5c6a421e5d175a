//! Messages that a store kept uncompressed, for clients that want them compressed.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::answer::PREFIX;

/// Compresses the messages of a stream that arrives in any pieces. It holds no more than one message, in its compressed form,
/// since its length goes before it.
#[derive(Default)]
pub(crate) struct Repack {
    prefix: Vec<u8>,
    message: Option<Message>,
}

struct Message {
    /// How much of it has not arrived, in bytes.
    missing: usize,
    packed: GzEncoder<Vec<u8>>,
}

impl Repack {
    /// What can be sent once `piece` has arrived: whole messages.
    pub(crate) fn take(&mut self, mut piece: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let Some(message) = &mut self.message else {
                let (more, rest) = piece.split_at(piece.len().min(PREFIX - self.prefix.len()));
                self.prefix.extend_from_slice(more);
                piece = rest;
                let Ok([_, a, b, c, d]) = <[u8; PREFIX]>::try_from(self.prefix.as_slice()) else { return Ok(out) };
                self.prefix.clear();
                self.message = Some(Message {
                    missing: usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX),
                    packed: GzEncoder::new(vec![1, 0, 0, 0, 0], Compression::fast()),
                });
                continue;
            };
            let (more, rest) = piece.split_at(piece.len().min(message.missing));
            message.packed.write_all(more)?;
            message.missing -= more.len();
            piece = rest;
            if message.missing > 0 {
                return Ok(out);
            }
            if let Some(whole) = self.message.take() {
                let mut frame = whole.packed.finish()?;
                let length = u32::try_from(frame.len() - PREFIX).map_err(io::Error::other)?;
                frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
                out.append(&mut frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn messages_are_the_same_whatever_their_pieces() {
        let messages = [vec![], b"abc".to_vec(), vec![7; 100_000], vec![], b"end".to_vec()];
        let mut stream = Vec::new();
        for message in &messages {
            stream.push(0);
            stream.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            stream.extend(message);
        }
        for size in [1, 2, 5, 7, 64 * 1024, stream.len()] {
            let mut repack = Repack::default();
            let packed: Vec<u8> = stream.chunks(size).flat_map(|piece| repack.take(piece).unwrap()).collect();
            let (mut rest, mut found) = (&packed[..], Vec::new());
            while let Some((&[1, a, b, c, d], after)) = rest.split_first_chunk() {
                let (message, after) = after.split_at(usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap());
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(message).read_to_end(&mut plain).unwrap();
                found.push(plain);
                rest = after;
            }
            assert!(rest.is_empty());
            assert_eq!(found, messages, "{size}");
        }
    }
}
