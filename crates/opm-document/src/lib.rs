//! YAML and JSON documents, read and written exactly as the Go tools of this field do.
//!
//! Catalogs and bundles are YAML files as Go's `yaml.v2` and `encoding/json` understand them: YAML 1.1 scalars (`yes` is
//! a boolean, `0644` is octal), keys that become strings, duplicate keys of which the last wins, floats printed the Go
//! way. No YAML crate has these rules, so they live here, once.
//!
//! This crate is pure: bytes in, values out. It never opens a file, never guesses from a file name, never panics on what
//! it reads and knows nothing of operators. Values are [`serde_json::Value`], whose maps are sorted bytewise.
//!
//! ```
//! use opm_document::{Documents, json};
//!
//! let file = b"schema: olm.package\nname: etcd\n---\nschema: olm.channel\npriority: 0o17\n";
//! let documents = Documents::new(file).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(documents[1].line, 4);
//! assert_eq!(json::to_string(&documents[1].value), r#"{"priority":15,"schema":"olm.channel"}"#);
//! # Ok::<(), opm_document::SyntaxError>(())
//! ```

mod documents;
mod error;
pub mod json;
pub mod number;
pub mod sort;
mod stream;
pub mod yaml;

pub use documents::{Document, Documents, first};
pub use error::SyntaxError;
pub use serde_json::Value;
pub use stream::{Form, LONGEST, Part, Parts, StreamError};

/// How deeply containers may be nested in a document. Real data stays below a hundred; the limit keeps every recursive
/// walk over a value far from the end of the stack.
pub const MAX_DEPTH: usize = 300;

/// What a JSON value is, in words: `a string`, `null`.
pub fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
