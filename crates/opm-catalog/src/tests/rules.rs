//! The rules of validation.

use std::path::Path;

use super::{VALID, catalog};
use crate::{Format, check_model, parse, validate};

/// A change of [`VALID`].
fn changed(from: &str, to: &str) -> String {
    assert!(VALID.contains(from), "{from:?} is not in the catalog");
    VALID.replace(from, to)
}

/// A further document.
fn added(yaml: &str) -> String {
    format!("{VALID}---\n{yaml}")
}

/// Each catalog must give a finding with the words beside it.
fn check(cases: &[(String, &str)]) {
    for (yaml, expected) in cases {
        let report = check_model(&catalog(yaml));
        let found = report.findings.iter().any(|finding| finding.message.contains(expected));
        assert!(found, "{expected:?} is not in\n{report}\nof\n{yaml}");
    }
}

#[test]
fn packages_and_channels() {
    assert_eq!(validate(&catalog(VALID)).findings, []);
    check(&[
        (added("schema: olm.package\n"), "config contains package with no name"),
        (added("{schema: olm.package, name: p}"), "duplicate package \"p\""),
        (
            VALID.replace(": p\n", ": P\n").replace("packageName: p", "packageName: P"),
            "invalid package name \"P\": [a lowercase",
        ),
        (added("{schema: olm.channel, name: d}"), "unknown package \"\" for channel \"d\""),
        (added("{schema: olm.channel, name: d, package: q}"), "unknown package \"q\" for channel \"d\""),
        (added("{schema: olm.channel, package: p}"), "package \"p\" contains channel with no name"),
        (added("{schema: olm.bundle, name: d}"), "package name must be set for bundle \"d\""),
        (added("{schema: olm.bundle, name: d, package: q}"), "unknown package \"q\" for bundle \"d\""),
        (
            changed("- name: p.v1\n", "- name: p.v1\n- name: p.v1\n"),
            "invalid package \"p\", channel \"c\": duplicate entry \"p.v1\"",
        ),
        (changed("defaultChannel: c\n", ""), "default channel must be set"),
        (changed("defaultChannel: c", "defaultChannel: d"), "channel must contain at least one bundle"),
        (added("{schema: olm.channel, package: p, name: d}"), "channel must contain at least one bundle"),
        (
            changed("name: p.v1\nimage", "name: p.v3\nimage"),
            "package \"p\", bundle \"p.v3\" not found in any channel entries",
        ),
        (
            changed("name: p.v1\nimage", "name: p.v3\nimage"),
            "no olm.bundle blobs found in package \"p\" for olm.channel entries [p.v1]",
        ),
    ]);
}

#[test]
fn bundles() {
    let property = |text: &str| changed("properties:\n", &format!("properties:\n- {text}\n"));
    let version = |text: &str| changed("version: 1.0.0", &format!("version: {text}"));
    let image = |text: &str| changed("image: reg.example/p:1", &format!("image: {text}"));
    check(&[
        (
            changed("packageName: p, version: 1", "packageName: q, version: 1"),
            "package \"p\" does not match \"olm.package\" property \"q\"",
        ),
        (
            changed("{type: olm.package, value: {packageName: p, version: 1.0.0}}", "{type: t, value: 1}"),
            "must have exactly 1 \"olm.package\" property, found 0",
        ),
        (version("1.x"), "error parsing bundle \"p.v1\" version \"1.x\": "),
        (version("''"), "error parsing bundle \"p.v1\" version \"\": version is empty"),
        (version("1"), "parse property[0] of type \"olm.package\": invalid type"),
        (version("2.0.0"), "duplicate versions found in bundles: [{2.0.0: [p.v1, p.v2]}]"),
        (version("1.0.0, release: '01'"), "invalid release \"01\""),
        (version("1.0.0, release: a.b"), "name \"p.v1\" does not match normalized name \"p-v1.0.0-a.b\""),
        (version("1.0.0+b, release: a"), "cannot use build metadata in version with a release version"),
        (image("''"), "bundle image must be set"),
        (
            image("reg.example/P"),
            "bundle \"p.v1\" image: invalid image pull spec \"reg.example/P\": invalid reference format: repository name must be lowercase",
        ),
        (
            image("a\nrelatedImages: [{}, {image: 'a b'}]"),
            "relatedImages[1].image: invalid image pull spec \"a b\": invalid reference format",
        ),
        (property("{type: x}"), "parse property[0] of type \"x\": unexpected end of JSON input"),
        (property("{type: olm.gvk, value: x}"), "parse property[0] of type \"olm.gvk\": invalid type"),
        (
            property("{type: olm.csv.metadata, value: {keywords: k}}"),
            "parse property[0] of type \"olm.csv.metadata\": invalid type",
        ),
        (
            property("{type: olm.channel, value: {priority: x}}"),
            "parse property[0] of type \"olm.channel\": invalid type",
        ),
        (property("{type: olm.package.required, value: []}"), "must be an object, not a list"),
    ]);
}

#[test]
fn graphs() {
    let skips = "  skips: [p.v0]\n  skipRange: <2.0.0\n";
    check(&[
        (changed("[p.v0]", "['']"), "skip[0] is empty"),
        (changed("<2.0.0", "bad"), "invalid skipRange \"bad\": Could not get version from string: \"bad\""),
        (changed("  replaces: p.v1\n", ""), "multiple channel heads found in graph: p.v1, p.v2"),
        (changed("- name: p.v1\n", "- name: p.v1\n  replaces: p.v2\n"), "no channel head found in graph"),
        (
            changed("- name: p.v1\n", "- {name: p.v1, replaces: p.v1}\n"),
            "detected cycle in replaces chain of upgrade graph: p.v1 -> p.v1",
        ),
        (
            changed(skips, "- {name: p.a, replaces: p.b}\n- {name: p.b, replaces: p.a}\n"),
            "channel contains one or more stranded bundles: p.a, p.b",
        ),
        (
            changed(skips, "  skips: [p.v3]\n- {name: p.v3}\n- {name: p.v4, replaces: p.v2}\n"),
            "olm.channel entries [p.v3 p.v4]",
        ),
    ]);
    // The chain ends where it meets what is skipped.
    let skipped = changed(skips, "- {name: p.v3, replaces: p.v2, skips: [p.v2, p.v1]}\n");
    assert_eq!(check_model(&catalog(&skipped)).findings.len(), 1, "only the bundle p.v3 is missing");
}

#[test]
fn deprecations() {
    let entries = |list: &str| added(&format!("{{schema: olm.deprecations, package: p, entries: [{list}]}}"));
    check(&[
        (added("{schema: olm.deprecations}"), "package name must be set for deprecation item 0"),
        (added("{schema: olm.deprecations, package: q}"), "cannot apply deprecations to an unknown package \"q\""),
        (
            entries("") + "\n---\n{schema: olm.deprecations, package: p}",
            "expected a maximum of one deprecation per package: \"p\"",
        ),
        (entries("{message: m}"), "schema must be set for deprecation entry [0] for package \"p\""),
        (
            entries("{reference: {schema: olm.bundle, name: x}}"),
            "cannot deprecate bundle \"x\" for package \"p\": bundle not found",
        ),
        (
            entries("{reference: {schema: olm.channel, name: x}}"),
            "cannot deprecate channel \"x\" for package \"p\": channel not found",
        ),
        (
            entries("{reference: {schema: olm.package, name: x}}"),
            "package name must be empty for deprecated package \"p\" (specified \"x\")",
        ),
        (entries("{reference: {schema: x}}"), "object schema unknown"),
        (
            entries("{reference: {schema: olm.package}}, {reference: {schema: olm.package}}"),
            "duplicate deprecation entry",
        ),
        (entries("{reference: {schema: olm.bundle, name: p.v1}}"), "invalid deprecation: message must be set"),
        (entries("{reference: {schema: olm.channel, name: c}}"), "invalid deprecation: message must be set"),
        (entries("{reference: {schema: olm.package}}"), "invalid deprecation: message must be set"),
    ]);
}

#[test]
fn only_serving_needs_these() {
    for (yaml, expected) in [
        (format!("{VALID}---\n{{schema: a/b}}"), "invalid schema \"a/b\": must match"),
        (format!("{VALID}---\n{{schema: a, package: -}}"), "invalid packageName \"-\": must match"),
        (
            VALID.replace(
                "properties:\n",
                "properties:\n- {type: olm.csv.metadata, value: {}}\n- {type: olm.csv.metadata, value: {}}\n",
            ),
            "expected at most 1 property of type \"olm.csv.metadata\", found 2",
        ),
    ] {
        assert_eq!(check_model(&catalog(&yaml)).findings, [], "{yaml}");
        let report = validate(&catalog(&yaml));
        assert!(report.to_string().contains(expected), "{report}");
    }
}

#[test]
fn all_findings_in_a_tree() {
    let yaml = VALID.replace("image: reg.example/p:1", "image: ''").replace("version: 2.0.0", "version: 1.0.0")
        + "---\n{schema: olm.package, name: q}\n---\n{schema: olm.package, name: ''}\n---\nschema: olm.channel\npackage: r\nname: c\n";
    let report = check_model(&catalog(&yaml.replace("  replaces: p.v1\n", "")));
    let expected = "\
invalid index:
├── config contains package with no name (line 30)
├── invalid package \"p\":
│   ├── invalid channel \"c\":
│   │   ├── multiple channel heads found in graph: p.v1, p.v2 (line 5)
│   │   └── invalid bundle \"p.v1\":
│   │       └── bundle image must be set (line 14)
│   └── duplicate versions found in bundles: [{1.0.0: [p.v1, p.v2]}] (line 1)
├── invalid package \"q\":
│   ├── default channel must be set (line 28)
│   └── package must contain at least one channel (line 28)
└── invalid package \"r\":
    └── invalid channel \"c\":
        └── unknown package \"r\" for channel \"c\" (line 32)";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn reports_as_data() {
    let valid = validate(&catalog(VALID));
    assert_eq!(valid.to_document(Format::Json), "{\n  \"passed\": true\n}\n");
    assert_eq!(valid.to_document(Format::Yaml), "passed: true\n\n");
    let report = validate(&parse(b"schema: olm.package\nname: p<q\n", Some(Path::new("f.yaml"))).unwrap());
    let document = report.to_document(Format::Json);
    let expected = r#"{
  "passed": false,
  "error": {
    "message": "invalid index:\n"#;
    assert!(document.starts_with(&expected[..expected.len() - 2]), "{document}");
    assert!(document.contains("\\u003c") && !document.contains('<'), "{document}");
    let value: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(value["error"]["message"], report.to_string());
    let last = &value["findings"][2];
    let expected = serde_json::json!({"code": "empty", "message": "package must contain at least one channel",
        "package": "p<q", "channel": null, "bundle": null, "file": "f.yaml", "line": 1});
    assert_eq!(*last, expected);
    let yaml = report.to_document(Format::Yaml);
    assert!(yaml.starts_with("error:\n  message: |-\n") && yaml.ends_with("passed: false\n\n"), "{yaml}");
}
