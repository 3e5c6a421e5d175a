//! Which part of an image is written to disk.

use std::collections::BTreeSet;

use super::path::{clean, join};

/// Which paths of an image are wanted. Everything else is read past and not written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep(Option<BTreeSet<Vec<u8>>>);

impl Keep {
    /// The whole file system.
    pub fn everything() -> Self {
        Self(None)
    }

    /// The files and directories at `paths`, all below them, and whatever their links lead to.
    ///
    /// Paths start at the image's root; a leading `/` makes no difference, and `/` itself keeps everything.
    pub fn under<P: AsRef<str>>(paths: impl IntoIterator<Item = P>) -> Self {
        let kept: BTreeSet<_> = paths.into_iter().map(|path| join(&clean(path.as_ref().as_bytes()))).collect();
        Self((!kept.contains(&b""[..])).then_some(kept))
    }

    /// The paths, unless everything is wanted.
    pub(crate) fn paths(&self) -> Option<&BTreeSet<Vec<u8>>> {
        self.0.as_ref()
    }

    pub(crate) fn of(paths: BTreeSet<Vec<u8>>) -> Self {
        Self(Some(paths))
    }

    /// Whether `path`, clean and relative, is wanted.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        self.0.as_ref().is_none_or(|kept| {
            let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
            ends.chain([path.len()]).any(|end| kept.contains(&path[..end]))
        })
    }

    /// Whether `path` is a parent of something wanted.
    pub(crate) fn leads_through(&self, path: &[u8]) -> bool {
        path.is_empty()
            || self.0.as_ref().is_some_and(|kept| {
                let below = [path, b"/"].concat();
                kept.contains(path) || kept.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_by_components() {
        let keep = Keep::under(["/manifests/", "a/./b/../c"]);
        for (path, covers, leads) in [
            ("manifests", true, true),
            ("manifests/x/y", true, false),
            ("manifests2", false, false),
            ("manifest", false, false),
            ("a", false, true),
            ("a/c", true, true),
            ("a/b", false, false),
            ("", false, true),
        ] {
            assert_eq!((keep.covers(path.as_bytes()), keep.leads_through(path.as_bytes())), (covers, leads), "{path}");
        }
        assert_eq!(Keep::under(["x", "/"]), Keep::everything());
        assert!(Keep::everything().covers(b"x"));
    }
}
