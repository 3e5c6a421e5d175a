//! Why a catalog cannot be edited.

use opm_model::distinct;
use opm_model::edit::Refusal;

use crate::{Error, Report};

/// Why an edit is refused, or what a permissive one went on with.
///
/// The texts of those that have a counterpart in editing databases begin with the same words, which scripts match on.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Several findings, each an error of its own.
    #[error("{}", distinct(.0).join("\n"))]
    Many(Vec<EditError>),
    /// A blob cannot be read, made or written.
    #[error(transparent)]
    Catalog(#[from] Error),
    /// The package that is to be edited breaks rules of the format already: its upgrade graph cannot be told.
    #[error("package {package} is not valid as it is; correct it before it is edited: {report}")]
    InvalidBefore {
        /// The package's name.
        package: String,
        /// What is wrong with it.
        report: Box<Report>,
    },
    /// The package would break rules of the format.
    #[error("package {package} would not be valid after this edit: {report}")]
    InvalidAfter {
        /// The package's name.
        package: String,
        /// What would be wrong with it.
        report: Box<Report>,
    },

    /// A bundle names no package.
    #[error("bundle {0}: its annotations name no package")]
    NoPackageName(String),
    /// The rules of adding, removing and deprecating refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Bundles that were in a channel would no longer be.
    #[error("adding to package {package} would remove {} from channel {channel}, since nothing from its head {head} on replaces or skips them: add them to spec.replaces or spec.skips, add in another mode, or allow it with --permissive", bundles.join(", "))]
    Vanishes {
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The head of the channel.
        head: String,
        /// The bundles that would vanish.
        bundles: Vec<String>,
    },
    /// The bundles of a channel do not form one graph with one head.
    #[error("channel {channel} of package {package}: {why}")]
    Heads {
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// What is wrong with its graph.
        why: String,
    },
}

impl EditError {
    /// One error for all of these: themselves where there is one, [`EditError::Many`] where there are more.
    pub fn all(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Many(errors.into_iter().flat_map(Self::flatten).collect())),
        }
    }

    /// The errors that this one holds, in order: of these, the first that has an exit status of its own decides.
    pub fn flatten(self) -> Vec<Self> {
        match self {
            Self::Many(errors) => errors.into_iter().flat_map(Self::flatten).collect(),
            one => vec![one],
        }
    }
}
