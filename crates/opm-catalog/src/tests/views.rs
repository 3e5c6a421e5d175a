//! Tables, graphs, Dockerfiles, layouts and first catalogs.

use opm_model::Stop;

use super::{VALID, catalog};
use crate::{
    DEFAULT_SERVER_IMAGE, Dockerfile, Format, GraphOptions, Index, graph, init, list_bundles, list_channels,
    list_packages,
};

#[test]
fn tables() {
    let csv = "{type: olm.bundle.object, value: {data: eyJraW5kIjoiQ2x1c3RlclNlcnZpY2VWZXJzaW9uIiwic3BlYyI6eyJkaXNwbGF5TmFtZSI6IkTDqSJ9fQ==}}";
    let catalog = catalog(&format!("{VALID}- {csv}\n"));
    let table = |text: String| text.replace("  \n", "|\n");
    let expected = "NAME  DISPLAY NAME  DEFAULT CHANNEL\np     Dé            c\n";
    assert_eq!(table(list_packages(&catalog).unwrap().to_string()), expected);
    let expected = "PACKAGE  CHANNEL  HEAD\np        c        p.v2\n";
    assert_eq!(list_channels(&catalog, None).unwrap().to_string(), expected);
    let expected = "PACKAGE  CHANNEL  BUNDLE  REPLACES  SKIPS  SKIP RANGE  IMAGE\n\
                    p        c        p.v1                                 reg.example/p:1\n\
                    p        c        p.v2    p.v1      p.v0   <2.0.0      reg.example/p:2\n";
    assert_eq!(list_bundles(&catalog, Some("p")).unwrap().to_string(), expected);
    assert_eq!(list_bundles(&catalog, Some("q")).unwrap_err().to_string(), "package \"q\" not found");
    let broken = super::catalog("{schema: olm.package, name: p}");
    assert!(list_packages(&broken).unwrap_err().to_string().starts_with("invalid index:"));
}

const GRAPH: &str = "\
---
{schema: olm.channel, package: p, name: b, entries: [
  {name: p.v3, replaces: p.v1, skips: [p.v2], skipRange: '>=1.0.0 <3.0.0'},
  {name: p.v1},
  {name: p.v2, replaces: p.v1}]}
---
{schema: olm.channel, package: q, name: a, entries: [{name: q.v1, skipRange: bad}]}
---
{schema: olm.bundle, package: p, name: p.v1, properties: [{type: olm.package, value: {version: 1.0.0}}]}
---
{schema: olm.bundle, package: p, name: p.v2, properties: [{type: olm.package, value: {version: 2.0.0}}]}
---
{schema: olm.bundle, package: p, name: p.v3, properties: [{type: olm.package, value: {version: 3.0.0}}]}
---
{schema: olm.deprecations, package: p, entries: [
  {reference: {schema: olm.package}}, {reference: {schema: olm.channel, name: b}},
  {reference: {schema: olm.bundle, name: p.v1}}, {reference: {schema: olm.bundle, name: p.v2}}]}
";

#[test]
fn graphs() {
    let catalog = catalog(GRAPH);
    let options = GraphOptions { v0_semantics: true, ..GraphOptions::default() };
    let drawn = graph(&catalog, &options).unwrap();
    let expected = "  %% package \"p\"
  subgraph \"p\"
    %% channel \"b\"
    subgraph p-b[\"b\"]
      p-b-p.v3[\"p.v3\"]
      p-b-p.v2[\"p.v2\"]-- skip --> p-b-p.v3[\"p.v3\"]
      p-b-p.v1[\"p.v1\"]-- \"skipRange(>=1.0.0 <3.0.0)\" --> p-b-p.v3[\"p.v3\"]
      p-b-p.v2[\"p.v2\"]-- \"skipRange(>=1.0.0 <3.0.0)\" --> p-b-p.v3[\"p.v3\"]
      p-b-p.v1[\"p.v1\"]-- replace --> p-b-p.v3[\"p.v3\"]
      p-b-p.v2[\"p.v2\"]
      p-b-p.v1[\"p.v1\"]-- replace --> p-b-p.v2[\"p.v2\"]
      p-b-p.v1[\"p.v1\"]
    end
  end
  %% package \"q\"
  subgraph \"q\"
    %% channel \"a\"
    subgraph q-a[\"a\"]
      q-a-q.v1[\"q.v1\"]
    end
  end
style p fill:#989695
style p-b fill:#DCD0FF
class p-b-p.v1 deprecated
class p-b-p.v2 deprecatedskipped
linkStyle 4 stroke:#FF0000,stroke-width:3px,stroke-dasharray:5;
";
    let (head, body) = drawn.mermaid.split_at(drawn.mermaid.find("  %%").unwrap());
    assert!(head.starts_with("graph LR\n") && head.lines().count() == 4, "{head}");
    assert_eq!(body, expected);
    let warning =
        "ignoring invalid SkipRange for package/edge \"q\"/\"q.v1\": Could not get version from string: \"bad\"";
    assert_eq!(drawn.warnings, [warning]);
}

#[test]
fn parts_of_graphs() {
    let catalog = catalog(GRAPH);
    let lines = |package: &str, minimum_edge: &str| {
        let options = GraphOptions { package: package.into(), minimum_edge: minimum_edge.into(), v0_semantics: false };
        graph(&catalog, &options).map(|drawn| drawn.mermaid.lines().filter(|line| line.starts_with("      ")).count())
    };
    assert_eq!(lines("", "").unwrap(), 9);
    assert_eq!(lines("q", "").unwrap(), 0);
    assert_eq!(lines("p", "").unwrap(), 6);
    // From version 2 on, nothing that leads to version 1.
    assert_eq!(lines("", "p.v2").unwrap(), 4);
    assert_eq!(lines("", "x").unwrap_err().to_string(), "unknown minimum edge name: \"x\"");
    let two = super::catalog("{schema: olm.bundle, package: p, name: b, properties: []}");
    let message = graph(&two, &GraphOptions::default()).unwrap_err().to_string();
    assert_eq!(message, "bundle \"b\": has no \"olm.package\" properties, expected exactly 1");
}

#[test]
fn dockerfiles() {
    let plain = Dockerfile {
        directory: "cat",
        base_image: DEFAULT_SERVER_IMAGE,
        builder_image: DEFAULT_SERVER_IMAGE,
        labels: &[],
    };
    let text = plain.text().unwrap();
    assert!(
        text.contains("FROM quay.io/operator-framework/opm:latest as builder\n") && text.contains("ADD cat /configs\n")
    );
    assert!(text.ends_with("index.configs.v1=/configs\n") && text.contains("\nENTRYPOINT [\"/bin/opm\"]\n"));
    let labels = ["b=\"x\"", "a=1", "a=2=3"].map(str::to_owned);
    let text = Dockerfile { base_image: "scratch", labels: &labels, ..plain }.text().unwrap();
    assert!(text.contains("\nFROM scratch\n# OLMv0 CatalogSources") && !text.contains("ENTRYPOINT"));
    assert!(
        text.ends_with("\n\n# Set other custom labels\nLABEL \"a\"=\"2=3\"\nLABEL \"b\"=\"\\\"x\\\"\"\n"),
        "{text}"
    );
    let bad_label = ["x".to_owned()];
    for (bad, expected) in [
        (Dockerfile { builder_image: "scratch", ..plain }, "invalid builder image: \"scratch\""),
        (Dockerfile { base_image: "", ..plain }, "base image is unset"),
        (Dockerfile { labels: &bad_label, ..plain }, "invalid label \"x\", expected KEY=VALUE"),
    ] {
        assert_eq!(bad.text().unwrap_err().to_string(), expected);
    }
}

#[test]
fn layouts() {
    let catalog = catalog(&format!("{VALID}---\nschema: s\n---\n{{schema: s, package: a/b}}\n"));
    let index = Index::of(&catalog).unwrap();
    let files = index.layout(Format::Yaml).unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["a/b/catalog.yaml", "p/catalog.yaml", "catalog.yaml"]);
    let mut content = Vec::new();
    files[2].write(&Stop::new(), &mut content).unwrap();
    assert_eq!(content, b"---\nschema: s\n");
    for bad in ["..", "../x", "/x", "a/../b"] {
        let catalog = super::catalog(&format!("{{schema: s, package: {bad}}}"));
        let message = Index::of(&catalog).unwrap().layout(Format::Json).err().unwrap().to_string();
        assert_eq!(message, format!("invalid package name {bad:?}: must be a single local path element"));
    }
}

#[test]
fn first_catalogs() {
    let made = init("p", "c", Some(b"GIF8"), "text\n").unwrap();
    let expected = "---\ndefaultChannel: c\ndescription: |\n  text\nicon:\n  base64data: R0lGOA==\n  mediatype: image/gif\nname: p\nschema: olm.package\n";
    assert_eq!(crate::to_text(&made, Format::Yaml).unwrap(), expected);
    assert!(init("p", "", Some(b"text"), "").is_err());
}
