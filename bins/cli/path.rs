use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Reads a path that may be empty: scripts pass `--flag "$VARIABLE"` where the variable may not be set.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
