//! Where a built image goes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::reference::{BadReference, Reference};
use crate::source::Source;

/// A place for a built image. What is already there under the same name is replaced in one step, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A registry, under a tag.
    Registry(Reference),
    /// `oci:DIR[:TAG]`: an OCI image layout 1.0, made or added to. The image of the same name, or without one, is replaced.
    OciLayout {
        /// The directory with `index.json` and `blobs`.
        dir: PathBuf,
        /// The annotation `org.opencontainers.image.ref.name`.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in a tar file of its own.
    OciArchive {
        /// The tar file.
        file: PathBuf,
        /// The annotation `org.opencontainers.image.ref.name`.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:NAME:TAG]`: what `docker load` reads, for one platform.
    DockerArchive {
        /// The tar file.
        file: PathBuf,
        /// What the image is called once it is loaded.
        tag: Option<String>,
    },
}

impl Output {
    /// Why nothing can be written there, as far as that is known beforehand.
    pub(super) fn check(&self, text: &str) -> Result<(), BadReference> {
        match self {
            Self::Registry(to) if to.digest().is_some() || to.tag().is_none() => {
                Err(BadReference::new(text, "an image is pushed under a tag, and its digest is what comes of that"))
            }
            Self::DockerArchive { tag: Some(tag), .. } => {
                let named = tag.parse::<Reference>().is_ok_and(|name| name.digest().is_none());
                if named {
                    Ok(())
                } else {
                    Err(BadReference::new(text, "a name in a docker archive is written NAME:TAG"))
                }
            }
            _ => Ok(()),
        }
    }

    /// The file that is written, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::OciArchive { file, .. } | Self::DockerArchive { file, .. } => Some(file),
            Self::Registry(_) | Self::OciLayout { .. } => None,
        }
    }
}

/// Reads all but a registry, which needs a word of its own where a flag has both.
impl FromStr for Output {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let output = match text.parse::<Source>() {
            Ok(Source::OciLayout { dir, tag }) => Self::OciLayout { dir, tag },
            Ok(Source::OciArchive { file, tag }) => Self::OciArchive { file, tag },
            Ok(Source::DockerArchive { file, tag }) => Self::DockerArchive { file, tag },
            Err(error) if ["oci:", "oci-archive:", "docker-archive:"].iter().any(|kind| text.starts_with(kind)) => {
                return Err(error);
            }
            Ok(Source::Registry(_) | Source::Tree { .. }) | Err(_) => {
                return Err(BadReference::new(
                    text,
                    "an output is written oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME:TAG]",
                ));
            }
        };
        output.check(text)?;
        Ok(output)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.clone() {
            Self::Registry(reference) => Source::Registry(reference),
            Self::OciLayout { dir, tag } => Source::OciLayout { dir, tag },
            Self::OciArchive { file, tag } => Source::OciArchive { file, tag },
            Self::DockerArchive { file, tag } => Source::DockerArchive { file, tag },
        };
        source.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn reads_what_users_write() {
        for text in
            ["oci:dir", "oci:/a/b:v1", "oci-archive:x.tar:v1", "docker-archive:x.tar", "docker-archive:x.tar:a/b:v1"]
        {
            assert_eq!(text.parse::<Output>().unwrap().to_string(), text);
        }
        for (text, why) in [
            ("quay.io/a/b:v1", "an output is written oci:DIR"),
            ("registry", "an output is written oci:DIR"),
            ("tar:x", "an output is written oci:DIR"),
            ("oci:", "a path must follow"),
            ("docker-archive:x.tar:v1", "written NAME:TAG"),
        ] {
            let error = text.parse::<Output>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
