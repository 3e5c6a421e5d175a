#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};

use super::{Normal, blob, compact, indent, parse, serialize, text, to_string};

#[test]
fn objects_are_marshalled_like_go() {
    for (text, object, in_catalog) in [
        (r#"{"b":1,"a":[true,null,{}]}"#, r#"{"a":[true,null,{}],"b":1}"#, r#"{"a":[true,null,{}],"b":1}"#),
        (r#""<a>&b""#, r#""\u003ca\u003e\u0026b""#, r#""<a>&b""#),
        ("\"\u{2028}\u{2029}\u{2027}\u{e9}\"", "\"\\u2028\\u2029\u{2027}\u{e9}\"", "\"\\u2028\\u2029\u{2027}\u{e9}\""),
        (r#""\b\f\n\r\t\u0000\u001f\"\\\/""#, r#""\b\f\n\r\t\u0000\u001f\"\\/""#, r#""\b\f\n\r\t\u0000\u001f\"\\/""#),
        ("\"\u{7f}\u{85}\"", "\"\u{7f}\u{85}\"", "\"\u{7f}\u{85}\""),
        ("1.0", "1", "1"),
        ("1.50", "1.5", "1.5"),
        ("-0", "-0", "-0"),
        ("9223372036854775807", "9223372036854775807", "9223372036854776000"),
        ("-9223372036854775808", "-9223372036854775808", "-9223372036854776000"),
        ("9007199254740993", "9007199254740993", "9007199254740992"),
        ("12345678901234567890", "12345678901234567000", "12345678901234567000"),
        ("123456789012345678901234567890", "1.2345678901234568e+29", "1.2345678901234568e+29"),
        ("1e21", "1e+21", "1e+21"),
        ("1e20", "100000000000000000000", "100000000000000000000"),
        ("0.000001", "0.000001", "0.000001"),
        ("1.5e-7", "1.5e-7", "1.5e-7"),
    ] {
        let value = parse(text.as_bytes()).unwrap();
        assert_eq!(to_string(&value), object, "object {text}");
        assert_eq!(blob(&value), in_catalog, "blob {text}");
    }
}

#[test]
fn values_are_read_like_go() {
    let cases: [(&[u8], Value); 8] = [
        (b" {\"a\":1,\"a\":2} ", json!({"a": 2})),
        (b"\"a\xff\xfeb\"", json!("a\u{fffd}\u{fffd}b")),
        (b"\"\\ud83d\\ude00\"", json!("\u{1f600}")),
        (b"\"\\ud83d\"", json!("\u{fffd}")),
        (b"\"\\ud83dx\\ude00\\ud83d\\u0041\"", json!("\u{fffd}x\u{fffd}\u{fffd}A")),
        (b"\"\\u00E9\"", json!("é")),
        (b"[18446744073709551615,18446744073709551616]", json!([u64::MAX, 18_446_744_073_709_551_616.0])),
        (b"[ ]", json!([])),
    ];
    for (text, value) in cases {
        assert_eq!(parse(text), Ok(value), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn errors_say_where_and_what() {
    let cases: [(&[u8], &str); 13] = [
        (b"", "line 1, column 1: unexpected end of JSON input"),
        (b"{\n  \"a\": 1,\n}", "line 3, column 1: invalid character '}' where an object key in quotes is expected"),
        (b"{\"a\" 1}", "line 1, column 6: invalid character '1' after an object key"),
        (b"[1 2]", "line 1, column 4: invalid character '2' after an array element"),
        (b"{\"a\":1", "line 1, column 7: unexpected end of JSON input"),
        ("\"é\n\"".as_bytes(), "line 1, column 3: invalid character '\\n' in a string"),
        (b"\"\\x\"", "line 1, column 3: invalid character 'x' in a string escape"),
        (b"\"\\u12\"", "line 1, column 6: invalid character '\"' in a \\u escape"),
        (b"01", "line 1, column 2: invalid character '1' after the value"),
        (b"-", "line 1, column 2: unexpected end of JSON input"),
        (b"1e999", "line 1, column 1: number 1e999 is out of range"),
        (b"nul", "line 1, column 4: unexpected end of JSON input"),
        (b"\xff", "line 1, column 1: invalid byte 0xff where a value is expected"),
    ];
    for (text, error) in cases {
        assert_eq!(parse(text).unwrap_err().to_string(), error);
    }
}

#[test]
fn nesting_is_limited() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(parse(nested(crate::MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(nested(crate::MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse(nested(100_000).as_bytes()).unwrap_err().message.contains("levels deep"));
    }
}

#[test]
fn compacting_keeps_order_and_spelling() {
    for (text, expected) in [
        ("{ \"b\" : 1.50 ,\n\t\"a\": [ 1E5, \"x  y\" ] }", r#"{"b":1.50,"a":[1E5,"x  y"]}"#),
        (r#""<\u003c\/\" &""#, r#""\u003c\u003c\/\" \u0026""#),
        ("\"\u{2028}é\"", "\"\\u2028é\""),
        (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
    ] {
        assert_eq!(compact(text).unwrap(), expected);
    }
    let error = compact("{\n\"a\": }").unwrap_err();
    assert_eq!((error.line, error.column), (Some(2), Some(6)));
    // No recursion, so no limit.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(compact(&deep).unwrap(), deep);
}

#[test]
fn indentation() {
    let mut out = Vec::new();
    indent(r#"{"b":[],"a":{},"c":[1,{"x":"{,\":"}]}"#, &mut out);
    let expected = r#"{
    "b": [],
    "a": {},
    "c": [
        1,
        {
            "x": "{,\":"
        }
    ]
}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn types_are_serialised_in_their_own_order() {
    let raw = RawValue::from_string(r#"{"z":"\u003c"}"#.to_owned()).unwrap();
    let mut out = Vec::new();
    serialize(&[("schema", "<\u{2028}\u{2029}>"), ("a", "\u{1}")], &mut out).unwrap();
    serialize(&raw, &mut out).unwrap();
    let expected = r#"[["schema","<\u2028\u2029>"],["a","\u0001"]]{"z":"\u003c"}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1000i32..1000, 0u8..4).prop_map(|(n, d)| Value::from(f64::from(n) / f64::from(10i32.pow(d.into())))),
        any::<String>().prop_map(Value::from),
        "[a-z \n:#'\"-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z0-9 :.é-]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The normal form is the blob of the tree, member by member, and its errors are those of the tree.
fn same_as_tree(json: &str) -> Result<(), TestCaseError> {
    let tree = parse(json.as_bytes());
    let normal = Normal::of_json(json.as_bytes());
    prop_assert_eq!(normal.clone().map(Normal::into_text), tree.clone().map(|value| blob(&value)), "{}", json);
    let (Ok(normal), Ok(tree)) = (normal, tree) else { return Ok(()) };
    let members: Option<Vec<_>> =
        normal.members().map(|all| all.map(|(k, v)| (text(k).into_owned(), v.to_owned())).collect());
    let expected = tree.as_object().map(|all| all.iter().map(|(k, v)| (k.clone(), blob(v))).collect::<Vec<_>>());
    prop_assert_eq!(&members, &expected);
    let of_yaml = Normal::of_yaml(normal.text().as_bytes());
    if let Ok(of_yaml) = of_yaml {
        prop_assert_eq!(of_yaml.members().map(Iterator::count), expected.map(|all| all.len()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_was_written_reads_back(value in any_value()) {
        prop_assert_eq!(blob(&parse(blob(&value).as_bytes()).unwrap()), blob(&value));
        // An integral double comes back as an integer, so compare the texts.
        prop_assert_eq!(to_string(&parse(to_string(&value).as_bytes()).unwrap()), to_string(&value));
    }

    #[test]
    fn reading_agrees_with_serde_json(text in r#"[\[\]{}:,"\\a0-9.eE+ -]{0,12}|(true|false|null|[0-9]{1,25}(\.[0-9]{1,5})?(e-?[0-9]{1,3})?)"#) {
        let theirs = serde_json::from_str::<Value>(&text).ok();
        let ours = parse(text.as_bytes()).ok();
        // serde_json rounds some decimals to the neighbouring double.
        prop_assert_eq!(ours.is_some(), theirs.is_some());
        if !text.contains(['.', 'e', 'E']) && text.len() < 19 {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn the_normal_form_needs_no_tree(text in r#"\{("[ab\\\\nu0/<é\\x01"]{0,4}" ?: ?("x"|1\.50|-0|12345678901234567890|\[\]|\{"b":1,"a":\[2\]\}|null), ?){0,4}"a":[\[{]?[0-9truefalsn]{0,4}[\]}]?\}"#) {
        same_as_tree(&text)?;
    }

    #[test]
    fn the_normal_form_of_anything(value in any_value(), cut in any::<prop::sample::Index>()) {
        let text = to_string(&value);
        same_as_tree(&text)?;
        let at = cut.index(text.len() + 1);
        if text.is_char_boundary(at) {
            same_as_tree(&text[..at])?;
        }
    }

    #[test]
    fn compacting_a_written_object_changes_nothing(value in any_value()) {
        let text = to_string(&value);
        prop_assert_eq!(compact(&text).unwrap(), text);
    }

    #[test]
    fn nothing_panics(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = parse(&bytes);
        let _ = compact(&text);
        indent(&text, &mut Vec::new());
    }
}
