use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Appends anything serde can serialise as compact JSON in the form of [`super::write_blob`]: members in the order of
/// the type, no HTML escapes, U+2028 and U+2029 escaped, raw values as they are. Floats are not expected; they would be
/// spelled as `serde_json` does. Fails if the type cannot be JSON, such as a map whose keys are no strings.
pub fn serialize(value: &impl Serialize, out: &mut Vec<u8>) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Separators))
}

/// `serde_json`'s own form, with the two separators that JavaScript takes for line breaks escaped.
struct Separators;

impl Formatter for Separators {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['\u{2028}', '\u{2029}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            writer.write_all(if rest[at..].starts_with('\u{2028}') { b"\\u2028" } else { b"\\u2029" })?;
            rest = &rest[at + '\u{2028}'.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}
