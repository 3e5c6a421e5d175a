//! The root of a bundle, which stays below the directory that it was given for.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, ensure};

/// A path with its dots resolved without a look at the disk. What would be above the root is the root.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => drop(cleaned.pop()),
            Component::RootDir | Component::Normal(_) => cleaned.push(part),
        }
    }
    cleaned
}

fn relative(root: &str) -> &str {
    root.trim_start_matches('/')
}

fn escapes(root: &str) -> String {
    format!("bundle root {root:?} leads out of the source directory")
}

/// The bundle root as a path within an image.
pub(super) fn inside(root: &str) -> anyhow::Result<String> {
    let mut depth = 0_usize;
    for part in Path::new(relative(root)).components() {
        match part {
            Component::Normal(_) => depth += 1,
            // What leaves a directory and comes back by its name is seen to where the name is known.
            Component::ParentDir if depth == 0 => return Ok(String::new()),
            Component::ParentDir => depth -= 1,
            _ => {}
        }
    }
    let cleaned = clean(Path::new(relative(root)));
    Ok(cleaned.to_str().context("the bundle root is no text")?.to_owned())
}

/// The directory that is the root of the bundle.
pub(super) fn resolve(source: &Path, root: &str) -> anyhow::Result<PathBuf> {
    let absolute = |path: &Path| std::path::absolute(path).with_context(|| format!("read {}", path.display()));
    let source = clean(&absolute(source)?);
    let found = clean(&source.join(relative(root)));
    ensure!(found.starts_with(&source), "{}", escapes(root));
    let real = |path: &Path| path.canonicalize();
    let base = real(&source).with_context(|| format!("read {}", source.display()))?;
    let there = real(&found).with_context(|| format!("bundle root {root:?}"))?;
    ensure!(there.starts_with(&base), "{}", escapes(root));
    Ok(there)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn roots_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("src");
        std::fs::create_dir_all(source.join("a/b")).unwrap();
        std::fs::create_dir_all(dir.path().join("src-too")).unwrap();
        std::os::unix::fs::symlink("/etc", source.join("out")).unwrap();
        std::os::unix::fs::symlink("a/b", source.join("in")).unwrap();
        let base = source.canonicalize().unwrap();
        for (root, place) in
            [("", ""), (".", ""), ("a/b", "a/b"), ("/a", "a"), ("a/../a/./b/", "a/b"), ("../src/a", "a"), ("in", "a/b")]
        {
            assert_eq!(resolve(&source, root).unwrap(), base.join(place), "{root}");
        }
        for root in ["..", "../src-too", "a/../../src-too", "/../..", "out"] {
            let error = resolve(&source, root).unwrap_err().to_string();
            assert_eq!(error, format!("bundle root {root:?} leads out of the source directory"));
        }
        assert!(resolve(&source, "none").unwrap_err().to_string().contains("\"none\""));
        assert_eq!(inside("/a/../b").unwrap(), "b");
    }
}
