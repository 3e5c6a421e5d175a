//! Large catalogs, and files that are not what they should be.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use opm_model::Stop;
use proptest::prelude::*;
use tempfile::TempDir;

use opm_model::with_causes;

use super::VALID;
use crate::{Catalog, Error, Format, Index, Level, Purpose, load, parse, to_text, validate};

fn directory(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        fs::write(root.path().join(path), content).unwrap();
    }
    root
}

/// A blob of about a kilobyte, of which there are many.
fn blob(package: usize, number: usize) -> String {
    let text = "lorem ipsum ".repeat(80);
    format!("{{\"schema\":\"s\",\"package\":\"p{package:03}\",\"name\":\"{number}\",\"z\":\"{text}\",\"a\":1.50}}\n")
}

fn text_of(index: &Index) -> String {
    let mut out = Vec::new();
    index.write(Format::Json, &Stop::new(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_does_not_fit_memory_is_written_the_same() {
    // More than stays in memory, in one file that is read by document, and in many that are read whole.
    let blobs: Vec<(usize, String)> = (0..1_500).map(|number| (number % 7, blob(number % 7, number))).collect();
    let one = directory(&[("catalog.json", &blobs.iter().map(|(_, text)| text.as_str()).collect::<String>())]);
    let many = tempfile::tempdir().unwrap();
    for package in 0..7 {
        let content: String = blobs.iter().filter(|(of, _)| *of == package).map(|(_, text)| text.as_str()).collect();
        fs::write(many.path().join(format!("{package}.json")), content).unwrap();
    }
    let [one, many] = [one, many].map(|root| Index::scan(root.path()).unwrap());
    let text = text_of(&one);
    assert_eq!(text, text_of(&many));
    assert!(text.len() > 1 << 20);
    assert_eq!(one.packages().count(), 7);
    assert_eq!(one.load("p003").unwrap().others[1].name, "10");
    assert_eq!(one.load("p003").unwrap().others[1].origin.line, 11);
    // Parts of a catalog share one temporary file.
    let mut whole = Index::default();
    for package in ["x", "a"] {
        let part = directory(&[("f", &format!("schema: s\npackage: {package}\n"))]);
        let mut index = whole.sibling();
        index.read(part.path(), Purpose::Show(Level::None), &Stop::new()).unwrap();
        index.relocate(part.path(), Path::new("/image"));
        whole.append(index).unwrap();
    }
    assert_eq!(whole.packages().collect::<Vec<_>>(), ["a", "x"]);
    assert_eq!(whole.load_all().unwrap().others[0].origin.to_string(), "/image/f, line 1");
    assert!(matches!(whole.append(Index::default()), Err(Error::Usage(_))));
}

#[test]
fn the_first_error_of_the_catalog_is_told() {
    let many: String = (0..1_200).map(|number| blob(1, number)).collect();
    for (files, expected) in [
        ([("a", format!("{many}{{\"x\": ]")), ("b", "x: [".to_owned())], "a: line 1201, column 7: "),
        ([("a", format!("{many}{{}}{many}")), ("b", "x: [".to_owned())], "a, line 1201: object '{}' is missing"),
        ([("a", many.clone()), ("b", format!("x: 1\n---\n{many}"))], "b, line 1: object"),
        ([("a", many.clone()), ("b", "schema: s\n---\n--- x".to_owned())], "b: line 3, column 1: invalid"),
        ([("a", "{}".to_owned()), ("b", "\0".to_owned())], "a, line 1: object '{}' is missing"),
    ] {
        let root = directory(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
        let place = |name: &str| format!("{}/{name}", root.path().display());
        for error in [Index::scan(root.path()).unwrap_err(), load(root.path()).unwrap_err()] {
            let message = with_causes(&error).replace(&place(""), "");
            assert!(message.trim_start_matches("cannot parse ").starts_with(expected), "{message}");
        }
    }
}

#[test]
fn a_gigabyte_of_nothing_is_refused() {
    let root = tempfile::tempdir().unwrap();
    for (begin, expected) in [
        ("", "line 1, column 1: control characters are not allowed"),
        ("schema: s\n---\nb: ", "line 3, column 4: control characters are not allowed"),
        ("{\"schema\":\"s\"}{\"schema\":\"s\"}{\"schema\":\"s\"}\n ", "line 2, column 2: invalid character '\\0'"),
    ] {
        let path = root.path().join("catalog");
        let mut file = File::create(&path).unwrap();
        file.write_all(begin.as_bytes()).unwrap();
        file.set_len(1 << 30).unwrap();
        let message = with_causes(&Index::scan(&path).unwrap_err());
        assert!(message.starts_with("cannot parse ") && message.contains(expected), "{message}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let root = directory(&[("a", "schema: s\n")]);
    // A directory is no file, even if it became one after the walk.
    let mut index = Index::default();
    let gone = root.path().join("gone");
    let error = with_causes(&index.read(&gone, Purpose::Take, &Stop::new()).unwrap_err());
    assert!(error.starts_with(&format!("cannot read {}: ", gone.display())), "{error}");
    let stop = Stop::new();
    stop.ask();
    assert!(matches!(index.read(root.path(), Purpose::Take, &stop), Err(Error::Stopped)));
    let index = Index::scan(root.path()).unwrap();
    assert!(matches!(index.write(Format::Json, &stop, &mut Vec::new()), Err(Error::Stopped)));
}

#[test]
fn checks_need_no_content() {
    let catalog = format!(
        "{VALID}- {{type: olm.bundle.object, value: {{data: e30=}}}}\n- {{type: olm.csv.metadata, value: {{keywords: 1}}}}\n\
         - {{type: olm.csv.metadata, value: {{displayName: D}}}}\n- {{type: x}}\n---\nschema: c d\n---\n{{schema: olm.channel, name: c}}\n"
    );
    let root = directory(&[("catalog.yaml", &catalog)]);
    let mut index = Index::default();
    index.read(root.path(), Purpose::Check, &Stop::new()).unwrap();
    let report = index.validate().unwrap();
    assert_eq!(report, validate(&load(root.path()).unwrap()));
    assert_eq!(report.findings.len(), 5, "{report}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_holds_what_was_read(catalog in super::round_trip::catalog()) {
        let text = to_text(&catalog, Format::Json).unwrap();
        let root = directory(&[("catalog.json", &text)]);
        let index = Index::scan(root.path()).unwrap();
        prop_assert_eq!(&text_of(&index), &text);
        let read = parse(text.as_bytes(), Some(&root.path().join("catalog.json"))).unwrap();
        prop_assert_eq!(&index.load_all().unwrap(), &read);
        let owners: Vec<&str> = index.packages().chain([""]).collect();
        let parts: Catalog = owners.iter().map(|package| index.load(package).unwrap()).collect();
        prop_assert_eq!(to_text(&parts, Format::Yaml).unwrap(), to_text(&read, Format::Yaml).unwrap());
        let mut slim = Index::default();
        slim.read(root.path(), Purpose::Check, &Stop::new()).unwrap();
        prop_assert_eq!(slim.validate().unwrap(), validate(&read));
    }
}

#[test]
fn a_large_catalog_needs_the_directory_it_was_given() {
    let text: String = (0..200).map(|number| blob(0, number)).collect();
    let root = directory(&[("catalog.json", &text)]);
    let read = |directory: &Path| {
        let mut index = Index::within(directory);
        index.read(root.path(), Purpose::Take, &Stop::new()).map(|()| text_of(&index))
    };
    let expected = text_of(&Index::scan(root.path()).unwrap());
    assert_eq!(read(tempfile::tempdir().unwrap().path()).unwrap(), expected);
    let error = with_causes(&read(Path::new("/nonexistent")).unwrap_err());
    assert!(error.starts_with("cannot use a temporary file in /nonexistent"), "{error}");
}
