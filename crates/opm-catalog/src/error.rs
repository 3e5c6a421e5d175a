use std::path::{Path, PathBuf};

use opm_document::SyntaxError;
use opm_model::distinct;

use crate::{Origin, Report};

/// Why a catalog cannot be read, made or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the catalog is neither YAML nor JSON.
    #[error("cannot parse {}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        source: SyntaxError,
    },
    /// A document is not what its schema says.
    #[error("{}{message}", origin.prefix(*column))]
    Document {
        /// Where the document is; its line is that of the offending value where that is known.
        origin: Origin,
        /// The column of the offending value, where that is known.
        column: Option<u64>,
        /// What is wrong.
        message: String,
    },
    /// Several documents and files are not what they should be.
    #[error("{}", distinct(.0).join("\n"))]
    Many(Vec<Error>),
    /// The catalog breaks rules of the format.
    #[error("{0}")]
    Invalid(Box<Report>),
    /// A bundle cannot be turned into a blob of the catalog.
    #[error("bundle {bundle:?}: {message}")]
    Bundle {
        /// The bundle's name.
        bundle: String,
        /// What is wrong with it.
        message: String,
    },
    /// A package, channel or name that was asked for is not in the catalog.
    #[error("{0}")]
    NotFound(String),
    /// A template cannot be expanded.
    #[error("{0}")]
    Template(String),
    /// A bundle that a template refers to cannot be rendered.
    #[error("cannot render bundle {reference:?}")]
    Render {
        /// The reference in the template.
        reference: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value cannot be written as YAML.
    #[error("cannot write {what} as YAML")]
    Yaml {
        /// What was to be written.
        what: String,
        /// Why not.
        source: SyntaxError,
    },
    /// The output cannot be written.
    #[error("cannot write the catalog")]
    Write(#[from] std::io::Error),
    /// What is too large for memory cannot be kept elsewhere.
    #[error(
        "cannot use a temporary file in {}, which needs space for the whole catalog; TMPDIR names another directory",
        directory.display()
    )]
    Spool {
        /// The directory for temporary files.
        directory: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The caller wished to end.
    #[error("interrupted")]
    Stopped,
    /// An option or argument is out of its range.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// The file that it is about, if it is about one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Read { path: file, .. } | Self::Syntax { file, .. } => Some(file),
            Self::Document { origin, .. } => origin.file.as_deref(),
            _ => None,
        }
    }

    /// Whether nothing can be said of what follows in the file.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Syntax { .. })
    }

    /// All errors of a deed as one; none where there is none.
    pub(crate) fn all(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Many(errors)),
        }
    }
}
