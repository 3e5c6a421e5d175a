//! The shortcut for block style against the general way.

use proptest::prelude::*;

use crate::Documents;
use crate::json::tests::any_value;
use crate::yaml::{block, parse_any, write};

/// Lines that say something together, or nothing at all.
fn document() -> impl Strategy<Value = String> {
    let content = prop::sample::select(vec![
        "a",
        "key: v",
        "key:",
        "k: |",
        "k: >",
        "k: |-",
        "k: >+",
        "k: |2",
        "- a",
        "-",
        "- - b",
        "- k: v",
        "- k:",
        "text more",
        "\"quo ted\"",
        "k: \"a b",
        "c d\"",
        "k: 'a",
        "it''s'",
        "'q': 1",
        "\"q\": 'x'",
        "# c",
        "k: v # c",
        "- |",
        "- >-",
        "k: [a, b]",
        "k: {a: 1, b: [x]}",
        "k: []",
        "- {}",
        "k: {\"a\":1}",
        "1: a",
        "yes: no",
        "~: 1",
        "k: 0x1F",
        "k: 2024-01-01",
        "k: a:b",
        "k: a#b",
        "...",
        "---",
        "--- x",
        "? a",
        ": b",
        "&x a",
        "k: *x",
        "k: a\tb",
        "\tx",
        "k:\tv",
        "é: ü",
        "k: \"\\u00e9\\n\\x41\"",
        "k: \"a\\",
        "  b\"",
        "k: -",
        "k: -x",
        "k: ?x",
        "-x: 1",
        "/a: b",
        ".a: b",
        "a b: c",
        "k : v",
        "k: ' a '",
        "\"k\" : v",
        "- 'a",
        "b'",
        "[a]: b",
        "k: [a,",
        "k: [ a , 'b' ]",
        "k: {a : b}",
        "k: \"x\" # c",
        "k: \"x\"#c",
        "k: | # c",
        "k: a ",
        "-   k: v",
        "''",
        "",
        "  ",
        "k: .inf",
        "k: !x a",
        "k: [!x, y]",
        "\u{85}",
        "\u{2028}a",
        "<<: {a: 1}",
    ]);
    let indent = prop::sample::select(vec![0usize, 0, 0, 1, 2, 2, 3, 4]);
    let end = prop_oneof![30 => Just("\n"), 1 => Just("\r\n"), 1 => Just("")];
    let line = (indent, content, end).prop_map(|(indent, text, end)| format!("{}{text}{end}", " ".repeat(indent)));
    prop::collection::vec(line, 1..8).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn both_ways_agree(document in document()) {
        if let Some(value) = block::parse(document.as_bytes()) {
            prop_assert_eq!(parse_any(document.as_bytes()), Ok(value));
        }
    }

    #[test]
    fn nothing_panics(document in document(), bytes in any::<Vec<u8>>()) {
        for document in [document.as_bytes(), &bytes] {
            for document in Documents::new(document).flatten() {
                let _ = write(&document.value, &mut Vec::new());
            }
        }
    }
}

proptest! {
    #[test]
    fn both_ways_agree_on_what_was_written(value in any_value()) {
        let mut text = Vec::new();
        if write(&value, &mut text).is_ok() {
            let slow = parse_any(&text).ok();
            prop_assert!(slow.is_some());
            let fast = block::parse(&text);
            prop_assert!(fast.is_none() || fast == slow);
        }
    }
}

#[test]
fn ordinary_documents_take_the_shortcut() {
    for document in [
        "a: 1\n",
        "---\na: 1\n",
        "a:\n- b: c\n  d:\n  - e\n  -\n",
        "a: [b, 'c', {d: e}]\n",
        "a: x # c\n",
        "a: \"b\\n\\u00e9\"\n",
        "a: |\n  b\n  \tc\n",
        "a: >-\n  b\n  c\n",
        "1: yes\n",
        "a: long\n  text\nb: 'c\n  d'\n",
        "a:\n  \"b\"\n",
        "- - a\n  - b\n",
        "",
    ] {
        assert!(block::parse(document.as_bytes()).is_some(), "{document}");
    }
}
