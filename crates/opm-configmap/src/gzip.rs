//! Files as `olm.contentEncoding: gzip+base64` has them.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// The bytes compressed with gzip, as base64. The same bytes give the same text.
pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // A vector takes everything.
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default();
    STANDARD.encode(packed).into_bytes()
}

/// What [`encode`] was given, of at most so many bytes.
pub(crate) fn decode(text: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let packed = STANDARD.decode(text.trim_ascii()).map_err(|why| format!("it is not base64: {why}"))?;
    let mut bytes = Vec::new();
    MultiGzDecoder::new(packed.as_slice())
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|why| format!("it is not gzip: {why}"))?;
    if bytes.len() > most {
        return Err(format!("it unpacks to more than the {most} bytes that are left of what is read"));
    }
    Ok(bytes)
}
