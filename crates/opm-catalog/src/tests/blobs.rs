//! Documents to blobs, and blobs to text.

use std::path::Path;

use opm_model::with_causes;

use super::catalog;
use crate::{Format, parse, to_text, write};

fn json(yaml: &str) -> String {
    let mut out = Vec::new();
    write(&catalog(yaml), Format::Json, &mut out).unwrap();
    // One line per blob is easier to compare.
    let values = serde_json::Deserializer::from_slice(&out).into_iter::<Box<serde_json::value::RawValue>>();
    let compact = |raw: Box<serde_json::value::RawValue>| crate::raw::compact(raw.get()).unwrap();
    values.map(|value| compact(value.unwrap())).collect::<Vec<_>>().join("\n")
}

#[test]
fn typed_decoding() {
    for (input, expected) in [
        // Names in any case, null for the zero value, unknown fields dropped.
        (
            "{Schema: olm.package, NAME: p, defaultchannel: c, x: 1, icon: null}",
            r#"{"schema":"olm.package","name":"p","defaultChannel":"c"}"#,
        ),
        (
            "{schema: olm.package, name: p, icon: {}, description: d, properties: [{type: t}]}",
            r#"{"schema":"olm.package","name":"p","defaultChannel":"","icon":{"base64data":null,"mediatype":""},"description":"d","properties":[{"type":"t","value":null}]}"#,
        ),
        // Base64 is decoded and encoded again.
        (
            "{schema: olm.package, name: p, icon: {base64data: \"Zm\\nF=\", mediatype: image/png}}",
            r#"{"schema":"olm.package","name":"p","defaultChannel":"","icon":{"base64data":"ZmE=","mediatype":"image/png"}}"#,
        ),
        (
            "{schema: olm.channel, name: c, package: p}",
            r#"{"schema":"olm.channel","name":"c","package":"p","entries":null}"#,
        ),
        (
            "{schema: olm.channel, name: c, package: p, entries: [null, {name: b, skips: []}]}",
            r#"{"schema":"olm.channel","name":"c","package":"p","entries":[{"name":""},{"name":"b"}]}"#,
        ),
        (
            "{schema: olm.bundle, package: p, properties: [{type: t, value: {z: 1.50, a: 12345678901234567890}}], relatedImages: [{}]}",
            r#"{"schema":"olm.bundle","package":"p","image":"","properties":[{"type":"t","value":{"a":12345678901234567000,"z":1.5}}],"relatedImages":[{"name":"","image":""}]}"#,
        ),
        (
            "{schema: olm.deprecations, package: p, entries: [{reference: {schema: olm.package}, message: m}]}",
            r#"{"schema":"olm.deprecations","package":"p","entries":[{"reference":{"schema":"olm.package"},"message":"m"}]}"#,
        ),
        ("{schema: other, b: 2, a: <>}", r#"{"a":"<>","b":2,"schema":"other"}"#),
        // Nothing but comments is no blob.
        ("# nothing\n---\n", ""),
        // Without a package there is nowhere to put a blob.
        ("{schema: olm.bundle, name: b}", ""),
    ] {
        assert_eq!(json(input), expected, "{input}");
    }
}

#[test]
fn errors_say_what_and_where() {
    for (input, expected) in [
        ("schema: a\n---\nname: x\n", "c.yaml, line 3: object '{\"name\":\"x\"}' is missing root schema field"),
        ("- a\n", "c.yaml, line 1: the document must be an object, not a list"),
        ("schema: a\n---\nschema: a\nname: [x]\n", "c.yaml, line 4, column 7: field name must be a string, not a list"),
        ("schema: a\npackage: null\n", "c.yaml, line 2, column 10: field package must be a string, not null"),
        (
            "{schema: a, A: 1, a: 2}",
            "c.yaml, line 1, column 22: field a: duplicate keys for key \"a\": \"A\" and \"a\"",
        ),
        (
            "schema: olm.channel\nentries:\n- name: a\n- name: 1\n",
            "c.yaml, line 4, column 9: parse channel: field entries[1].name must be a string, not a number",
        ),
        (
            "schema: olm.package\nproperties: {}\n",
            "c.yaml, line 2, column 13: parse package: field properties must be a list, not an object",
        ),
        (
            "schema: olm.package\nicon: {base64data: '*'}\n",
            "c.yaml, line 2, column 20: parse package: field icon.base64data: is not base64: Invalid symbol 42, offset 0.",
        ),
        (
            "schema: olm.bundle\npackage: p\nname: b\nproperties:\n- {type: olm.bundle.object, value: {data: '*'}}\n",
            "c.yaml, line 1: parse bundle: read bundle objects: package \"p\", bundle \"b\": property at index 0 is no bundle \
             object: its data are not base64: Invalid symbol 42, offset 0.",
        ),
        (
            "schema: a\n---\nb: [\n",
            "cannot parse c.yaml: line 4, column 1: did not find expected node content, while parsing a flow node",
        ),
    ] {
        let error = parse(input.as_bytes(), Some(Path::new("c.yaml"))).unwrap_err();
        assert_eq!(with_causes(&error), expected, "{input}");
    }
}

#[test]
fn order() {
    let input = "
schema: z
package: p
---
schema: olm.deprecations
package: p
---
schema: w
name: loose
---
schema: a
name: also loose
---
schema: olm.bundle
package: p
name: b2
---
schema: olm.bundle
package: p
name: b1
---
schema: olm.channel
package: p
name: c2
---
schema: olm.channel
package: p
name: c1
---
schema: a
package: p
---
schema: olm.package
name: p
---
schema: a
package: only-others
";
    let expected = [
        r#"{"package":"only-others","schema":"a"}"#,
        r#"{"schema":"olm.package","name":"p","defaultChannel":""}"#,
        r#"{"schema":"olm.channel","name":"c1","package":"p","entries":null}"#,
        r#"{"schema":"olm.channel","name":"c2","package":"p","entries":null}"#,
        r#"{"schema":"olm.bundle","name":"b1","package":"p","image":""}"#,
        r#"{"schema":"olm.bundle","name":"b2","package":"p","image":""}"#,
        r#"{"package":"p","schema":"a"}"#,
        r#"{"package":"p","schema":"z"}"#,
        r#"{"schema":"olm.deprecations","package":"p","entries":null}"#,
        r#"{"name":"loose","schema":"w"}"#,
        r#"{"name":"also loose","schema":"a"}"#,
    ];
    assert_eq!(json(input), expected.join("\n"));
}

#[test]
fn both_forms() {
    let input =
        catalog("{schema: olm.package, name: p, description: \"a\\nb: <c>\\n\"}\n---\n{schema: s, v: ['1', 1, []]}\n");
    let json = "{\n    \"schema\": \"olm.package\",\n    \"name\": \"p\",\n    \"defaultChannel\": \"\",\n    \
                \"description\": \"a\\nb: <c>\\n\"\n}\n{\n    \"schema\": \"s\",\n    \"v\": [\n        \"1\",\n        \
                1,\n        []\n    ]\n}\n";
    let yaml = "---\ndefaultChannel: \"\"\ndescription: |\n  a\n  b: <c>\nname: p\nschema: olm.package\n\
                ---\nschema: s\nv:\n- \"1\"\n- 1\n- []\n";
    assert_eq!(to_text(&input, Format::Json).unwrap(), json);
    assert_eq!(to_text(&input, Format::Yaml).unwrap(), yaml);
}

#[test]
fn what_is_left_out_is_named() {
    let input = "schema: olm.package\n---\nschema: olm.channel\nname: c\n---\nschema: olm.bundle\nname: b\n---\n\
                 schema: olm.deprecations\n---\nschema: other\n";
    let catalog = parse(input.as_bytes(), Some(Path::new("x"))).unwrap();
    let expected = [
        "x, line 1: package \"\"",
        "x, line 3: channel \"c\"",
        "x, line 6: bundle \"b\"",
        "x, line 9: deprecations \"\"",
    ];
    assert_eq!(crate::Index::of(&catalog).unwrap().without_package(), expected);
}

#[test]
fn names_of_formats() {
    assert_eq!("yaml".parse::<Format>().unwrap(), Format::Yaml);
    let error = "xml".parse::<Format>().unwrap_err();
    assert_eq!(error.to_string(), "invalid --output value \"xml\", expected (json|yaml)");
}
