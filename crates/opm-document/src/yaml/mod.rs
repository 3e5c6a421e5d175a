//! YAML 1.1 as Go's `yaml.v2` reads it and `sigs.k8s.io/yaml` turns it into JSON.

mod block;
mod decode;
mod locate;
mod order;
mod scalar;
mod timestamp;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use locate::{PathSegment, locate};
pub use write::{write, write_portably};

use crate::SyntaxError;

/// Parses one YAML document.
///
/// Plain scalars resolve by YAML 1.1 (`yes` and `on` are booleans, `0644` is octal, `1_000` is a thousand); timestamps
/// stay strings; keys become strings and of duplicates the last wins; `<<` merges; unknown tags are ignored. Integers
/// stay `i64` or `u64`; a float stays one even if it is integral. An empty document is null. What follows the document
/// (after `...` or `---`) is not looked at: [`crate::Documents`] tells documents apart.
///
/// Errors beside bad syntax: infinity and NaN, keys that cannot be strings, nesting deeper than [`crate::MAX_DEPTH`],
/// and aliases that blow the document up.
pub fn parse(document: &[u8]) -> Result<Value, SyntaxError> {
    match block::parse(document) {
        Some(value) => Ok(value),
        None => parse_any(document),
    }
}

/// [`parse`] without its shortcut for block style.
#[cfg(feature = "testing")]
pub fn parse_slowly(document: &[u8]) -> Result<Value, SyntaxError> {
    parse_any(document)
}

/// The general way, without the shortcut for block style.
fn parse_any(document: &[u8]) -> Result<Value, SyntaxError> {
    decode::decode(&tree::parse(document)?)
}

/// Whether a document cannot be read whatever may follow: it is no text.
pub(crate) fn is_hopeless(beginning: &[u8]) -> bool {
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        // The last character may not be complete.
        Err(error) if error.error_len().is_none() => return false,
        Err(_) => return true,
    };
    text.chars().any(|character| !tree::is_allowed(character))
}
