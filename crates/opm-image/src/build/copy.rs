//! Copying with a digest, a bound, and an end when it is wished for.

use std::io::{self, Read, Write};

use crate::digest::{Digest, Hasher};
use crate::error::ErrorKind;
use crate::unpack::Stop;

/// How errors of one side are told.
type Told<'a> = &'a dyn Fn(io::Error) -> ErrorKind;

/// One copy.
pub(crate) struct Copy<'a> {
    pub(crate) hasher: Hasher,
    /// The most there may be, in bytes.
    pub(crate) limit: u64,
    pub(crate) stop: &'a Stop,
}

impl Copy<'_> {
    /// Copies all of `from`; answers its digest.
    pub(crate) fn run(
        mut self,
        (from, unread): (&mut dyn Read, Told<'_>),
        (to, unwritten): (&mut dyn Write, Told<'_>),
    ) -> Result<Digest, ErrorKind> {
        let (mut total, mut buffer) = (0, vec![0; 128 << 10]);
        loop {
            self.stop.check()?;
            let read = from.read(&mut buffer).map_err(unread)?;
            if read == 0 {
                return Ok(self.hasher.finish());
            }
            total += read as u64;
            if total > self.limit {
                return Err(ErrorKind::Limit { what: "the unpacked size of a layer in bytes", limit: self.limit });
            }
            self.hasher.update(&buffer[..read]);
            to.write_all(&buffer[..read]).map_err(unwritten)?;
        }
    }
}
