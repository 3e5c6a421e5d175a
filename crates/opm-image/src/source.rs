//! Where an image comes from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::reference::{BadReference, Reference};

/// What a user may name as an image.
///
/// Plain paths are not told from registry names here: whoever knows the file system decides that first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// `registry/repository[:tag][@digest]`, with an optional `docker://` in front.
    Registry(Reference),
    /// `oci:DIR[:TAG]`: a directory in the OCI image layout 1.0. The tag is compared with the annotation
    /// `org.opencontainers.image.ref.name` and may be left out when the layout holds one image.
    OciLayout {
        /// The directory with `index.json` and `blobs`.
        dir: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in a tar file, compressed or not.
    OciArchive {
        /// The tar file.
        file: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:NAME:TAG]`: what `docker save` and `podman save` write, compressed or not.
    DockerArchive {
        /// The tar file.
        file: PathBuf,
        /// Which of its images: a whole `name:tag` or the tag alone.
        tag: Option<String>,
    },
    /// `file://PATH[:TAG|@DIGEST]`: an image in a tree as `oc image mirror` writes it, below `v2` in the working directory.
    Tree {
        /// The directory with `v2`; empty for the working directory.
        root: PathBuf,
        /// Below `v2`.
        repository: String,
        /// A tag or a digest.
        object: String,
    },
}

impl Source {
    /// Reads what follows `file://`: a repository, whose parts are plain names, and a tag or digest.
    ///
    /// # Errors
    /// When it is not that.
    pub fn tree(root: PathBuf, text: &str) -> Result<Self, BadReference> {
        let rest = text.strip_prefix('/').unwrap_or(text);
        let (repository, object) = match rest.split_once('@') {
            Some((repository, digest)) => {
                (repository.split_once(':').map_or(repository, |(repository, _tag)| repository), digest)
            }
            None => rest.rsplit_once(':').unwrap_or((rest, "latest")),
        };
        let bad = |why| BadReference::new(&format!("file://{text}"), why);
        if repository.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad("the path is one of plain names, below `v2` in the working directory"));
        }
        if object.is_empty() || object.contains('/') || object.starts_with('.') {
            return Err(bad("a tag or a digest must follow the path"));
        }
        Ok(Self::Tree { root, repository: repository.to_owned(), object: object.to_owned() })
    }
}

impl FromStr for Source {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let with = |rest: &str, make: fn(PathBuf, Option<String>) -> Self| {
            let (path, tag) = split_path(rest);
            match (path, tag) {
                ("", _) => Err(BadReference::new(text, "a path must follow the colon")),
                (_, Some("")) => {
                    Err(BadReference::new(text, "there is nothing after the last colon; leave it out or name a tag"))
                }
                (path, tag) => Ok(make(PathBuf::from(path), tag.map(str::to_owned))),
            }
        };
        match text.split_once(':') {
            Some(("oci", rest)) if !is_port(rest) => with(rest, |dir, tag| Self::OciLayout { dir, tag }),
            Some(("oci-archive", rest)) => with(rest, |file, tag| Self::OciArchive { file, tag }),
            Some(("docker-archive", rest)) => with(rest, |file, tag| Self::DockerArchive { file, tag }),
            Some(("file", rest)) if rest.starts_with("//") => Self::tree(PathBuf::new(), &rest[2..]),
            _ => text.parse().map(Self::Registry),
        }
    }
}

/// `oci:5000/name:1` is a registry on a host called `oci`.
fn is_port(rest: &str) -> bool {
    rest.split_once('/').is_some_and(|(port, _)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Splits at the first colon that is not that of a Windows drive.
fn split_path(rest: &str) -> (&str, Option<&str>) {
    let bytes = rest.as_bytes();
    let drive =
        bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/');
    let from = if cfg!(windows) && drive { 2 } else { 0 };
    match rest[from..].find(':') {
        Some(at) => (&rest[..from + at], Some(&rest[from + at + 1..])),
        None => (rest, None),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path, tag) = match self {
            Self::Registry(reference) => return reference.fmt(f),
            Self::Tree { repository, object, .. } => {
                let between = if object.contains(':') { '@' } else { ':' };
                return write!(f, "file://{repository}{between}{object}");
            }
            Self::OciLayout { dir, tag } => ("oci", dir, tag),
            Self::OciArchive { file, tag } => ("oci-archive", file, tag),
            Self::DockerArchive { file, tag } => ("docker-archive", file, tag),
        };
        write!(f, "{kind}:{}", path.display())?;
        tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn tells_layouts_from_registries() {
        let layout = |dir: &str, tag: Option<&str>| Source::OciLayout { dir: dir.into(), tag: tag.map(str::to_owned) };
        let cases = [
            ("oci:./store", layout("./store", None)),
            ("oci:/a/b:v1", layout("/a/b", Some("v1"))),
            ("oci:store:quay.io/a/b:v1", layout("store", Some("quay.io/a/b:v1"))),
            ("oci:5000/a:v1", Source::Registry("oci:5000/a:v1".parse().unwrap())),
            ("oci-archive:x.tar:v1", Source::OciArchive { file: "x.tar".into(), tag: Some("v1".into()) }),
            ("docker-archive:x.tar:a:v1", Source::DockerArchive { file: "x.tar".into(), tag: Some("a:v1".into()) }),
            ("quay.io/a/b:v1", Source::Registry("quay.io/a/b:v1".parse().unwrap())),
            ("file://a/b:v1", Source::tree(PathBuf::new(), "/a/b:v1").unwrap()),
            ("file://a@sha256:12", Source::tree(PathBuf::new(), "a:v1@sha256:12").unwrap()),
        ];
        for (text, source) in cases {
            assert_eq!(text.parse::<Source>().unwrap(), source, "{text}");
            assert_eq!(source.to_string(), text);
        }
        for bad in ["oci:", "oci-archive:", "oci:x:", "quay.io/a/b", "file://", "file://a/../b:1", "file://a:../b"] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
