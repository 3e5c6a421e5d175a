//! A stream is cut into the same documents, however it arrives. The first byte of the input says in what pieces that is.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use opm_document::json::{self, Normal};
use opm_document::{Form, Parts, Value};

/// A reader that hands out so many bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len());
        self.0.read(&mut buffer[..length])
    }
}

/// Line, text and value of every document, and the error that ends them.
type Found<T> = (Vec<(u64, Vec<u8>, T)>, Option<String>);

fn read<R: Read, T: Form>(parts: Parts<R, T>) -> Found<T> {
    let mut found = Vec::new();
    for part in parts.with_longest(1 << 20) {
        match part.and_then(|mut part| Ok((part.line, part.read()?, part.text))) {
            Ok((line, value, text)) => found.push((line, text, value)),
            Err(error) => return (found, Some(error.to_string())),
        }
    }
    (found, None)
}

/// Every text is in the input, after the one before it, and its first line is the one it claims.
fn check_texts<T>(input: &[u8], found: &Found<T>) {
    let mut last = 1;
    let lines = 1 + input.iter().filter(|byte| **byte == b'\n').count() as u64;
    for (line, text, _) in &found.0 {
        assert!(last <= *line && *line <= lines, "line {line} after line {last} of {lines}");
        last = *line;
        let rest = input.split_inclusive(|byte| *byte == b'\n').skip(*line as usize - 1);
        let rest = rest.collect::<Vec<_>>().concat();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or(text);
        let there = rest.split(|byte| *byte == b'\n').next().unwrap_or(&rest);
        assert!(there.windows(first.len().max(1)).any(|window| window == first) || first.is_empty());
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, input)) = data.split_first() else { return };
    let piece = usize::from(*piece % 19) + 1;
    let whole = read(Parts::<_, Value>::new(input));
    check_texts(input, &whole);
    assert_eq!(read(Parts::<_, Value>::new(Pieces(input, piece)).in_pieces(piece)), whole);
    assert_eq!(read(Parts::<_, Value>::new(Pieces(input, 3)).in_pieces(piece + 7)), whole);
    // The form that a document is read as makes no difference to where it ends.
    let (normals, error) = read(Parts::<_, Normal>::new(input));
    assert_eq!(error, whole.1);
    let normals: Vec<_> = normals.into_iter().map(|(line, text, normal)| (line, text, normal.into_text())).collect();
    let values: Vec<_> = whole.0.into_iter().map(|(line, text, value)| (line, text, json::blob(&value))).collect();
    assert_eq!(normals, values);
});
