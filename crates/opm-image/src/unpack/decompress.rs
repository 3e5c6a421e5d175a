//! Compression, recognised by content: media types lie.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    Unsupported(&'static str),
}

fn sniff(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        // A frame, or a skippable frame in front of one.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Compression::Unsupported("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Unsupported("xz"),
        _ => Compression::None,
    }
}

/// The content of `reader`, decompressed: all members of a gzip stream, all frames of a zstd stream.
///
/// The first `fill_buf` of `reader` must have six bytes if there are so many.
pub(crate) fn decompress<'a, R: BufRead + 'a>(mut reader: R) -> io::Result<Box<dyn Read + 'a>> {
    match sniff(reader.fill_buf()?) {
        Compression::None => Ok(Box::new(reader)),
        Compression::Gzip => Ok(Box::new(MultiGzDecoder::new(reader))),
        // The decoder refuses windows above 128 MiB, which bounds its memory.
        Compression::Zstd => Ok(Box::new(zstd::Decoder::with_buffer(reader)?)),
        Compression::Unsupported(name) => Err(io::Error::other(format!("{name} compression is not supported"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn reads_every_compression_and_all_members() {
        let skippable =
            [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd::encode_all(&b"onetwo"[..], 1).unwrap()]
                .concat();
        let cases = [
            b"onetwo".to_vec(),
            gzip(b"onetwo"),
            [gzip(b"one"), gzip(b""), gzip(b"two")].concat(),
            zstd::encode_all(&b"onetwo"[..], 1).unwrap(),
            [zstd::encode_all(&b"one"[..], 1).unwrap(), zstd::encode_all(&b"two"[..], 1).unwrap()].concat(),
            skippable,
        ];
        for (n, case) in cases.iter().enumerate() {
            let mut out = String::new();
            decompress(&case[..]).unwrap().read_to_string(&mut out).unwrap();
            assert_eq!(out, "onetwo", "case {n}");
        }
        assert!(decompress(&b"BZh91AY&"[..]).is_err());
        assert!(decompress(&b"\xfd7zXZ\0"[..]).is_err());
        let cut = gzip(b"onetwo");
        assert!(decompress(&cut[..cut.len() - 3]).unwrap().read_to_end(&mut Vec::new()).is_err());
    }
}
