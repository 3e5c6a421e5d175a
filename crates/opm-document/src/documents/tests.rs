#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Documents, first};
use crate::yaml::PathSegment;

/// The values with their lines, and the error that ended them.
fn read(input: &str) -> (Vec<(u64, Value)>, Option<String>) {
    let mut values = Vec::new();
    for document in Documents::new(input.as_bytes()) {
        match document {
            Ok(document) => values.push((document.line, document.value)),
            Err(error) => return (values, Some(error.to_string())),
        }
    }
    (values, None)
}

#[test]
fn files_are_split() {
    let cases: &[(&str, &[(u64, Value)])] = &[
        ("", &[]),
        ("a: 1", &[(1, json!({"a": 1}))]),
        ("---\na: 1\n", &[(1, json!({"a": 1}))]),
        ("---", &[(1, json!(null))]),
        ("---\n---\n", &[(1, json!(null))]),
        ("---\n---\na: 1\n", &[(1, json!(null)), (3, json!({"a": 1}))]),
        ("# c\n---\na: 1\n", &[(1, json!(null)), (3, json!({"a": 1}))]),
        ("\n---\na: 1\n", &[(1, json!(null)), (3, json!({"a": 1}))]),
        ("a: 1\n---\n", &[(1, json!({"a": 1}))]),
        ("a: 1\n---\n# c\n", &[(1, json!({"a": 1})), (3, json!(null))]),
        ("a: 1\n--- # c\na: 2", &[(1, json!({"a": 1})), (3, json!({"a": 2}))]),
        ("a: 1\r\n---\r\na: 2\r\n", &[(1, json!({"a": 1})), (3, json!({"a": 2}))]),
        ("a: |\n  b\n---\nc: 1\n", &[(1, json!({"a": "b\n"})), (4, json!({"c": 1}))]),
        ("a: |\n  b", &[(1, json!({"a": "b\n"}))]),
        ("a: |\n  ---\n  ----\n", &[(1, json!({"a": "---\n----\n"}))]),
        ("a: 1\n...\nb: [\n", &[(1, json!({"a": 1}))]),
        ("\u{feff}a: 1\n", &[(1, json!({"a": 1}))]),
        ("\u{feff}{\"a\": 1}", &[(1, json!({"a": 1}))]),
        ("{\"a\":1}{\"a\":2}\n\n {\"a\":3}", &[(1, json!({"a": 1})), (1, json!({"a": 2})), (3, json!({"a": 3}))]),
        ("\n {a: 1, # c\n b: 2,}\n", &[(2, json!({"a": 1, "b": 2}))]),
        ("{\"a\":1}\n---\na: 2\n---\na: 3\n", &[(1, json!({"a": 1})), (2, json!({"a": 2})), (5, json!({"a": 3}))]),
        ("{\"a\":1}\n5\n", &[(1, json!({"a": 1})), (2, json!(5))]),
        ("[1]\n---\ntext\n", &[(1, json!([1])), (3, json!("text"))]),
    ];
    for (input, expected) in cases {
        let (values, error) = read(input);
        assert_eq!((values.as_slice(), error), (*expected, None), "{input:?}");
    }
}

#[test]
fn errors_end_a_file() {
    for (input, before, message) in [
        ("a: 1\n--- {b: 1}\n", 0, "line 2, column 1: invalid Yaml document separator: {b: 1}"),
        ("a: 1\n----\n", 0, "line 2, column 1: invalid Yaml document separator: -"),
        ("a: 1\n---\nb: [\n", 1, "line 4, column 1: did not find expected node content, while parsing a flow node"),
        ("a: 1\n---\n\nb: c: d\n", 1, "line 4, column 5: mapping values are not allowed in this context"),
        ("{\"a\":1}{\"a\":2}\n---\na: 3\n", 2, "line 2, column 2: invalid character '-' in a number"),
        ("{\"a\":1}\n{\"a\" 2}\n", 1, "line 2, column 6: invalid character '2' after an object key"),
        ("{\"a\": 1 \"b\": 2}", 0, "line 1, column 9: invalid character '\"' after an object member"),
        ("%YAML 1.1\n---\na: 1\n", 0, "line 2, column 1: did not find expected <document start>"),
    ] {
        let (values, error) = read(input);
        assert_eq!((values.len(), error.as_deref()), (before, Some(message)), "{input:?}");
    }
    assert!(Documents::new(b"a: \xff\n").next().unwrap().is_err());
}

#[test]
fn values_are_located_in_the_file() {
    let second = Documents::new(b"a: 1\n---\nb:\n- c\n- d\n").nth(1).unwrap().unwrap();
    assert_eq!(second.locate(&[PathSegment::Key("b"), PathSegment::Index(1)]), Some((5, 3)));
}

#[test]
fn the_first_document() {
    assert_eq!(first(b"").unwrap(), None);
    assert_eq!(first(b"a: 1\n---\nb: [").unwrap(), Some(json!({"a": 1})));
    assert_eq!(first(b"{\"a\": 1} {").unwrap(), Some(json!({"a": 1})));
    assert_eq!(first(b"# c\n---\na: 1\n").unwrap(), Some(json!(null)));
}

#[test]
fn a_json_file_is_seen_only_within_the_look_ahead() {
    let far = |spaces: usize| format!("{}{{\"a\": 1}}{{\"a\": 2}}", " ".repeat(spaces));
    assert_eq!(read(&far(4000)).0.len(), 2);
    // As YAML the second value is not looked at.
    assert_eq!(read(&far(5000)).0.len(), 1);
}

proptest! {
    #[test]
    fn nothing_panics_and_lines_ascend(input in "([a-c{}\\[\\]:\", #-]{0,6}(\r?\n|---\n|--- |\\{\"a\":1\\}))*") {
        let mut last = 0;
        for document in Documents::new(input.as_bytes()).flatten() {
            prop_assert!(document.line >= last);
            last = document.line;
        }
        let _ = first(input.as_bytes());
    }
}
