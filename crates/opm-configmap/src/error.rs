//! What can be wrong with the content of a ConfigMap.

use opm_bundle::BundleError;
use opm_document::SyntaxError;
use opm_model::ManifestError;

use crate::typed::TypeError;

/// Why a ConfigMap does not hold the catalog or the bundle that it should, or files do not become one.
///
/// The texts begin with the words that scripts match on.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A key of a catalog is missing.
    #[error("couldn't find expected key {0} in configmap")]
    NoKey(&'static str),
    /// The text of a key is neither YAML nor JSON. Of `customResourceDefinitions`, whose error has no words of its own.
    #[error("customResourceDefinitions")]
    CrdSyntax(#[source] SyntaxError),
    /// The text of a key is neither YAML nor JSON.
    #[error("error loading {what} list")]
    Syntax {
        /// What the key lists.
        what: &'static str,
        /// What is wrong with it.
        source: SyntaxError,
    },
    /// The text of a key is no list of what it should list.
    #[error("error parsing {what} list")]
    Type {
        /// What the key lists.
        what: &'static str,
        /// What is wrong with it.
        source: TypeError,
    },
    /// A package manifest has a field of another type.
    #[error("error parsing package list: package {index}")]
    Package {
        /// Its number in the list, from 0.
        index: usize,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A package manifest does not say which package it is of.
    #[error("error parsing package list: package {0} has no packageName")]
    NoPackageName(usize),
    /// An entry among the CSVs is something else.
    #[error("error parsing CSV list: entry {index} has kind {kind:?}, not ClusterServiceVersion")]
    NotACsv {
        /// Its number in the list, from 0.
        index: usize,
        /// What it is.
        kind: String,
    },
    /// Two CRDs have the same group, version, kind and plural.
    #[error("can't add the same CRD twice in one configmap: {0}")]
    CrdTwice(String),
    /// A CSV owns a CRD that the ConfigMap does not list.
    #[error("couldn't find owned CRD in crd list {gvk} (CSV {csv}): add it to customResourceDefinitions")]
    NoOwnedCrd {
        /// The CSV.
        csv: String,
        /// Group, version, kind and plural of the CRD.
        gvk: String,
    },
    /// A CSV cannot be used.
    #[error("CSV {csv}")]
    Bundle {
        /// The CSV.
        csv: String,
        /// What is wrong with it.
        source: BundleError,
    },
    /// The texts are more than a ConfigMap can hold, or more than is read.
    #[error("the ConfigMap holds {size} bytes, more than the {limit} that are read of one")]
    TooLarge {
        /// How many bytes it has.
        size: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A value that should be gzip in base64 is not.
    #[error("error decoding {key}: {why}")]
    Encoding {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Files do not fit.
    #[error(
        "bundle files exceeded {limit} bytes limit: {file} makes it {size}; a larger --datalimit helps only up to what the \
        cluster takes (1 MiB); --gzip makes files smaller"
    )]
    Limit {
        /// The limit, in bytes.
        limit: u64,
        /// The file that did not fit any more.
        file: String,
        /// How many bytes there were with it.
        size: u64,
    },
    /// A file cannot be stored as text.
    #[error("{0} is not UTF-8 text: store it with --gzip")]
    NotText(String),
    /// Two files have the same name but for characters that keys cannot have, or stand in both directories.
    #[error("{first} and {second} would both be stored as {key}: rename one of them")]
    SameKey {
        /// A file.
        first: String,
        /// The other file.
        second: String,
        /// The key.
        key: String,
    },
    /// The annotations of a bundle cannot be read.
    #[error("{file} cannot be read")]
    Annotations {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: SyntaxError,
    },
    /// A file could not be read by whoever hands in the files.
    #[error("{file}: {why}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}
