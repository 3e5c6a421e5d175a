//! What changed, as text and as data.

use super::*;
use crate::edit::{DeprecateOptions, difference};

#[test]
fn differences_are_told_in_lines() {
    let base = of(
        REPLACES,
        &[&[
            "0.14.0 in=preview,stable default=preview",
            "0.15.0 in=preview,stable default=preview replaces=0.14.0",
            "0.22.2 in=preview default=preview replaces=0.15.0 skips=0.20.0 range=<0.22.2",
        ]],
    );
    for (edited, expected) in [
        (
            edited(&base, |edit| {
                edit.add(
                    all_added(&["0.23.0 in=preview,next default=next replaces=0.22.2", "1.0.0 pkg=other"]),
                    REPLACES,
                )
            }),
            "package demo, default channel preview -> next\n  + bundle demo.v0.23.0\n\
             \x20 channel next added, head demo.v0.23.0\n    + demo.v0.14.0\n    + demo.v0.15.0\n    + demo.v0.22.2\n    + demo.v0.23.0\n\
             \x20   + demo.v0.15.0 replaces demo.v0.14.0\n    + demo.v0.22.2 replaces demo.v0.15.0\n\
             \x20   + demo.v0.22.2 skips demo.v0.20.0\n    + demo.v0.22.2 skips range <0.22.2\n    + demo.v0.23.0 replaces demo.v0.22.2\n\
             \x20 channel preview, head demo.v0.22.2 -> demo.v0.23.0\n    + demo.v0.23.0\n    + demo.v0.23.0 replaces demo.v0.22.2\n\
             package other added, default channel alpha\n  + bundle other.v1.0.0\n\
             \x20 channel alpha added, head other.v1.0.0\n    + other.v1.0.0\n",
        ),
        (
            edited(&base, |edit| edit.deprecate(&["reg.test/demo.v0.15.0"], DeprecateOptions::default())),
            "package demo\n  - bundle demo.v0.14.0\n  - bundle demo.v0.15.0\n\
             \x20 channel preview\n    - demo.v0.14.0\n    - demo.v0.15.0\n    - demo.v0.15.0 replaces demo.v0.14.0\n\
             \x20 channel stable removed, head was demo.v0.15.0\n    - demo.v0.14.0\n    - demo.v0.15.0\n\
             \x20   - demo.v0.15.0 replaces demo.v0.14.0\n",
        ),
        (
            edited(&base, |edit| {
                let again = "0.22.2 in=preview replaces=0.15.0 skips=0.20.0 range=<0.22.2 image=reg.test/new";
                edit.add(all_added(&[again]), OVERWRITE)
            }),
            "package demo\n  ~ bundle demo.v0.22.2\n",
        ),
        (edited(&base, |edit| edit.remove(&["none"], true)), ""),
    ] {
        assert_eq!(edited.difference().to_string(), expected);
        assert_eq!(edited.difference().is_empty(), expected.is_empty());
        // The same, when it is not known beforehand what changed.
        assert_eq!(difference(&base, &edited.into_catalog()).to_string(), expected);
    }
    let removed = edited(&base, |edit| edit.remove(&["demo"], false)).difference();
    assert!(removed.to_string().starts_with("package demo removed, default channel was preview\n"));
}

#[test]
fn differences_are_data() {
    let base = of(REPLACES, &[&["1.0.0"]]);
    let edited = edited(&base, |edit| edit.add(all_added(&["1.1.0 replaces=1.0.0"]), REPLACES));
    let expected = serde_json::json!({"packages": [{
        "name": "demo", "change": "changed", "defaultChannelBefore": "alpha", "defaultChannelAfter": "alpha",
        "bundlesAdded": ["demo.v1.1.0"], "bundlesRemoved": [], "bundlesChanged": [],
        "channels": [{
            "name": "alpha", "change": "changed", "headBefore": "demo.v1.0.0", "headAfter": "demo.v1.1.0",
            "bundlesAdded": ["demo.v1.1.0"], "bundlesRemoved": [],
            "edgesAdded": [{"from": "demo.v1.1.0", "kind": "replaces", "to": "demo.v1.0.0"}], "edgesRemoved": [],
        }],
    }]});
    assert_eq!(serde_json::to_value(edited.difference()).unwrap(), expected);
}

#[test]
fn names_do_nothing_to_terminals() {
    let yaml = "schema: olm.package\nname: \"a\\u001b[2J\\nb\"\ndefaultChannel: c\n";
    let after = crate::parse(yaml.as_bytes(), None).unwrap();
    let text = difference(&Catalog::default(), &after).to_string();
    assert_eq!(text, "package a\\u{1b}[2J\\nb added, default channel c\n");
}
