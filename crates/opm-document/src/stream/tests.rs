#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use proptest::prelude::*;
use serde_json::Value;

use super::{Parts, StreamError};
use crate::json::Normal;

/// The line, the value and the text of a document.
type Found = (u64, Value, Vec<u8>);

/// What there is in a stream that is read in pieces of so many bytes: the values with their places, and the error.
fn read(input: &[u8], piece: usize) -> (Vec<Found>, Option<String>) {
    let mut values = Vec::new();
    for part in Parts::<_, Value>::new(input).in_pieces(piece) {
        let value = part.and_then(|mut part| Ok((part.line, part.read()?, part.text)));
        match value {
            Ok(value) => values.push(value),
            Err(error) => return (values, Some(error.to_string())),
        }
    }
    (values, None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_make_no_difference(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "---", "-", "--", "\n", "\n---\n", " ", "a: 1", "# c", "{", "}", "[", "]", "\"", "\\", "\"k\"", ":", ",", "1", "true",
            "null", "{\"a\":1}", "{\"a\":\"}\\\"\"}", "\r\n", "é", "x", "...", "|\n ",
        ]), 0..14),
        piece in 1usize..6,
    ) {
        let input = tokens.concat();
        prop_assert_eq!(read(input.as_bytes(), piece), read(input.as_bytes(), 1 << 20), "{:?}", input);
    }
}

/// A stream that repeats a text for a gigabyte, and counts what is read of it.
struct Endless {
    text: Vec<u8>,
    left: usize,
    read: Rc<Cell<usize>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.left).min(self.text.len());
        buffer[..length].copy_from_slice(&self.text[..length]);
        self.left -= length;
        self.read.set(self.read.get() + length);
        Ok(length)
    }
}

#[test]
fn what_has_no_end_is_refused_early() {
    for (first, text, expected) in [
        ("{\"a\": 1}\n {\"a\":\"", "x", "line 2, column 2: the document that begins here is longer than 8 MiB"),
        ("{\"a\": 1}\n {\"a\":[", "1,", "line 2, column 2: the document that begins here is longer than 8 MiB"),
        ("{\"a\": 1}{}{}\n {\"a\":", "garbage ", "line 2, column 7: invalid character 'g' where a value is expected"),
        ("a: 1\n---\nb: ", "x", "line 3, column 1: the document that begins here is longer than 8 MiB"),
        ("a: 1\n---\nb: ", "x\0", "line 3, column 5: control characters are not allowed"),
        ("", "\0", "line 1, column 1: control characters are not allowed"),
        ("", " ", "line 1, column 1: the document that begins here is longer than 8 MiB"),
    ] {
        let read = Rc::new(Cell::new(0));
        let endless =
            Endless { text: text.repeat((1 << 20) / text.len()).into_bytes(), left: 1 << 30, read: Rc::clone(&read) };
        let parts = Parts::<_, Normal>::new(first.as_bytes().chain(endless)).with_longest(8 << 20);
        let error = parts.map(|part| part.and_then(|mut part| Ok(part.read()?))).find_map(Result::err);
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected), "{first} {text}");
        assert!(read.get() <= 16 << 20, "{first} {text}: {} bytes were read", read.get());
    }
}

#[test]
fn depth_is_limited_in_every_form() {
    const DEEP: usize = 100_000;
    let block: String = (0..2000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for (text, place) in [
        (format!("x: {}", "[".repeat(DEEP)), "line 1, column "),
        (format!("a: 1\n---\nx: {}", "{a: ".repeat(DEEP)), "line 3, column "),
        (format!("{{\"a\":{}", "[".repeat(DEEP)), "line 1, column "),
        (format!("{{}}{{}}{}", "{\"a\":".repeat(DEEP)), "line 1, column "),
        (format!("{}1", "- ".repeat(DEEP)), "line 1, column "),
        (block, "line "),
    ] {
        let (_, error) = read(text.as_bytes(), 1 << 20);
        let error = error.unwrap();
        assert!(error.starts_with(place) && error.contains("nested more than 300"), "{error}");
    }
}

#[test]
fn failures_of_the_reader_are_told() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no luck"))
        }
    }
    let mut parts = Parts::<_, Value>::new((&b"a: 1\n---\nb: 2\n"[..]).chain(Failing)).in_pieces(4);
    assert!(matches!(parts.next(), Some(Err(StreamError::Read(_)))));
    assert!(parts.next().is_none());
}
