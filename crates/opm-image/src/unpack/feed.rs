//! The bytes of a blob, from the task that reads them to the thread that unpacks them.

use std::io::{self, BufRead, Read};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::digest::{Digest, Hasher};

/// Enough of a blob to tell how it is compressed.
const HEAD: usize = 6;

/// How many chunks may wait.
const WAITING: usize = 16;

/// A piece of a blob, or its end. A channel that closes without an end was abandoned.
#[derive(Debug)]
pub(crate) enum Feed {
    Chunk(Bytes),
    End,
}

/// A bounded channel for one blob.
pub(crate) fn channel(hasher: Hasher) -> (mpsc::Sender<Feed>, BlobReader) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (sender, BlobReader { receiver, chunk: Bytes::new(), started: false, ended: false, hasher, length: 0 })
}

/// The receiving end: counts and digests what it reads. The first [`fill_buf`](BufRead::fill_buf) has at least six bytes if
/// the blob has.
#[derive(Debug)]
pub(crate) struct BlobReader {
    receiver: mpsc::Receiver<Feed>,
    chunk: Bytes,
    started: bool,
    ended: bool,
    hasher: Hasher,
    length: u64,
}

impl BlobReader {
    fn receive(&mut self) -> io::Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        match self.receiver.blocking_recv() {
            Some(Feed::Chunk(chunk)) => {
                self.hasher.update(&chunk);
                self.length += chunk.len() as u64;
                Ok(Some(chunk))
            }
            Some(Feed::End) => {
                self.ended = true;
                Ok(None)
            }
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Reads what is left and answers the digest and length of the whole blob.
    pub(crate) fn finish(mut self) -> io::Result<(Digest, u64)> {
        while self.receive()?.is_some() {}
        Ok((self.hasher.finish(), self.length))
    }
}

impl BufRead for BlobReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() || (!self.started && self.chunk.len() < HEAD) {
            let Some(more) = self.receive()? else { break };
            if self.chunk.is_empty() {
                self.chunk = more;
            } else {
                let mut both = BytesMut::from(&self.chunk[..]);
                both.extend_from_slice(&more);
                self.chunk = both.freeze();
            }
        }
        self.started = true;
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.chunk.split_to(amount);
    }
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let amount = ready.len().min(buf.len());
        buf[..amount].copy_from_slice(&ready[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
