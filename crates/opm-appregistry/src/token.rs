//! What proves who asks.

use std::fmt;

use crate::AppRegistryError;

/// The value of the header `Authorization`, sent as it is: Quay's tokens begin with `basic `. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, without white space around it. It must be one line of visible ASCII.
    pub fn new(text: &str) -> Result<Self, AppRegistryError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AppRegistryError::Token("is empty"));
        }
        if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(AppRegistryError::Token("has characters that no header of HTTP can have"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of the header.
    pub fn header(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
