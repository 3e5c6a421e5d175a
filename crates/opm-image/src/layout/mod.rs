//! Images on disk: OCI image layouts, in directories or archives, and what `docker save` writes.

mod add;
mod archive;
mod docker;
mod draft;
mod files;
mod oci;
mod stock;

use std::path::PathBuf;

use bytes::Bytes;

use crate::digest::Digest;
use crate::error::ErrorKind;
pub(crate) use add::write_dir;
pub(crate) use archive::{write_docker, write_oci};
pub(crate) use draft::{draft, settle};
pub(crate) use files::Files;
pub(crate) use oci::Entry;
pub(crate) use stock::{Part, Stock, hashed};

/// Where a blob is in a tree as `oc image mirror` writes it.
fn tree_path(repository: &str, digest: &Digest) -> String {
    format!("v2/{repository}/blobs/{digest}")
}

/// Where the blobs of an image on disk are.
#[derive(Debug)]
pub(crate) enum Layout {
    /// By digest, in `blobs/ALGORITHM/HEX`.
    Oci(Files),
    /// By the digest of their decompressed content, under names of the archive's choice.
    Docker { files: Files, layers: Vec<(Digest, String)> },
    /// By repository and digest, in `v2/REPOSITORY/blobs/ALGORITHM:HEX`.
    Tree { files: Files, repository: String },
}

impl Layout {
    pub(crate) fn files(&self) -> &Files {
        match self {
            Self::Oci(files) | Self::Docker { files, .. } | Self::Tree { files, .. } => files,
        }
    }

    /// The file that holds a blob.
    pub(crate) fn blob(&self, digest: &Digest) -> Result<PathBuf, ErrorKind> {
        match self {
            Self::Oci(_) | Self::Tree { .. } => self.files().locate(&self.path(digest)),
            Self::Docker { files, layers } => match layers.iter().find(|(layer, _)| layer == digest) {
                Some((_, path)) => files.locate(path),
                None => Err(files.bad(format!("{digest} is not in it"))),
            },
        }
    }

    /// A blob's content, if it is not too large.
    pub(crate) fn read(&self, digest: &Digest, limit: u64, what: &'static str) -> Result<Bytes, ErrorKind> {
        self.files().read(&self.path(digest), limit, what)
    }

    fn path(&self, digest: &Digest) -> String {
        match self {
            Self::Tree { repository, .. } => tree_path(repository, digest),
            Self::Oci(_) | Self::Docker { .. } => oci::blob_path(digest),
        }
    }
}
