//! Directories to catalogs.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use opm_model::with_causes;

use super::VALID;
use crate::{Catalog, Index, files, load};

/// A directory with these files, whose content is a blob that names the file.
fn directory(paths: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in paths {
        put(root.path(), path, &format!("schema: s\nname: {path}\n"));
    }
    root
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn names(root: &Path) -> Vec<String> {
    load(root).unwrap().others.into_iter().map(|meta| meta.name).collect()
}

#[test]
fn every_file_in_the_order_of_names() {
    let root = directory(&["b/x", "a.yaml", "a/z", "a/.hidden", "B.md", "a-b/c"]);
    assert_eq!(names(root.path()), ["B.md", "a/.hidden", "a/z", "a-b/c", "a.yaml", "b/x"]);
    // A single file is a catalog, too; nothing is an empty one.
    assert_eq!(names(&root.path().join("a.yaml")), ["a.yaml"]);
    assert_eq!(load(tempfile::tempdir().unwrap().path()).unwrap(), Catalog::default());
}

#[test]
fn ignore_files() {
    let root = directory(&["README.md", "p/catalog.yaml", "p/x.md", "q/catalog.yaml", "q/keep.md"]);
    put(root.path(), ".indexignore", "*.md\nq\n");
    put(root.path(), "q/.indexignore", "!keep.md\n");
    // What is excluded may be broken.
    put(root.path(), "broken.md", "a: [");
    assert_eq!(names(root.path()), ["p/catalog.yaml", "q/keep.md"]);
}

#[test]
fn what_cannot_be_read() {
    let missing = tempfile::tempdir().unwrap().path().join("x");
    let error = load(&missing).unwrap_err();
    assert!(
        with_causes(&error).starts_with(&format!("cannot read {}: ", missing.display())),
        "{}",
        with_causes(&error)
    );
    // Of several errors that of the first file is told.
    let root = tempfile::tempdir().unwrap();
    for file in ["a", "b", "c"] {
        put(root.path(), file, "x: [");
    }
    let error = with_causes(&load(root.path()).unwrap_err());
    assert!(error.starts_with(&format!("cannot parse {}: line ", root.path().join("a").display())), "{error}");
    // Directories whose walk would end the stack.
    for (depth, expected) in [(200, "cannot parse"), (201, "nested more than 200 levels deep")] {
        fs::create_dir_all(root.path().join("0/".repeat(depth))).unwrap();
        let error = with_causes(&load(root.path()).unwrap_err());
        assert!(error.contains(expected), "{depth}: {error}");
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn are_followed_but_never_in_circles() {
        let root = directory(&["a/x", "b/y"]);
        let outside = directory(&["z"]);
        symlink(outside.path(), root.path().join("out")).unwrap();
        symlink(outside.path(), root.path().join("out2")).unwrap();
        symlink(root.path(), root.path().join("a/up")).unwrap();
        symlink("../b", root.path().join("a/b")).unwrap();
        symlink("../b/y", root.path().join("a/y")).unwrap();
        // A link to a file reads it again; a directory is read once, where it really is.
        assert_eq!(names(root.path()), ["a/x", "b/y", "b/y", "z"]);
        let link = root.path().with_extension("link");
        symlink(root.path(), &link).unwrap();
        let found = files(&link);
        fs::remove_file(&link).unwrap();
        assert_eq!(found.unwrap().len(), 4);
    }

    #[test]
    fn mounted_volumes_are_read_once() {
        let root = directory(&["..2026_01/catalog.yaml", "..2026_01/p/catalog.yaml"]);
        symlink("..2026_01", root.path().join("..data")).unwrap();
        symlink("..data/catalog.yaml", root.path().join("catalog.yaml")).unwrap();
        symlink("..data/p", root.path().join("p")).unwrap();
        assert_eq!(names(root.path()), ["..2026_01/catalog.yaml", "..2026_01/p/catalog.yaml"]);
    }

    #[test]
    fn broken_ones_and_special_files_are_errors_unless_ignored() {
        let root = directory(&["a"]);
        symlink("nowhere", root.path().join("b")).unwrap();
        let error = with_causes(&load(root.path()).unwrap_err());
        assert!(error.starts_with(&format!("cannot read {}: ", root.path().join("b").display())), "{error}");
        symlink("/dev/zero", root.path().join("a0")).unwrap();
        let error = with_causes(&load(root.path()).unwrap_err());
        assert!(error.ends_with("a0: it is neither a file nor a directory"), "{error}");
        put(root.path(), ".indexignore", "b\na0\n");
        assert_eq!(names(root.path()), ["a"]);
    }
}

#[test]
fn a_package_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "0.yaml",
        "# comment\n---\n{schema: s, package: p}\n---\nschema: t\n---\n{schema: olm.package, name: q}",
    );
    put(root.path(), "1.json", "{\"schema\":\"olm.package\",\"name\":\"r\"}\n {\"schema\":\"s\",\"package\":\"q\"}");
    put(root.path(), "2.yaml", &VALID.replace('\n', "\r\n"));
    let index = Index::scan(root.path()).unwrap();
    assert_eq!(index.packages().collect::<Vec<_>>(), ["p", "q", "r"]);
    assert_eq!(index.files().count(), 3);
    let parts = ["p", "q", "r", ""].map(|package| index.load(package).unwrap());
    assert_eq!(parts[0].bundles[1].origin.line, 22);
    let text = |catalog: &Catalog| crate::to_text(catalog, crate::Format::Json).unwrap();
    assert_eq!(parts.map(|part| text(&part)).concat(), text(&load(root.path()).unwrap()));
    assert!(index.load("x").unwrap().is_empty());
    // What was read stays what it was.
    put(root.path(), "1.json", "{}");
    assert_eq!(index.load("r").unwrap().packages.len(), 1);
}
