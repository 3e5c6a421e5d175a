//! JSON as Go's `encoding/json` reads and writes it.

mod compact;
mod cursor;
mod end;
mod indent;
mod normal;
mod read;
mod serialize;
mod write;

#[cfg(test)]
pub(crate) mod tests;

use serde_json::Value;

pub use compact::compact;
pub use cursor::{Cursor, text};
pub(crate) use end::End;
pub use indent::indent;
pub use normal::Normal;
pub(crate) use normal::may_go_on;
pub(crate) use read::lossy;
pub use read::parse;
pub use serialize::serialize;
use write::{Escapes, Numbers};

/// Appends a Kubernetes object as Go marshals an untyped one: compact, keys sorted bytewise, `<`, `>`, `&`, U+2028 and
/// U+2029 escaped, numbers as [`crate::number::write_json`]. There is no line feed at the end.
pub fn write_object(value: &Value, out: &mut Vec<u8>) {
    write::compact(value, Escapes::Html, Numbers::Kept, out);
}

/// The text that [`write_object`] appends.
pub fn to_string(value: &Value) -> String {
    let mut out = Vec::new();
    write_object(value, &mut out);
    into_string(out)
}

/// Appends a catalog document in its normal form, the *blob*: compact, keys sorted bytewise, no HTML escapes, every
/// number as the double it is in the reference (`12345678901234567890` becomes `12345678901234567000`). The line feed
/// that ends a blob is the caller's.
pub fn write_blob(value: &Value, out: &mut Vec<u8>) {
    write::compact(value, Escapes::Plain, Numbers::Doubles, out);
}

/// The text that [`write_blob`] appends.
pub fn blob(value: &Value) -> String {
    let mut out = Vec::new();
    write_blob(value, &mut out);
    into_string(out)
}

/// Appends compact JSON without HTML escapes and with numbers as they are.
pub(crate) fn write_plain(value: &Value, out: &mut Vec<u8>) {
    write::compact(value, Escapes::Plain, Numbers::Kept, out);
}

fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
