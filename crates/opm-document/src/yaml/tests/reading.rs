//! What documents mean, and what is wrong with those that mean nothing.

use serde_json::{Value, json};

use crate::yaml::{PathSegment, locate, parse};
use crate::{MAX_DEPTH, json};

fn read(document: &str) -> Result<Value, String> {
    parse(document.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn scalars_resolve_by_yaml_1_1() {
    for (text, expected) in [
        ("", "null"),
        ("~", "null"),
        ("Null", "null"),
        ("nULL", r#""nULL""#),
        ("y", "true"),
        ("YES", "true"),
        ("On", "true"),
        ("oN", r#""oN""#),
        ("n", "false"),
        ("off", "false"),
        ("12", "12"),
        ("+12", "12"),
        ("-0", "0"),
        ("1_000", "1000"),
        ("0644", "420"),
        ("-0644", "-420"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("-0x1F", "-31"),
        ("0b101", "5"),
        ("0b-101", "-5"),
        ("00", "0"),
        ("089", "89"),
        ("0x", r#""0x""#),
        ("0xg", r#""0xg""#),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775809", "-9223372036854776000"),
        ("18446744073709551615", "18446744073709552000"),
        ("+9223372036854775808", "9223372036854776000"),
        ("1.", "1"),
        (".5", "0.5"),
        (".5_0", "0.5"),
        ("._5", r#""._5""#),
        ("1_0.5", "10.5"),
        ("1e3", "1000"),
        ("1.5E+10", "15000000000"),
        ("1e21", "1e+21"),
        ("1e-7", "1e-7"),
        ("1e400", r#""1e400""#),
        ("1e", r#""1e""#),
        ("-.5", "-0.5"),
        (".", r#"".""#),
        ("+-1", r#""+-1""#),
        ("1.2.3", r#""1.2.3""#),
        ("123e4567", r#""123e4567""#),
        ("190:20:30", r#""190:20:30""#),
        ("2024-11-07", r#""2024-11-07""#),
        ("2024-11-07T19:25:55Z", r#""2024-11-07T19:25:55Z""#),
        ("=", r#""=""#),
        ("<<", r#""\u003c\u003c""#),
        ("! 12", r#""12""#),
        ("!!str 12", r#""12""#),
        ("!!int \"5\"", "5"),
        ("!!float 3", "3"),
        ("!!bool yes", "true"),
        ("!!null ''", "null"),
        ("!!timestamp 2024-11-07", r#""2024-11-07""#),
        ("!!binary aGVsbG//", "\"hello\u{fffd}\""),
        ("!foo 12", r#""12""#),
        ("!!set {a, b}", r#"{"a":null,"b":null}"#),
    ] {
        let value = read(&format!("v: {text}\n")).unwrap();
        assert_eq!(json::to_string(&value["v"]), expected, "{text}");
    }
}

#[test]
fn keys_become_strings() {
    for (key, expected) in [
        ("1", "1"),
        ("010", "8"),
        ("0x10", "16"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        ("1e6", "1e+06"),
        ("0.1", "0.1"),
        (".inf", ".inf"),
        ("-.INF", "-.inf"),
        (".nan", ".nan"),
        ("yes", "true"),
        ("n", "false"),
        ("2024-11-07", "2024-11-07"),
        ("'1e3'", "1e3"),
        ("\"~\"", "~"),
        ("a b", "a b"),
    ] {
        for document in [format!("{key}: x\n"), format!("{{{key}: x}}\n"), format!("? {key}\n: x\n")] {
            assert_eq!(read(&document), Ok(json!({expected: "x"})), "{document}");
        }
    }
}

#[test]
fn structures() {
    for (document, expected) in [
        ("a: 1\na: 2\n", json!({"a": 2})),
        ("true: a\n'true': b\n", json!({"true": "b"})),
        ("a: &a {x: 1, z: 2}\nv:\n  <<: *a\n  x: 9\n", json!({"a": {"x": 1, "z": 2}, "v": {"x": 9, "z": 2}})),
        ("a: &a {x: 1, z: 2}\nv:\n  x: 9\n  <<: *a\n", json!({"a": {"x": 1, "z": 2}, "v": {"x": 1, "z": 2}})),
        ("v:\n  <<: [{x: 1}, {x: 2, z: 3}]\n", json!({"v": {"x": 1, "z": 3}})),
        ("'<<': {x: 1}\n", json!({"<<": {"x": 1}})),
        ("<<: {<<: {a: 1}, b: 2}\n", json!({"a": 1, "b": 2})),
        ("a: &x 1\nb: &x 2\nv: *x\n", json!({"a": 1, "b": 2, "v": 2})),
        ("&k a: 1\nb: *k\n", json!({"a": 1, "b": "a"})),
        ("- - 1\n  - 2\n-\n- a: 1\n  b:\n  - 3\n", json!([[1, 2], null, {"a": 1, "b": [3]}])),
        ("a: b # c\n# d\nc:\n  # e\n  - f\n", json!({"a": "b", "c": ["f"]})),
        ("a: x\n  y\n\n  z\nb:\n  one\n  two\n", json!({"a": "x y\nz", "b": "one two"})),
        ("a: \"x\n  y\n\n  \\\n  z\\x41\"\n", json!({"a": "x y\nzA"})),
        ("a: 'x\n  it''s'\n", json!({"a": "x it's"})),
        ("a: |\n  x\n\n   y\n\n\nb: >\n  x\n  y\n\n  z\n    w\n", json!({"a": "x\n\n y\n", "b": "x y\nz\n  w\n"})),
        ("a: |+\n  x\n\nb: |-\n  x\n\nc: |2\n    x\n", json!({"a": "x\n\n", "b": "x", "c": "  x\n"})),
        ("a: |\n  x\ty\n", json!({"a": "x\ty\n"})),
        ("a: [x, 'y', {z: 1}, ]\n", json!({"a": ["x", "y", {"z": 1}]})),
        ("a: [wow !x, z]\n", json!({"a": ["wow !x", "z"]})),
        ("a:\r\n- |\r\n  x\r\n", json!({"a": ["x\n"]})),
        ("%YAML 1.1\n---\na: 1\n...\n}\n", json!({"a": 1})),
        ("a: 1\n---\n[", json!({"a": 1})),
        ("", json!(null)),
        ("# c\n", json!(null)),
        ("text\n", json!("text")),
        ("- a\n- b", json!(["a", "b"])),
    ] {
        assert_eq!(read(document), Ok(expected), "{document}");
    }
}

#[test]
fn block_scalars_may_end_with_the_text() {
    for (document, expected) in [
        ("v: |\n  a", "a"),
        ("v: |+\n  a", "a"),
        ("v: >\n  a\n  b", "a b"),
        ("v: |\n  a\n ", "a\n"),
        ("v: |+\n  a\n ", "a\n"),
        ("v: |+\n  a\n\n ", "a\n\n"),
        ("v: |\n  a\n   ", "a\n "),
        ("v: |1\n  a\n   ", " a\n  "),
        ("v: |", ""),
        ("v: |\n  ", ""),
        ("v: |+\n\n ", "\n"),
        ("v: |\n  a\n# c", "a\n"),
        ("v: |\n  a\n  # c", "a\n# c"),
    ] {
        assert_eq!(read(document), Ok(json!({"v": expected})), "{document:?}");
        // The general parser has to agree; a tag sends the document there.
        let tagged = document.replacen("v: ", "v: !!str ", 1);
        assert_eq!(read(&tagged), Ok(json!({"v": expected})), "{tagged:?}");
    }
}

#[test]
fn errors_say_where_and_what() {
    for (document, error) in [
        ("a: b\nv: .inf\n", "line 2, column 4: infinity and NaN have no place in JSON"),
        ("a:\n  ~: 1\n", "line 2, column 3: a mapping key must not be null"),
        ("{[1]: 2}\n", "line 1, column 2: a mapping key must be a scalar"),
        ("18446744073709551615: a", "line 1, column 1: a mapping key that is a number must fit 64 bits with a sign"),
        ("v: *nope\n", "line 1, column 4: unknown anchor 'nope' referenced"),
        ("v: &a [*a]\n", "line 1, column 8: anchor value contains itself"),
        ("<<: 5\n", "line 1, column 5: a merge key requires a mapping or a sequence of mappings as its value"),
        ("v: !!int x\n", "line 1, column 4: cannot decode `x` as a !!int"),
        ("v: a\u{1}b\n", "line 1, column 5: control characters are not allowed"),
        ("é: a\u{7f}b\n", "line 1, column 5: control characters are not allowed"),
        ("v: \"a\\/b\"\n", "line 1, column 6: found unknown escape character, while parsing a quoted scalar"),
        ("v: a: b\n", "line 1, column 5: mapping values are not allowed in this context"),
        (
            "v:\n\ta: 1\n",
            "line 2, column 1: found character that cannot start any token, while scanning for the next token",
        ),
        (
            "a: |\n\tx\n",
            "line 2, column 1: found a tab character where an indentation space is expected, while scanning a block scalar",
        ),
        ("v: !!binary a\n", "line 1, column 4: !!binary value contains invalid base64 data"),
        ("v: [!a, b]\n", "line 1, column 5: did not find expected whitespace or line break, while scanning a tag"),
        ("%YAML 1.2\n---\na: 1\n", "line 1, column 1: found incompatible YAML document"),
        ("v: \"a\\", "line 2, column 1: found unexpected end of stream, while scanning a quoted scalar"),
    ] {
        assert_eq!(read(document), Err(error.to_owned()), "{document:?}");
    }
    assert_eq!(parse(b"a: 1\nb: \xff\n").unwrap_err().to_string(), "line 2, column 4: invalid UTF-8");
}

#[test]
fn nesting_is_limited() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let block = |depth: usize| (0..depth).map(|level| " ".repeat(level) + "a:\n").collect::<String>();
    assert!(read(&flow(MAX_DEPTH)).is_ok());
    assert!(read(&block(MAX_DEPTH)).is_ok());
    for document in [flow(MAX_DEPTH + 1), block(MAX_DEPTH + 1), "[".repeat(100_000), "- ".repeat(100_000)] {
        assert!(read(&document).unwrap_err().contains("levels deep"));
    }
    let chain: Vec<_> = (1..2 * MAX_DEPTH).map(|link| format!("- &a{link} [*a{}]\n", link - 1)).collect();
    assert!(read(&format!("- &a0 []\n{}", chain.concat())).unwrap_err().contains("levels deep"));
}

#[test]
fn aliases_are_limited() {
    let laughs: Vec<_> = ('b'..'k')
        .zip('a'..)
        .map(|(this, last)| format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 9].join(",")))
        .collect();
    assert!(
        read(&format!("a: &a [x]\n{}", laughs.concat())).unwrap_err().contains("document contains excessive aliasing")
    );
    // Few nodes, many bytes.
    let large = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(200));
    assert!(read(&large).unwrap_err().contains("document contains excessive aliasing"));
    let modest = format!("a: &a {}\nb: [{}]\n", "x".repeat(100), "*a, ".repeat(50));
    assert_eq!(read(&modest).unwrap()["b"].as_array().unwrap().len(), 50);
}

#[test]
fn values_are_located() {
    use PathSegment::{Index, Key};
    let document = b"# c\na: &x\n  b:\n  - one\n  - {c: two}\nd: *x\nd: *x\n1: yes\n";
    for (path, expected) in [
        (&[][..], Some((2, 1))),
        (&[Key("a")], Some((2, 4))),
        (&[Key("a"), Key("b")], Some((4, 3))),
        (&[Key("a"), Key("b"), Index(1), Key("c")], Some((5, 9))),
        (&[Key("d")], Some((7, 4))),
        (&[Key("d"), Key("b"), Index(0)], Some((4, 5))),
        (&[Key("1")], Some((8, 4))),
        (&[Key("a"), Key("x")], None),
        (&[Key("a"), Index(0)], None),
    ] {
        assert_eq!(locate(document, path), expected, "{path:?}");
    }
    assert_eq!(locate(b"{\"a\": {\"b\":\n  [1, 2]}}", &[Key("a"), Key("b"), Index(1)]), Some((2, 7)));
    assert_eq!(locate(b"a: [", &[Key("a")]), None);
}
