//! Errors as texts, with what they come from.

use std::error::Error;

/// The texts of several errors [with their causes](with_causes), each once, in order.
pub fn distinct<E: Error>(errors: &[E]) -> Vec<String> {
    let mut texts = Vec::new();
    for error in errors {
        let text = with_causes(error);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// The text of an error and, after colons, those of its causes.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
