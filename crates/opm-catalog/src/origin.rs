use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a part of a catalog was read. It says nothing of what the part is, so all origins are equal.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file; `None` for parts that were made rather than read.
    pub file: Option<Arc<Path>>,
    /// The line in the file, counted from 1, at which the part begins; 0 where it is not known.
    pub line: u64,
}

impl Origin {
    /// This place at the beginning of a message, if there is a place.
    pub(crate) fn prefix(&self, column: Option<u64>) -> String {
        match (&self.file, self.line, column) {
            (None, 0, _) => String::new(),
            (_, 1.., Some(column)) => format!("{self}, column {column}: "),
            _ => format!("{self}: "),
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), 0) => write!(f, "{}", file.display()),
            (Some(file), line) => write!(f, "{}, line {line}", file.display()),
            (None, line) => write!(f, "line {line}"),
        }
    }
}
