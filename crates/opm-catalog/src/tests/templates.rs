//! Templates to catalogs, and back.

use std::fmt::Write;
use std::io;

use opm_model::Property;

use crate::{Bundle, Catalog, Error, Format, Level, Template, TemplateKind, convert_template, parse, to_text};
use opm_model::with_causes;

/// The bundle at a reference such as `p:1.0.0`, with a CSV.
fn bundle(reference: &str) -> Result<Vec<Bundle>, crate::RenderError> {
    let (package, version) = reference.split_once(':').ok_or("no such image")?;
    if package == "empty" {
        return Ok(Vec::new());
    }
    let csv = format!(
        r#"{{"kind":"ClusterServiceVersion","metadata":{{"annotations":{{"olm.substitutesFor":"x"}}}},"spec":{{"description":"of {version}","icon":[{{"base64data":"Zm9v","mediatype":"m"}}]}}}}"#
    );
    let bundle = Bundle {
        name: format!("{package}.v{version}"),
        package: package.to_owned(),
        image: reference.replace('+', "-"),
        properties: vec![crate::properties::object(csv.as_bytes()), crate::properties::package(package, version, "")],
        ..Bundle::default()
    };
    Ok(vec![bundle])
}

fn expand(template: &str) -> Result<Catalog, Error> {
    Template::parse(None, template.as_bytes(), None)?.expand(Level::ALL, bundle)
}

/// The entries of all channels, one per line.
fn graph(catalog: &Catalog) -> String {
    let mut text = String::new();
    for channel in &catalog.channels {
        writeln!(text, "{}", channel.name).unwrap();
        for entry in channel.entries() {
            let name = |name: &str| name.trim_start_matches("p.v").to_owned();
            let skips: Vec<String> = entry.skips.iter().map(|skip| name(skip)).collect();
            writeln!(text, "  {} > {} [{}]", name(&entry.name), name(&entry.replaces), skips.join(" ")).unwrap();
        }
    }
    text
}

#[test]
fn basic() {
    let template = "
schema: olm.template.basic
entries:
- {schema: olm.package, name: p, defaultChannel: c}
- {schema: olm.bundle, image: 'p:2.0.0'}
- {schema: olm.bundle, image: 'p:1.0.0', name: ignored}
- {schema: other, package: p}
";
    let parsed = Template::parse(None, template.as_bytes(), None).unwrap();
    assert_eq!(
        (parsed.kind(), parsed.references()),
        (TemplateKind::Basic, vec!["p:2.0.0".to_owned(), "p:1.0.0".to_owned()])
    );
    let catalog = expand(template).unwrap();
    let names: Vec<&str> = catalog.bundles.iter().map(|bundle| bundle.name.as_str()).collect();
    assert_eq!(names, ["p.v2.0.0", "p.v1.0.0"]);
    assert_eq!((catalog.packages.len(), catalog.others.len()), (1, 1));
    // Bundles are settled and migrated.
    let kinds: Vec<&str> = catalog.bundles[0].properties.iter().map(|p: &Property| p.kind.as_str()).collect();
    assert_eq!(kinds, ["olm.package", "olm.csv.metadata"]);
}

fn semver(options: &str, candidate: &[&str], stable: &[&str]) -> String {
    let mut text = format!("schema: olm.semver\n{options}");
    for (maturity, versions) in [("Candidate", candidate), ("stable", stable)] {
        let images: Vec<String> = versions.iter().map(|version| format!("{{image: 'p:{version}'}}")).collect();
        writeln!(text, "{maturity}: {{bundles: [{}]}}", images.join(", ")).unwrap();
    }
    text
}

#[test]
fn semver_channels() {
    let versions = ["1.0.1", "1.0.0", "1.1.0", "1.1.1-rc", "1.1.1", "2.0.0"];
    let catalog =
        expand(&semver("generateMajorChannels: true\ngenerateMinorChannels: true\n", &versions, &["1.0.0"])).unwrap();
    let expected = "\
candidate-v1
  1.0.0 >  []
  1.0.1 >  [1.0.0]
  1.1.0 >  []
  1.1.1-rc >  []
  1.1.1 > 1.0.1 [1.0.0 1.1.0 1.1.1-rc]
candidate-v1.0
  1.0.0 >  []
  1.0.1 >  [1.0.0]
candidate-v1.1
  1.1.0 >  []
  1.1.1-rc >  []
  1.1.1 > 1.0.1 [1.0.0 1.1.0 1.1.1-rc]
candidate-v2
  2.0.0 >  []
candidate-v2.0
  2.0.0 >  []
stable-v1
  1.0.0 >  []
stable-v1.0
  1.0.0 >  []
";
    assert_eq!(graph(&catalog), expected);
    let package = &catalog.packages[0];
    assert_eq!((package.name.as_str(), package.default_channel.as_str()), ("p", "stable-v1.0"));
    assert_eq!((package.description.as_str(), package.icon.is_some()), ("of 1.0.0", true));
    assert_eq!(catalog.bundles.len(), 6);
}

#[test]
fn semver_default_channels() {
    let both = "generateMajorChannels: true\ngenerateMinorChannels: true\n";
    let major = &format!("{both}defaultChannelTypePreference: major\n");
    for (options, candidate, stable, expected) in [
        ("", &["1.0.0", "1.1.0"][..], &[][..], "candidate-v1.1"),
        ("generateMajorChannels: true\n", &["1.0.0", "2.1.0"], &[], "candidate-v2"),
        (major, &["1.0.0"], &[], "candidate-v1"),
        // The preference only breaks ties: the minor channel was made for a higher version.
        (major, &["1.0.0", "1.1.0"], &[], "candidate-v1.1"),
        ("", &["0.0.0-rc"], &[], ""),
        ("", &["3.0.0"], &["0.0.0-rc"], "stable-v0.0"),
    ] {
        let catalog = expand(&semver(options, candidate, stable)).unwrap();
        assert_eq!(catalog.packages[0].default_channel, expected, "{options} {candidate:?} {stable:?}");
    }
}

#[test]
fn templates_that_are_refused() {
    let basic = |entry: &str| format!("{{schema: olm.template.basic, entries: [{entry}]}}");
    let of_semver = |rest: &str| format!("schema: olm.semver\n{rest}\n");
    for (template, expected) in [
        (String::new(), "decoding template input: it is empty"),
        ("{}".to_owned(), "line 1: template input missing required 'schema' field"),
        ("schema: x".to_owned(), "line 1: unknown template schema: x"),
        (
            "schema: olm.semver\n---\na: 1\n".to_owned(),
            "line 1: a template is one document, but another one begins in line 3",
        ),
        (basic("null"), "line 1, column 40: field entries[0] must be an object, not null"),
        (
            basic("{name: x}"),
            "line 1, column 40: field entries[0]: object '{\"name\":\"x\"}' is missing root schema field",
        ),
        (
            basic("{schema: olm.bundle, image: 'p:1.0.0', package: p}"),
            "unexpected fields present in basic template bundle \"p:1.0.0\": only schema and image may be given",
        ),
        (basic("{schema: olm.bundle}"), "basic template bundle \"\" has no image"),
        (basic("{schema: olm.bundle, image: x}"), "cannot render bundle \"x\": no such image"),
        (of_semver("x: 1"), "line 1: unknown field \"x\""),
        (of_semver("stable: {x: 1}"), "line 2, column 9: field stable: unknown field \"x\""),
        (
            of_semver("defaultChannelTypePreference: x"),
            "line 1: unknown DefaultChannelTypePreference: \"x\": valid values are 'major' or 'minor'",
        ),
        (
            of_semver("defaultChannelTypePreference: major"),
            "line 1: schema attribute mismatch: DefaultChannelTypePreference set to 'major' doesn't make sense if not generating major-version channels",
        ),
        (of_semver(""), "render: no bundles specified or no bundles could be rendered"),
        (
            of_semver("fast: {bundles: [{image: 'empty:1'}]}"),
            "bundle reference \"empty:1\" resulted in 0 bundles, expected 1",
        ),
        (
            of_semver("fast: {bundles: [{image: 'p:1.0.0'}, {image: 'q:1.0.0'}]}"),
            "render: unable to post-process bundle info: bundle \"q\" does not belong to this package: \"p\"",
        ),
        (
            of_semver("fast: {bundles: [{image: 'p:1.0.0'}, {image: 'p:1.0.0'}]}"),
            "render: unable to post-process bundle info: duplicate bundle name \"p.v1.0.0\"",
        ),
        (
            of_semver("fast: {bundles: [{image: 'p:1.0.0+a'}, {image: 'p:1.0.0'}]}"),
            "render: unable to post-process bundle info: encountered bundle versions which differ only by build metadata, which cannot be ordered: bundle version \"1.0.0+a\" cannot be compared to \"1.0.0\"",
        ),
    ] {
        assert_eq!(with_causes(&expand(&template).unwrap_err()), expected, "{template}");
    }
    let error = Template::parse(Some(TemplateKind::Basic), &b"schema: olm.semver"[..], None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: template has unknown schema (\"olm.semver\"), should be \"olm.template.basic\""
    );
    let message = "x".parse::<TemplateKind>().unwrap_err().to_string();
    assert_eq!(message, "invalid template type \"x\", must be one of: [basic semver substitutes]");
}

/// A template with three bundles in a row, and these substitutions.
fn substitutes(substitutions: &str) -> String {
    let mut text = String::from(
        "schema: olm.template.substitutes\nentries:\n- {schema: olm.package, name: p, defaultChannel: c}\n\
         - {schema: olm.channel, package: p, name: c, entries: [{name: p.v1.0.0}, {name: p.v1.1.0, replaces: p.v1.0.0, skips: [z]},\
         {name: p.v1.2.0, replaces: p.v1.1.0}, {name: p.v1.3.0, replaces: p.v1.2.0, skips: [p.v1.1.0, p.v1.0.0]}]}\n",
    );
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        writeln!(text, "- {{schema: olm.bundle, package: p, name: p.v{version}, image: p, properties: [{{type: olm.package, value: {{packageName: p, version: {version}}}}}]}}").unwrap();
    }
    text + &format!("substitutions: [{substitutions}]\n")
}

#[test]
fn substitution() {
    let catalog = expand(&substitutes("{name: 'p:1.1.0+1', base: p.v1.1.0}")).unwrap_or_else(|e| panic!("{e}"));
    let expected = "\
c
  1.0.0 >  []
  1.1.0 >  []
  1.2.0 > 1.1.0+1 [1.1.0]
  1.3.0 > 1.2.0 [1.0.0 1.1.0+1]
  1.1.0+1 > 1.0.0 [z 1.1.0]
";
    assert_eq!(graph(&catalog), expected);
    assert_eq!(catalog.bundles.last().unwrap().name, "p.v1.1.0+1");
    let of = |base: &str, name: &str| format!("render: error processing substitution \"{base}\" -> \"{name}\": ");
    for (substitutions, expected) in [
        ("{base: p.v1.1.0}", of("p.v1.1.0", "") + "substitution name cannot be empty"),
        ("{name: x}", of("", "x") + "substitution base cannot be empty"),
        ("{name: x, base: x}", of("x", "x") + "substitution name and base cannot be the same"),
        ("{name: 'empty:1', base: b}", of("b", "empty:1") + "rendered bundle image reference \"empty:1\" contains no bundles"),
        ("{name: 'p:2.0.0', base: b}", of("b", "p:2.0.0") + "base bundle \"b\" does not exist in catalog"),
        ("{name: 'p:1.0.0', base: p.v1.1.0}", of("p.v1.1.0", "p:1.0.0") + "base bundle \"p.v1.1.0\" is not less than substitute bundle \"p.v1.0.0\""),
        ("{name: 'p:1.1.0+1', base: p.v1.1.0}, {name: 'p:1.1.0+2', base: p.v1.1.0}", "render: cannot reuse the same substitution base \"p.v1.1.0\"".to_owned()),
        ("{name: 'p:1.2.0+1', base: p.v1.1.0}, {name: 'p:1.2.0+1', base: p.v1.2.0}", "render: cannot reuse the same substitution \"p:1.2.0+1\" for different bases (\"p.v1.1.0\" and \"p.v1.2.0\")".to_owned()),
        ("{name: x, base: p.v1.1.0}", "cannot render bundle \"x\": no such image".to_owned()),
    ] {
        assert_eq!(with_causes(&expand(&substitutes(substitutions)).unwrap_err()), expected, "{substitutions}");
    }
    let invalid = "{schema: olm.template.substitutes, entries: [{schema: olm.package, name: p}]}";
    let message = expand(invalid).unwrap_err().to_string();
    assert!(message.starts_with("render: entries are not valid FBC: invalid index:\n"), "{message}");
}

#[test]
fn conversion() {
    let input = b"{schema: olm.package, name: p, description: <}\n---\n{Schema: olm.bundle, name: b, image: i, x: 1}\n---\nz: 1\n";
    let of = |kind, format| convert_template(kind, &input[..], None, format).unwrap();
    let expected = "{\n    \"schema\": \"olm.template.basic\",\n    \"entries\": [\n        {\n            \"description\": \"\\u003c\",\n            \
                    \"name\": \"p\",\n            \"schema\": \"olm.package\"\n        },\n        {\n            \"schema\": \
                    \"olm.bundle\",\n            \"image\": \"i\"\n        },\n        {\n            \"z\": 1\n        }\n    ]\n}\n";
    assert_eq!(of(TemplateKind::Basic, Format::Json), expected);
    let expected = "---\nentries:\n- description: <\n  name: p\n  schema: olm.package\n- Schema: olm.bundle\n  image: i\n  name: b\n  x: 1\n\
                    - z: 1\nschema: olm.template.substitutes\nsubstitutions: []\n\n";
    assert_eq!(of(TemplateKind::Substitutes, Format::Yaml), expected);
    assert!(convert_template(TemplateKind::Semver, &input[..], None, Format::Json).is_err());
    let empty = convert_template(TemplateKind::Basic, io::empty(), None, Format::Json).unwrap();
    assert_eq!(empty, "{\n    \"schema\": \"olm.template.basic\",\n    \"entries\": null\n}\n");
    // What is converted expands to the same, but for the bundles.
    let again = Template::parse(None, of(TemplateKind::Substitutes, Format::Json).as_bytes(), None);
    assert!(again.is_err(), "a blob without a schema cannot be expanded");
    let package = parse(b"{schema: olm.package, name: p}", None).unwrap();
    let text = to_text(&package, Format::Yaml).unwrap();
    let converted = convert_template(TemplateKind::Basic, text.as_bytes(), None, Format::Yaml).unwrap();
    assert_eq!(expand(&converted).unwrap(), package);
}
