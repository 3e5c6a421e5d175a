//! Why a bundle has no plain manifests.

/// Why a bundle cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file or directory that every bundle has is not there.
    #[error("{0} is missing: a bundle has metadata/annotations.yaml and a directory manifests/")]
    Missing(&'static str),
    /// A file cannot be used.
    #[error("{file}: {why}")]
    File {
        /// The file, below the root of the bundle.
        file: String,
        /// What is wrong with it, with the field.
        why: String,
    },
    /// There is no CSV.
    #[error("manifests/ has no object of kind ClusterServiceVersion")]
    NoCsv,
    /// There is more than one CSV.
    #[error("{second}: a second ClusterServiceVersion, beside the one of {first}: a bundle has one")]
    TwoCsvs {
        /// The file of the first.
        first: String,
        /// The file of the second.
        second: String,
    },
    /// The media type is another one.
    #[error("metadata/annotations.yaml: the bundle is of media type {0:?}; only registry+v1 can be converted")]
    MediaType(String),
    /// The bundle breaks rules, or asks for what plain manifests cannot do: all findings.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// The operator cannot run with these namespaces.
    #[error("{0}")]
    Targets(String),
    /// Two different objects would have one name.
    #[error("two different objects would be {0}")]
    Conflict(String),
    /// The customisation of pods cannot be used.
    #[error("deployment config: {0}")]
    Config(String),
    /// There is no chart of a bundle with these options.
    #[error("helm chart: {0}")]
    Chart(String),
    /// No certificate could be made.
    #[error("certificate for {service}: {why}")]
    Certificate {
        /// The service that it is for.
        service: String,
        /// What went wrong.
        why: String,
    },
}

impl ConvertError {
    /// A fault of a file.
    pub(super) fn file(file: &str, why: impl std::fmt::Display) -> Self {
        Self::File { file: file.to_owned(), why: why.to_string() }
    }
}
