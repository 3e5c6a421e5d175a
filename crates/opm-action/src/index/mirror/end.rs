//! Where a mirror comes from or goes to.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_image::{Reference, Source};

use super::mapping;

/// One end of a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A registry: an image in it, or a place below which there are to be some.
    Registry(String),
    /// `oci:DIR`: a store.
    Layout(PathBuf),
    /// `oci-archive:FILE`: a store in a file, or in volumes.
    Archive(PathBuf),
    /// `file://PATH`: a tree as `oc image mirror` writes it, below `v2` in a directory.
    Tree {
        /// The directory with `v2`; empty for the working directory.
        root: PathBuf,
        /// What follows `file://`, without slashes around it.
        path: String,
    },
}

impl End {
    /// Reads what a user wrote; `dir` is where trees are.
    pub(super) fn parse(text: &str, dir: &Path) -> anyhow::Result<Self> {
        if let Some(path) = text.strip_prefix("file://") {
            let path = path.trim_matches('/');
            ensure!(
                path.split('/').all(|part| !matches!(part, "" | "." | "..")),
                "`{text}` is no place in a tree: name a path of plain names after file://, which is below {}",
                dir.join("v2").display()
            );
            return Ok(Self::Tree { root: dir.to_owned(), path: path.to_owned() });
        }
        let text = text.strip_prefix("docker://").unwrap_or(text);
        Ok(match text.split_once(':') {
            // A registry on a host called `oci`.
            Some(("oci", rest)) if rest.split('/').next().is_some_and(|port| port.parse::<u16>().is_ok()) => {
                Self::Registry(text.to_owned())
            }
            Some(("oci" | "oci-archive", _)) => match text.parse::<Source>()? {
                Source::OciLayout { dir, tag: None } => Self::Layout(dir),
                Source::OciArchive { file, tag: None } => Self::Archive(file),
                other => anyhow::bail!("`{other}` names an image of a layout; a mirror is about all of it"),
            },
            _ => Self::Registry(text.to_owned()),
        })
    }

    /// Whether images lie there beside each other under the names that the catalog has for them.
    pub(super) fn is_store(&self) -> bool {
        matches!(self, Self::Layout(_) | Self::Archive(_))
    }
}

/// The index image in a tree: its path, and what it is called there.
pub(super) fn in_tree(path: &str) -> anyhow::Result<(String, Reference)> {
    let named = mapping::parse(path).with_context(|| format!("file://{path}"))?;
    let repository = path.split('@').next().unwrap_or(path);
    let after_slash = repository.rfind('/').map_or(0, |at| at + 1);
    let repository = match repository[after_slash..].find(':') {
        Some(at) => &repository[..after_slash + at],
        None => repository,
    };
    Ok((repository.to_owned(), named))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn ends_have_many_forms() {
        let tree = |path: &str| End::Tree { root: "d".into(), path: path.to_owned() };
        for (text, expected) in [
            ("oci:store", End::Layout("store".into())),
            ("oci-archive:a/store.tar", End::Archive("a/store.tar".into())),
            ("oci:5000/ns", End::Registry("oci:5000/ns".to_owned())),
            ("docker://r.io/ns/", End::Registry("r.io/ns/".to_owned())),
            ("file://a/b:v1", tree("a/b:v1")),
            ("file:///a/", tree("a")),
        ] {
            assert_eq!(End::parse(text, Path::new("d")).unwrap(), expected, "{text}");
        }
        for bad in ["file://", "file://../x", "file://a//b", "oci:dir:v1", "oci:"] {
            assert!(End::parse(bad, Path::new("d")).is_err(), "{bad}");
        }
        let (repository, named) = in_tree("local/index/my/cat:v1").unwrap();
        assert_eq!((repository.as_str(), named.tag()), ("local/index/my/cat", Some("v1")));
    }
}
