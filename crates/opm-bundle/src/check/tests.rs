#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::File;

const CSV: &str = r#"apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata:
  name: tea.v1.0.0
  annotations:
    alm-examples: '[{"apiVersion": "demo.io/v1", "kind": "Tea"}]'
    categories: "Database, Storage"
    capabilities: Basic Install
spec:
  displayName: Tea
  description: Brews
  version: 1.0.0
  minKubeVersion: 1.20.0
  provider: {name: Me}
  maintainers: [{name: Me, email: me@demo.io}]
  links: [{name: Home, url: https://demo.io}]
  icon: [{base64data: eA==, mediatype: image/png}]
  replaces: tea.v0.9.0
  installModes:
  - {type: AllNamespaces, supported: true}
  - {type: OwnNamespace, supported: false}
  install:
    strategy: deployment
    spec:
      deployments:
      - name: tea
  customresourcedefinitions:
    owned:
    - {name: teas.demo.io, version: v1, kind: Tea}
"#;
const CRD: &str = r"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: teas.demo.io
spec:
  group: demo.io
  names: {kind: Tea, plural: teas, listKind: TeaList, singular: tea}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {}}
";
const ANNOTATIONS: &str = r"annotations:
  operators.operatorframework.io.bundle.mediatype.v1: registry+v1
  operators.operatorframework.io.bundle.manifests.v1: manifests/
  operators.operatorframework.io.bundle.metadata.v1: metadata/
  operators.operatorframework.io.bundle.package.v1: tea
  operators.operatorframework.io.bundle.channels.v1: stable
";

fn bundle(manifests: &[(&str, &str)], metadata: &[(&str, &str)]) -> Vec<String> {
    let files = |list: &[(&str, &str)]| Some(list.iter().map(|(name, text)| File::new(*name, *text)).collect());
    let files = Files { manifests: files(manifests), metadata: files(metadata) };
    let validators = Validators { operatorhub: Some(Categories::Standard), bundle_objects: true };
    check(&files, &validators).findings.iter().map(ToString::to_string).collect()
}

/// The findings about the good bundle in which `from` is `to`.
fn changed(from: &str, to: &str) -> Vec<String> {
    let all = [CSV, CRD, ANNOTATIONS].concat();
    assert_eq!(all.matches(from).count(), 1, "{from}");
    let [csv, crd, annotations] = [CSV, CRD, ANNOTATIONS].map(|text| text.replace(from, to));
    bundle(&[("crd.yaml", &crd), ("csv.yaml", &csv)], &[("annotations.yaml", &annotations)])
}

#[test]
fn a_good_bundle_has_no_findings() {
    assert_eq!(changed("Brews", "Brews"), [""; 0]);
}

#[test]
fn each_slip_is_found_where_it_is() {
    for (from, to, expected) in [
        // Metadata.
        (ANNOTATIONS, "a: b\n", "error: Could not find annotations file"),
        (
            "registry+v1",
            "plain",
            "metadata/annotations.yaml:2: Expecting annotation \"operators.operatorframework.io.bundle.mediatype.v1\" to have value \"registry+v1\" instead of \"plain\"",
        ),
        ("manifests.v1: manifests/", "manifests.v1: m/", "error: metadata/annotations.yaml:3: Expecting annotation"),
        (
            "package.v1: tea",
            "package.v1: ''",
            "yaml:5: Expecting annotation \"operators.operatorframework.io.bundle.package.v1\" to have non-empty value",
        ),
        (
            "bundle.channels.v1",
            "x.channels.v1",
            "Missing annotation \"operators.operatorframework.io.bundle.channels.v1\"",
        ),
        (
            "channels.v1: stable",
            "channels.v1: stable\n  operators.operatorframework.io.bundle.channel.default.v1: x",
            "warning: metadata/annotations.yaml:7: default channel \"x\" is not one",
        ),
        // The CSV.
        (
            "name: tea.v1.0.0",
            "name: Tea.v1.0.0",
            "error: manifests/csv.yaml:4: metadata.name: Invalid value: \"Tea.v1.0.0\"",
        ),
        ("replaces: tea.v0.9.0", "replaces: tea_v0", "error: manifests/csv.yaml:18: spec.replaces: Invalid value"),
        ("displayName: Tea", "x: y", "required field missing: spec.displayName"),
        ("minKubeVersion: 1.20.0", "minKubeVersion: '1.20'", "csv.yaml:13: spec.minKubeVersion has an invalid value"),
        ("version: 1.0.0\n", "version: one\n", "csv.yaml:12: spec.version has an invalid value"),
        ("version: 1.0.0\n", "version: 1.0.0\n  skips: x\n", "field spec.skips must be a list"),
        ("supported: true", "supported: false", "csv.yaml:20: no install mode is supported"),
        ("type: OwnNamespace", "type: AllNamespaces", "csv.yaml:21: install mode AllNamespaces is there twice"),
        ("type: OwnNamespace", "type: Some", "unknown install mode \"Some\""),
        ("kind\": \"Tea\"", "kind\": \"Pot\"", "csv.yaml:6: an example is of"),
        (
            "kind\": \"Tea\"",
            "kind\": \"Pot\"",
            "warning: manifests/csv.yaml:6: there is no example of the provided API",
        ),
        ("'[{", "'{{", "csv.yaml:6: the examples cannot be read"),
        (
            "  installModes",
            "  webhookdefinitions: [{type: ConversionWebhook, generateName: w, deploymentName: tea, admissionReviewVersions: [v1], sideEffects: None, conversionCRDs: [pots.demo.io]}]\n  installModes",
            "csv.yaml:19: conversion webhook: CRD \"pots.demo.io\" is not owned",
        ),
        ("  installModes", "  webhookdefinitions: [{type: W}]\n  installModes", "unknown type of webhook \"W\""),
        ("    categories:", "    olm.substitutesFor: tea.v0.9.0\n    categories:", ""),
        // operatorhub.io.
        ("provider: {name: Me}", "x: 1", "spec.provider.name is missing"),
        ("me@demo.io", "me", "email \"me\" of a maintainer is no mail address"),
        ("https://demo.io", "demo", "url \"demo\" of a link is no URL"),
        ("image/png", "image/x", "mediatype \"image/x\" is none that an icon"),
        ("Basic Install", "Basic", "there is no level \"Basic\""),
        ("Database, ", "Data, ", "\"Data\" is no known category"),
        // The CRD, and both together.
        ("plural: teas", "plural: pots", "crd.yaml:4: metadata.name: Invalid value"),
        ("scope: Namespaced", "scope: Some", "crd.yaml:8: spec.scope: Unsupported value: \"Some\""),
        ("storage: true", "storage: false", "must have exactly one version marked as storage version"),
        (
            "apiextensions.k8s.io/v1\n",
            "apiextensions.k8s.io/v2\n",
            "Unsupported api version of CRD: apiextensions.k8s.io/v2",
        ),
        ("apiextensions.k8s.io/v1\n", "apiextensions.k8s.io/v1beta1\n", "warning: manifests/crd.yaml:1: apiextensions"),
        (
            "scope: Namespaced",
            "scope: Namespaced\n  conversion: {strategy: Webhook}",
            "conversionReviewVersions: Required value",
        ),
        (
            "{name: v1, served",
            "{name: v2, served",
            "csv.yaml:29: the CSV owns CRD \"Tea\" (teas.demo.io, v1), which is not among",
        ),
        (
            "kind: CustomResourceDefinition",
            "kind: Tea",
            "Tea is not supported type for registryV1 bundle: manifests/crd.yaml",
        ),
        (
            "owned:\n    - {name",
            "required:\n    - {name",
            "warning: manifests/crd.yaml:4: the CSV does not own CRD \"teas.demo.io\"",
        ),
    ] {
        let found = changed(from, to);
        assert!(
            found.is_empty() == expected.is_empty()
                && (expected.is_empty() || found.iter().any(|f| f.contains(expected))),
            "{from} -> {to}: {expected}\n{found:#?}"
        );
    }
}

#[test]
fn layout_and_other_manifests() {
    let good = [("csv.yaml", CSV), ("crd.yaml", CRD)];
    for (name, text, expected) in [
        ("a.yaml", "a: [", "error: manifests/a.yaml:2: Unable to read file a.yaml in supported types"),
        ("a.yaml", "", "Unable to read file a.yaml in supported types: it is empty"),
        ("a.bin", "\u{0}\u{1}\u{2}", "Unable to read file a.bin in supported types"),
        (".gitkeep", "", "warning: manifests/.gitkeep: is passed over"),
        (
            "a.yaml",
            CSV,
            "error: manifests/a.yaml:2: a bundle has one ClusterServiceVersion, and manifests/csv.yaml has it",
        ),
        (
            "a.yaml",
            "kind: Service\nmetadata: {name: a}\n---\nkind: ClusterServiceVersion\n",
            "error: manifests/a.yaml:4: this ClusterServiceVersion is not used",
        ),
        ("a.yaml", "kind: Service\nmetadata: {name: 0a}\n", "a.yaml:2: metadata.name: Invalid value: \"0a\""),
        ("a.yaml", "kind: ConfigMap\nmetadata: {}\n", "metadata.name: Required value"),
        (
            "a.yaml",
            "kind: ConfigMap\nmetadata: {name: a, labels: {a b: c}}\n",
            "metadata.labels[a b]: Invalid value: \"a b\"",
        ),
        ("a.yaml", "kind: ClusterRole\nmetadata: {name: 'a:b', namespace: x}\n", "metadata.namespace: Forbidden"),
        (
            "a.yaml",
            "kind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {maxUnavailable: 0}\n",
            "a.yaml:3: spec.maxUnavailable of 0",
        ),
        (
            "a.yaml",
            "kind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {minAvailable: 100%}\n",
            "spec.minAvailable of 100%",
        ),
        (
            "a.yaml",
            "kind: PriorityClass\nmetadata: {name: a}\nglobalDefault: true\n",
            "a.yaml:3: globalDefault must not be true",
        ),
        (
            "a.yaml",
            "kind: Role\nmetadata: {name: a}\nrules:\n- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: ['*']}\n",
            "warning: manifests/a.yaml:4: this rule lets the operator change poddisruptionbudgets",
        ),
        (
            "a.yaml",
            "kind: Role\nmetadata: {name: a}\nrules:\n- {apiGroups: [security.openshift.io], resources: [securitycontextconstraints], verbs: [patch], resourceNames: [anyuid]}\n",
            "error: manifests/a.yaml:4: this rule lets the operator change securitycontextconstraints",
        ),
    ] {
        let mut files = good.to_vec();
        files.push((name, text));
        let found = bundle(&files, &[("annotations.yaml", ANNOTATIONS)]);
        assert!(found.iter().any(|f| f.contains(expected)), "{text}: {expected}\n{found:#?}");
    }
    let nothing = check(&Files::default(), &Validators::default());
    assert_eq!(nothing.findings.len(), 2);
    let empty = Files { manifests: Some(Vec::new()), metadata: Some(Vec::new()) };
    assert_eq!(check(&empty, &Validators::default()).errors().count(), 2);
    let sub = File { name: "sub".to_owned(), content: Err("it is a directory".to_owned()) };
    let files = Files { manifests: Some(vec![File::new("csv.yaml", CSV), sub]), metadata: Some(Vec::new()) };
    let found = check(&files, &Validators::default());
    assert!(
        found.findings.iter().any(|f| f.message == "Unable to read file sub in supported types: it is a directory")
    );
}

#[test]
fn dependencies() {
    let check = |entry: &str| {
        let text = format!("dependencies:\n- {entry}\n");
        bundle(&[("csv.yaml", CSV), ("crd.yaml", CRD)], &[("annotations.yaml", ANNOTATIONS), ("d.yaml", &text)])
    };
    for good in [
        "{type: olm.gvk, value: {group: a, version: v1, kind: K}}",
        "{type: olm.package, value: {packageName: a, version: '>=1.0.0 <2.0.0'}}",
        "{type: olm.label, value: {label: x}}",
        "{type: olm.constraint, value: {cel: {rule: 'properties.exists(p, p.type == \"a\")'}}}",
        "{type: olm.constraint, value: {all: {constraints: [{gvk: {group: a, version: v, kind: K}}]}}}",
    ] {
        assert_eq!(check(good), [""; 0], "{good}");
    }
    for (bad, expected) in [
        ("{type: olm.crd, value: {}}", "error: metadata/d.yaml:2: couldn't parse dependency of type olm.crd"),
        ("{type: olm.gvk, value: {group: a, kind: K}}", "of type olm.gvk: it needs a version"),
        ("{type: olm.package, value: {packageName: a, version: '~1'}}", "Invalid semver format version \"~1\""),
        ("{type: olm.label, value: {}}", "it needs a label"),
        ("{type: olm.constraint, value: {}}", "The CEL expression is missing"),
        ("{type: olm.constraint, value: {cel: {rule: 'a ='}}}", "Invalid CEL expression"),
        ("{type: olm.constraint, value: {any: {constraints: [{}]}}}", "The CEL expression is missing"),
    ] {
        let found = check(bad);
        assert!(found.iter().any(|f| f.contains(expected)), "{bad}: {found:#?}");
    }
}

#[test]
fn a_release_does_not_stand_in_for_another() {
    let text = CSV.replace("version: 1.0.0\n", "version: 1.0.0\n  release: '1'\n");
    let both = text.replace("    categories:", "    olm.substitutesFor: tea.v0.9.0\n    categories:");
    let found = |csv: &str| bundle(&[("csv.yaml", csv), ("crd.yaml", CRD)], &[("annotations.yaml", ANNOTATIONS)]);
    assert_eq!(found(&text), [""; 0]);
    assert!(found(&both)[0].contains("must not have the annotation olm.substitutesFor"), "{:?}", found(&both));
}
