//! Which files are written.

use std::fs;
use std::path::Path;

use super::*;
use crate::edit::FileChange;
use crate::{Format, Index, Level, load, to_text};

/// A catalog of one bundle.
fn package(name: &str, format: Format) -> String {
    let bundle = format!("1.0.0 pkg={name}");
    let mut catalog = of(REPLACES, &[&[bundle.as_str()]]);
    crate::migrate(&mut catalog, Level::ALL).unwrap();
    to_text(&catalog, format).unwrap()
}

/// A catalog in files of all sorts: `demo` in YAML with a blob apart, `q` and `r` in one file with one of nobody.
fn directory() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("demo/index.yaml", &format!("# comment\n{}", package("demo", Format::Yaml)));
    write("demo/extra/more", "schema: custom\npackage: demo\n# comment\n");
    let shared = [package("q", Format::Json), "{\"schema\": \"loose\"}\n".to_owned(), package("r", Format::Json)];
    write("shared.json", &shared.concat());
    write("zzz.yml", "schema: loose\nname: last\n");
    root
}

fn apply(changes: &[FileChange]) {
    for FileChange { path, content } in changes {
        match content {
            Some(content) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            None => fs::remove_file(path).unwrap(),
        }
    }
}

fn names(root: &Path, changes: &[FileChange]) -> Vec<String> {
    let name = |change: &FileChange| {
        let path = change.path.strip_prefix(root).unwrap().display();
        if change.content.is_some() { format!("{path}") } else { format!("{path} removed") }
    };
    changes.iter().map(name).collect()
}

/// Edits the catalog in a directory, writes what is to be written, and checks that it is the edited one. Returns what was
/// written.
fn edit(
    root: &Path,
    packages: &[&str],
    work: impl FnOnce(&mut Edit) -> Result<Vec<EditError>, EditError>,
) -> Vec<String> {
    let mut edit = Edit::of_packages(&Index::scan(root).unwrap(), packages).unwrap();
    let mut whole = Edit::new(load(root).unwrap());
    work(&mut edit).unwrap();
    whole.after.extend(edit.after.iter().map(|(package, part)| (package.clone(), part.clone())));
    whole.after.retain(|package, _| !edit.before.contains_key(package) || edit.after.contains_key(package));
    let (edited, whole) = (edit.finish(), whole.finish());
    let changes = edited.plan(root).unwrap();
    assert!(changes == whole.plan(root).unwrap(), "packages that are not held make no difference");
    apply(&changes);
    let sorted = |catalog: &Catalog| to_text(catalog, Format::Json).unwrap();
    assert_eq!(sorted(&load(root).unwrap()), sorted(&whole.into_catalog()));
    assert!(Edit::new(load(root).unwrap()).finish().plan(root).unwrap().is_empty(), "nothing is left to do");
    names(root, &changes)
}

#[test]
fn only_files_with_changes_are_written() {
    let root = directory();
    let root = root.path();
    let untouched = fs::read(root.join("demo/extra/more")).unwrap();
    let added = edit(root, &["demo"], |e| e.add(all_added(&["1.1.0 replaces=1.0.0"]), REPLACES));
    assert_eq!(added, ["demo/index.yaml"]);
    assert_eq!(fs::read(root.join("demo/extra/more")).unwrap(), untouched);
    let text = fs::read_to_string(root.join("demo/index.yaml")).unwrap();
    let last = text.rsplit("---\n").next().unwrap();
    assert!(last.contains("name: demo.v1.1.0") && last.contains("schema: olm.bundle"), "new blobs come last: {last}");

    let added = edit(root, &["q"], |e| e.add(all_added(&["1.1.0 pkg=q replaces=1.0.0"]), REPLACES));
    assert_eq!(added, ["shared.json"]);
    let blobs = load(root.join("shared.json")).unwrap();
    assert_eq!((blobs.packages.len(), blobs.bundles.len(), blobs.others.len()), (2, 3, 1));

    assert_eq!(edit(root, &["r"], |e| e.remove(&["r"], false)), ["shared.json"]);
    assert_eq!(
        edit(root, &["demo"], |e| e.remove(&["demo"], false)),
        ["demo/extra/more removed", "demo/index.yaml removed"]
    );
    assert_eq!(edit(root, &["new"], |e| e.add(all_added(&["1.0.0 pkg=new"]), REPLACES)), ["new/catalog.json"]);
    assert_eq!(edit(root, &["q", "new"], |e| e.remove(&["q"], false)), ["shared.json"]);
    assert_eq!(
        edit(root, &["new"], |e| e.add(all_added(&["1.0.0 pkg=new image=other"]), OVERWRITE)),
        ["new/catalog.json"]
    );
}

#[test]
fn new_packages_have_the_form_of_others_and_a_place_of_their_own() {
    let add = |name: &str| all_added(&[format!("1.0.0 pkg={name}").as_str()]);
    let root = tempfile::tempdir().unwrap();
    assert_eq!(edit(root.path(), &["one"], |e| e.add(add("one"), REPLACES)), ["one/catalog.json"]);
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), package("a", Format::Yaml)).unwrap();
    assert_eq!(edit(root.path(), &["one"], |e| e.add(add("one"), REPLACES)), ["one/catalog.yaml"]);

    // A file of packages that are not held.
    fs::create_dir(root.path().join("taken")).unwrap();
    fs::rename(root.path().join("a"), root.path().join("taken/catalog.yaml")).unwrap();
    let mut held = Edit::of_packages(&Index::scan(root.path()).unwrap(), &["taken"]).unwrap();
    held.add(add("taken"), REPLACES).unwrap();
    let error = held.finish().plan(root.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("taken/catalog.yaml: it holds packages, too, that are not edited with this one"),
        "{error}"
    );
    fs::rename(root.path().join("taken/catalog.yaml"), root.path().join("a")).unwrap();

    // A single file is the catalog.
    let file = root.path().join("a");
    let changed = edit(&file, &["two"], |e| e.add(add("two"), REPLACES));
    assert_eq!(changed, [""]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("---\n"));

    // A file that is not read with the catalog is not overwritten.
    fs::create_dir(root.path().join("three")).unwrap();
    fs::write(root.path().join("three/catalog.yaml"), "notes").unwrap();
    fs::write(root.path().join(".indexignore"), "three").unwrap();
    let edited = edited(&load(root.path()).unwrap(), |e| e.add(add("three"), REPLACES));
    let error = edited.plan(root.path()).unwrap_err().to_string();
    assert!(error.ends_with("three/catalog.yaml is there, but not read with it"), "{error}");
}

#[test]
fn names_of_packages_lead_nowhere_else() {
    for name in ["..", ".", "a/b", "/etc", "a/../..", "a\0b"] {
        let after = Catalog {
            packages: vec![crate::Package { name: name.to_owned(), ..crate::Package::default() }],
            ..Catalog::default()
        };
        let error = crate::edit::plan(&Catalog::default(), &after, "/nowhere".as_ref()).unwrap_err();
        assert!(error.to_string().starts_with("invalid package name"), "{name:?}: {error}");
    }
}

#[test]
fn packages_that_are_not_held_own_their_bundles() {
    let root = directory();
    let index = Index::scan(root.path()).unwrap();
    let mut edit = Edit::of_packages(&index, &["demo"]).unwrap();
    assert_eq!(edit.packages().collect::<Vec<_>>(), ["demo"]);
    let error = edit.add(all_added(&["1.1.0 replaces=q.v1.0.0"]), REPLACES).unwrap_err();
    assert!(error.to_string().starts_with("bundle q.v1.0.0 belongs to package q on index"), "{error}");
    let edit = Edit::of_packages(&index, &["q"]).unwrap();
    assert_eq!(edit.packages().collect::<Vec<_>>(), ["q", "r"], "those of one file come together");
}
