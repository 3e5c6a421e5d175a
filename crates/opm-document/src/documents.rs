//! Files that hold any number of documents, as the Kubernetes "YAML or JSON" decoder sees them.

use serde_json::Value;

use crate::stream::{Part, Parts, StreamError};
use crate::{SyntaxError, yaml};

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says. A part of the file with nothing but comments is a null document.
    pub value: Value,
    /// The line, counted from 1, at which it begins.
    pub line: u64,
    /// Its text, from which [`Document::locate`] finds places.
    pub text: Vec<u8>,
}

impl Document {
    /// Line and column, both from 1, at which a value of the document stands in the file. See [`yaml::locate`]; the
    /// column is exact unless another JSON value precedes this one on the same line.
    pub fn locate(&self, path: &[yaml::PathSegment<'_>]) -> Option<(u64, u64)> {
        yaml::locate(&self.text, path).map(|(line, column)| (self.line + line - 1, column))
    }
}

/// All documents of a file that is in memory, in order, parsed as they are asked for: see [`Parts`]. After an error there are
/// no more.
#[derive(Debug)]
pub struct Documents<'a>(Parts<&'a [u8], Value>);

impl<'a> Documents<'a> {
    /// The documents of a file with this content.
    pub fn new(input: &'a [u8]) -> Self {
        Self(Parts::new(input).with_longest(usize::MAX))
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Document, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = |part: Result<Part<Value>, StreamError>| match part {
            Ok(mut part) => Ok(Document { value: part.read()?, line: part.line, text: part.text }),
            Err(StreamError::Syntax(error)) => Err(error),
            Err(StreamError::Read(error)) => Err(SyntaxError { line: None, column: None, message: error.to_string() }),
        };
        let document = self.0.next().map(read);
        if matches!(document, Some(Err(_))) {
            self.0.end();
        }
        document
    }
}

/// The first document of a file that may be YAML or JSON; `None` if the file is empty. A file that begins with a
/// comment and a separator has a first document that is null.
pub fn first(input: &[u8]) -> Result<Option<Value>, SyntaxError> {
    Documents::new(input).next().transpose().map(|document| document.map(|document| document.value))
}

#[cfg(test)]
mod tests;
