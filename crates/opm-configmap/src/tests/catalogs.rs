//! From texts to catalogs, and what is wrong with texts.

use std::fmt::Write as _;

use crate::Catalog;
use crate::testing::catalog;

const CRD: &str = "
- apiVersion: apiextensions.k8s.io/v1beta1
  kind: CustomResourceDefinition
  metadata: {name: pots.tea.example}
  spec:
    group: tea.example
    version: v1
    names: {kind: Pot, plural: pots}
    scope: Namespaced
";
const CSV: &str = "
- apiVersion: operators.coreos.com/v1alpha1
  kind: ClusterServiceVersion
  metadata: {name: tea.v1.0.0, annotations: {olm.skipRange: <1.0.0}, unknown: x}
  spec:
    version: 1.0.0
    replaces: tea.v0.9.0
    customresourcedefinitions:
      owned: [{name: pots.tea.example, version: v1, kind: Pot}]
      required: [{name: leaves.tea.example, version: v1, kind: Leaf}]
  status: {phase: Succeeded}
";
const PACKAGE: &str =
    "[{packageName: tea, defaultChannel: stable, channels: [{name: stable, currentCSV: tea.v1.0.0}]}]";

/// What a ConfigMap is read as: bundles with the kinds of their objects, packages, faults.
fn read(crds: &str, csvs: &str, packages: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (read, faults) = Catalog::read(&catalog(crds, csvs, packages));
    let bundles = read.bundles.iter().map(|bundle| {
        let objects = String::from_utf8(bundle.objects_json.clone()).unwrap();
        let kinds =
            objects.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].clone());
        format!("{} {}", bundle.name, kinds.map(|kind| kind.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(","))
    });
    let faults = faults.iter().map(|fault| {
        let mut text = fault.to_string();
        let mut next = std::error::Error::source(fault);
        while let Some(source) = next {
            text = format!("{text}: {source}");
            next = source.source();
        }
        text
    });
    (bundles.collect(), read.packages.iter().map(|package| package.package.clone()).collect(), faults.collect())
}

#[test]
fn a_catalog_is_read() {
    let (read, faults) = Catalog::read(&catalog(CRD, CSV, PACKAGE));
    assert!(faults.is_empty(), "{faults:?}");
    let bundle = &read.bundles[0];
    assert_eq!(
        String::from_utf8(bundle.csv_json.clone()).unwrap(),
        concat!(
            r#"{"apiVersion":"operators.coreos.com/v1alpha1","kind":"ClusterServiceVersion","metadata":"#,
            r#"{"annotations":{"olm.skipRange":"\u003c1.0.0"},"name":"tea.v1.0.0"},"spec":{"customresourcedefinitions":"#,
            r#"{"owned":[{"kind":"Pot","name":"pots.tea.example","version":"v1"}],"#,
            r#""required":[{"kind":"Leaf","name":"leaves.tea.example","version":"v1"}]},"#,
            r#""replaces":"tea.v0.9.0","version":"1.0.0"}}"#,
            "\n"
        )
    );
    assert_eq!((bundle.version.as_str(), bundle.replaces.as_str(), bundle.image.as_str()), ("1.0.0", "tea.v0.9.0", ""));
    assert_eq!(bundle.provided_apis.len(), 1);
    assert_eq!(bundle.required_apis[0].to_string(), "tea.example/v1/Leaf");
    assert_eq!(read.packages[0].default_channel, "stable");
}

#[test]
fn json_and_empty_lists_are_lists() {
    let csv = r#"[{"kind": "ClusterServiceVersion", "metadata": {"name": "a"}, "spec": {}}]"#;
    assert_eq!(read("", csv, "null"), (vec!["a ClusterServiceVersion".to_owned()], vec![], vec![]));
    assert_eq!(read("[]", "[]", "# nothing\n"), (vec![], vec![], vec![]));
}

#[test]
fn what_is_wrong_is_named_and_what_is_right_is_kept() {
    let twice = format!("{CRD}{CRD}");
    let no_crd = "couldn't find owned CRD in crd list tea.example/v1/Pot (pots) (CSV tea.v1.0.0): add it to customResourceDefinitions";
    let (whole, alone) =
        ("tea.v1.0.0 ClusterServiceVersion,CustomResourceDefinition", "tea.v1.0.0 ClusterServiceVersion");
    let nameless = CSV.replace("pots.tea.example", "pots");
    let typed = CSV.replace("annotations: {olm.skipRange: <1.0.0}", "annotations: {a: 1}");
    let texts = [
        (
            twice.as_str(),
            CSV,
            PACKAGE,
            vec![whole],
            vec!["tea"],
            vec!["can't add the same CRD twice in one configmap: tea.example/v1/Pot (pots)"],
        ),
        ("[]", CSV, PACKAGE, vec![alone], vec!["tea"], vec![no_crd]),
        (
            CRD,
            &nameless,
            PACKAGE,
            vec![alone],
            vec!["tea"],
            vec![
                "CSV tea.v1.0.0: couldn't parse plural.group from crd name: pots (CSV tea.v1.0.0): write it as PLURAL.GROUP",
            ],
        ),
        (
            CRD,
            &typed,
            PACKAGE,
            vec![],
            vec![],
            vec!["error parsing CSV list: [0].metadata.annotations.a must be a string, not a number"],
        ),
        (
            CRD,
            "- kind: Role\n",
            PACKAGE,
            vec![],
            vec!["tea"],
            vec!["error parsing CSV list: entry 0 has kind \"Role\", not ClusterServiceVersion"],
        ),
        (
            CRD,
            CSV,
            "[{channels: []}]",
            vec![whole],
            vec![],
            vec!["error parsing package list: package 0 has no packageName"],
        ),
        (
            CRD,
            CSV,
            "[{packageName: tea, channels: 1}]",
            vec![whole],
            vec![],
            vec!["error parsing package list: package 0: field channels must be a list"],
        ),
        (
            CRD,
            CSV,
            "packageName: tea",
            vec![whole],
            vec![],
            vec!["error parsing package list: the whole of it must be a list, not an object"],
        ),
        (
            "[{spec: {group: 1}}]",
            CSV,
            PACKAGE,
            vec![],
            vec![],
            vec!["error parsing CRD list: [0].spec.group must be a string, not a number"],
        ),
    ];
    for (crds, csvs, packages, bundles, names, faults) in texts {
        let found = read(crds, csvs, packages);
        assert_eq!(
            (found.0, found.1, found.2),
            (
                bundles.into_iter().map(str::to_owned).collect(),
                names.into_iter().map(str::to_owned).collect(),
                faults.into_iter().map(str::to_owned).collect(),
            )
        );
    }
}

#[test]
fn malformed_yaml_is_told_by_key_and_line() {
    let broken = "- a: b\n- c: [\n";
    for (texts, words) in [
        ((broken, CSV, PACKAGE), "customResourceDefinitions: line "),
        ((CRD, broken, PACKAGE), "error loading CSV list: line "),
        ((CRD, CSV, broken), "error loading package list: line "),
        ((CRD, "- \0", PACKAGE), "error loading CSV list: "),
    ] {
        let faults = read(texts.0, texts.1, texts.2).2;
        assert!(faults.len() == 1 && faults[0].starts_with(words), "{faults:?}");
    }
}

#[test]
fn keys_must_be_there_and_texts_of_a_size() {
    for key in ["customResourceDefinitions", "clusterServiceVersions", "packages"] {
        let mut content = catalog(CRD, CSV, PACKAGE);
        content.data.remove(key);
        let (read, faults) = Catalog::read(&content);
        assert_eq!(faults[0].to_string(), format!("couldn't find expected key {key} in configmap"));
        assert_eq!(read.bundles.len(), usize::from(key == "packages"));
    }
    let faults = Catalog::read(&catalog(CRD, &" ".repeat(17 << 20), PACKAGE)).1;
    assert!(faults[0].to_string().contains("more than the 16777216"), "{faults:?}");
}

#[test]
fn bombs_are_errors() {
    let deep = "[".repeat(100_000);
    let mut laughs = "- a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        writeln!(laughs, "  b{level}: &a{level} [{before}]").unwrap();
    }
    for text in [deep, laughs] {
        assert_eq!(read(&text, CSV, PACKAGE).2.len(), 1);
        assert_eq!(read(CRD, &text, PACKAGE).2.len(), 1);
    }
}
