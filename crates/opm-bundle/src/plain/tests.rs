#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tree::{items, name, text};
use super::*;
use crate::File;

mod chart;

/// A CSV with these fields besides a deployment and a permission.
fn csv(more: &Value) -> Value {
    let rule = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
    let container = json!({"name": "m", "image": "i", "env": [{"name": "A", "value": "y"}],
        "volumeMounts": [{"name": "old", "mountPath": "/tmp/k8s-webhook-server/serving-certs"}]});
    let mut csv = json!({
        "apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
        "metadata": {"name": "tea.v1", "annotations": {"note": "csv", "olm.operatorNamespace": "stale"}},
        "spec": {
            "installModes": [{"type": "AllNamespaces", "supported": true}, {"type": "OwnNamespace", "supported": true}],
            "install": {"strategy": "deployment", "spec": {
                "deployments": [{"name": "tea", "label": {"l": "1"}, "spec": {
                    "selector": {"matchLabels": {"app": "tea"}}, "revisionHistoryLimit": 7.0,
                    "template": {"metadata": {"annotations": {"note": "own"}, "labels": {"app": "tea"}},
                        "spec": {"containers": [container], "volumes": [{"name": "old", "emptyDir": {}}]}}}}],
                "permissions": [{"serviceAccountName": "tea", "rules": [rule]}],
                "clusterPermissions": [{"rules": [rule]}],
            }},
        },
    });
    csv["spec"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    csv
}

fn file(name: &str, value: &Value) -> File {
    File::new(name, value.to_string())
}

/// A bundle with this CSV and these other objects.
fn bundle(csv: &Value, others: &[Value]) -> Files {
    let mut manifests = vec![file("a-csv.yaml", csv)];
    manifests.extend(others.iter().enumerate().map(|(index, value)| file(&format!("b-{index}.yaml"), value)));
    let annotations = json!({"annotations": {crate::PACKAGE: "tea"}});
    Files { manifests: Some(manifests), metadata: Some(vec![file("annotations.yaml", &annotations)]) }
}

fn in_ns<'a>() -> Plain<'a> {
    Plain { install_namespace: Some("ns".to_owned()), ..Plain::default() }
}

/// Kind, namespace and name of all objects.
fn listed(manifests: &Manifests) -> Vec<String> {
    let line = |o: &Value| format!("{} {}/{}", tree::kind(o), text(o, "/metadata/namespace"), name(o));
    manifests.objects.iter().map(line).map(|line| line.split("-1").next().unwrap().to_owned()).collect()
}

fn find<'a>(manifests: &'a Manifests, kind: &str) -> &'a Value {
    manifests.objects.iter().find(|object| tree::kind(object) == kind).unwrap()
}

fn webhook(kind: &str, name: &str, more: &Value) -> Value {
    let mut hook = json!({"type": kind, "generateName": name, "deploymentName": "tea", "sideEffects": "None",
        "admissionReviewVersions": ["v1"]});
    hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    hook
}

fn crd(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "creationTimestamp": null}, "spec": spec, "status": {}})
}

#[test]
fn install_modes_decide_about_roles() {
    let files = bundle(&csv(&json!({})), &[]);
    let all = in_ns().convert(&files).unwrap();
    let kinds: Vec<&str> = all.objects.iter().map(tree::kind).collect();
    let pair = ["ClusterRole", "ClusterRoleBinding"];
    assert_eq!(kinds, [&["ServiceAccount"][..], &pair, &pair, &["Deployment"]].concat());
    let own = Plain { target_namespaces: vec!["ns".to_owned(), "ns".to_owned()], ..in_ns() }.convert(&files).unwrap();
    let kinds: Vec<&str> = own.objects.iter().map(tree::kind).collect();
    assert_eq!(kinds, [&["ServiceAccount", "Role", "RoleBinding"][..], &pair, &["Deployment"]].concat());
    assert_eq!(find(&own, "ClusterRoleBinding")["subjects"][0]["name"], "default");
}

#[test]
fn target_namespaces_are_held_against_install_modes() {
    let modes = |modes: &[&'static str]| modes.iter().copied().collect::<BTreeSet<&str>>();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (all, own, single, multi) = ("AllNamespaces", "OwnNamespace", "SingleNamespace", "MultiNamespace");
    for (supported, asked, result) in [
        (&[all, own][..], &[][..], Ok(&[""][..])),
        (&[own, multi], &[], Ok(&["ns"])),
        (&[single, multi], &[], Err("at least one")),
        (&[single], &[], Err("exactly one target namespace is required, which must differ")),
        (&["typo"], &[], Err("supports no install mode")),
        (&[own], &[""], Err("cannot target all namespaces")),
        (&[single], &["ns"], Err("cannot target own namespace")),
        (&[multi], &["a"], Err("single other namespace")),
        (&[single], &["a", "a"], Ok(&["a"])),
        (&[multi], &["a", "ns"], Err("cannot target own namespace")),
        (&[multi, own], &["b", "ns"], Ok(&["b", "ns"])),
        (&[multi, all], &["a", ""], Err("cannot be combined")),
        (&[all], &["a", "b"], Err("cannot target multiple namespaces; supported install modes: [AllNamespaces]")),
        (&[single], &["A"], Err("DNS-1123 label")),
    ] {
        let found = targets::effective(&names(asked), "ns", &modes(supported)).map_err(|why| why.to_string());
        match (&found, result) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(words)) => assert!(found.contains(words), "{found}"),
            _ => panic!("{supported:?} {asked:?}: {found:?}"),
        }
    }
    let many: Vec<String> = (0..10_000).map(|n| format!("n{n}")).collect();
    assert!(targets::effective(&many, "ns", &modes(&[all])).unwrap_err().to_string().len() < 500);
}

#[test]
fn deployments_get_annotations_and_certificates() {
    let hooks = json!({"webhookdefinitions": [webhook(MUTATING, "m.tea", &json!({"containerPort": 0}))]});
    let files = bundle(&csv(&hooks), &[]);
    let plain = Plain { certificates: Some(Certificates::CertManager), ..in_ns() };
    let made = plain.convert(&files).unwrap();
    let deployment = find(&made, "Deployment");
    assert_eq!(deployment["metadata"]["labels"], json!({"l": "1"}));
    assert_eq!(deployment["spec"]["revisionHistoryLimit"].to_string(), "1");
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    let expected = json!({"note": "own", "olm.targetNamespaces": "", "olm.operatorNamespace": "ns"});
    assert_eq!(annotations, &expected);
    let names = |list: &str| items(deployment, list).iter().map(|item| text(item, "/name")).collect::<Vec<_>>();
    assert_eq!(names("/spec/template/spec/volumes"), ["webhook-cert", "apiservice-cert"]);
    assert_eq!(names("/spec/template/spec/containers/0/volumeMounts"), ["webhook-cert", "apiservice-cert"]);
    let client = &find(&made, "MutatingWebhookConfiguration")["webhooks"][0]["clientConfig"];
    assert_eq!(client, &json!({"service": {"name": "tea-service", "namespace": "ns", "port": 443}}));
    let last =
        ["Service ns/tea-service", "Issuer ns/tea-service-cert-selfsigned-issuer", "Certificate ns/tea-service-cert"];
    assert!(listed(&made).ends_with(&last.map(str::to_owned)));
    assert!(find(&made, "Service").pointer("/metadata/annotations").is_none());
}

struct Fixed;

impl Sign for Fixed {
    fn sign(&self, hosts: &[String]) -> Result<Serving, String> {
        Ok(Serving { authority: "ca".to_owned(), certificate: hosts.join(","), key: "key".to_owned() })
    }
}

#[test]
fn providers_of_certificates_differ() {
    let only_all = json!([{"type": "AllNamespaces", "supported": true}]);
    let files = |provider_crd: &str| {
        let hooks = json!([webhook("ConversionWebhook", "c.tea", &json!({"conversionCRDs": ["pots.tea"]}))]);
        let owned = json!({"owned": [{"name": "pots.tea"}]});
        let more = json!({"webhookdefinitions": hooks, "installModes": only_all, "customresourcedefinitions": owned});
        let keep = provider_crd == "old";
        bundle(&csv(&more), &[crd("pots.tea", &json!({"preserveUnknownFields": keep}))])
    };
    for (provider, inject, volumes, bundle_of) in [
        (Certificates::CertManager, json!({"cert-manager.io/inject-ca-from": "ns/tea-service-cert"}), 2, Value::Null),
        (
            Certificates::OpenshiftServiceCa,
            json!({"service.beta.openshift.io/inject-cabundle": "true"}),
            2,
            Value::Null,
        ),
        (Certificates::None, Value::Null, 1, Value::Null),
        (Certificates::SelfSigned(&Fixed), Value::Null, 2, json!("Y2E=")),
    ] {
        let plain = Plain { certificates: Some(provider), ..in_ns() };
        let made = plain.convert(&files("")).unwrap();
        let crd = find(&made, "CustomResourceDefinition");
        assert_eq!(crd["metadata"].get("annotations").cloned().unwrap_or_default(), inject);
        assert_eq!(crd.get("status"), None);
        assert_eq!(crd["metadata"].get("creationTimestamp"), None);
        let client = &crd["spec"]["conversion"]["webhook"]["clientConfig"];
        assert_eq!(client["service"]["path"], "/");
        assert_eq!(client["caBundle"], bundle_of);
        assert_eq!(items(find(&made, "Deployment"), "/spec/template/spec/volumes").len(), volumes);
        let error = plain.convert(&files("old")).unwrap_err().to_string();
        assert!(error.contains("b-0.yaml: CustomResourceDefinition pots.tea: spec.preserveUnknownFields"), "{error}");
    }
}

#[test]
fn all_findings_are_reported_in_order() {
    let deployment = json!({"name": "Bad_", "spec": {}});
    let install = json!({"strategy": "other", "spec": {"deployments": [deployment, deployment]}});
    let hooks = json!([
        webhook("ConversionWebhook", "c.tea", &json!({"conversionCRDs": ["x.tea"]})),
        webhook("ConversionWebhook", "d.tea-", &json!({"conversionCRDs": ["x.tea"]})),
        webhook("ConversionWebhook", "e.tea", &json!({})),
        webhook("Odd", "o", &json!({})),
        webhook(
            VALIDATING,
            "v",
            &json!({"rules": [
            {"apiGroups": ["*", "admissionregistration.k8s.io"], "resources": ["ValidatingWebhookConfigurations", "pods"]}]})
        ),
        webhook(VALIDATING, "v", &json!({"targetPort": 1})),
    ]);
    let more = json!({
        "install": install, "webhookdefinitions": hooks, "apiservicedefinitions": {"owned": [{"name": "a"}]},
        "customresourcedefinitions": {"owned": [{"name": "gone.tea"}, {"name": "gone.tea"}]},
    });
    let twice = crd("two.tea", &json!({}));
    let mut files = bundle(&csv(&more), &[twice.clone(), twice, json!({"kind": "Pod", "metadata": {"name": "p"}})]);
    files.metadata.as_mut().unwrap()[0] = file("annotations.yaml", &json!({"annotations": {}}));
    let ConvertError::Invalid(found) = in_ns().convert(&files).unwrap_err() else { panic!("other error") };
    let expected = [
        "API services are not supported",
        "choose a provider: cert-manager, openshift-service-ca",
        "unrecognised install strategy \"other\"",
        "e.tea: conversionCRDs is empty",
        "webhook o: unknown type \"Odd\"",
        "with different target ports",
        "duplicate strategy deployment spec 'Bad_'",
        "deployment name 'Bad_': a lowercase RFC 1123",
        "duplicate custom resource definition 'two.tea'",
        "owned custom resource definition 'gone.tea' not found",
        "names no package",
        "'c.tea' needs AllNamespaces as the only supported install mode, not [AllNamespaces, OwnNamespace]",
        "'d.tea-' needs AllNamespaces",
        "'e.tea' needs AllNamespaces",
        "'c.tea' references non-existent deployment 'tea'",
        "'d.tea-' references",
        "'e.tea' references",
        "'o' references",
        "'v' references",
        "'v' references",
        "duplicate webhook 'v' of type 'ValidatingAdmissionWebhook'",
        "'ConversionWebhook' has invalid name 'd.tea-'",
        "[c.tea, d.tea-] reference same custom resource definition 'x.tea'",
        "'c.tea' references custom resource definition 'x.tea' not owned",
        "'d.tea-' references custom resource definition",
        "'v' contains forbidden rule: apiGroup '*'",
        "'v' contains forbidden rule: resource 'ValidatingWebhookConfigurations'",
        "Pod p: objects of this kind are not supported",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, words) in found.iter().zip(expected) {
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let good = || bundle(&csv(&json!({})), &[]);
    let with = |name: &str, content: &str| {
        let mut files = good();
        files.manifests.as_mut().unwrap().push(File::new(name, content));
        files
    };
    let mut sub = good();
    sub.manifests.as_mut().unwrap().push(File { name: "sub".to_owned(), content: Err("it is a directory".to_owned()) });
    let mut media = good();
    media.metadata = Some(vec![file("annotations.yaml", &json!({"annotations": {crate::MEDIA_TYPE: "helm"}}))]);
    let mut verbs = csv(&json!({}));
    verbs["spec"]["install"]["spec"]["permissions"][0]["rules"][0]["verbs"] = json!(true);
    let mut value = csv(&json!({}));
    value["spec"]["install"]["spec"]["deployments"][0]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] =
        json!(1);
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n\
        e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\nkind: Secret\n";
    for (files, words) in [
        (Files::default(), "metadata/annotations.yaml is missing"),
        (Files { manifests: None, ..good() }, "manifests/ is missing"),
        (Files { manifests: Some(Vec::new()), ..good() }, "no object of kind ClusterServiceVersion"),
        (sub, "manifests/sub: it is a directory"),
        (media, "media type \"helm\""),
        (
            with("z", &csv(&json!({})).to_string()),
            "manifests/z: a second ClusterServiceVersion, beside the one of manifests/a-csv.yaml",
        ),
        (with("README.md", "# Tea\nhot: [\n"), "manifests/README.md: line"),
        (with("n.yaml", "---\n---\nx: 1\n"), "without a kind"),
        (
            with("x.yaml", "kind: Secret\nmetadata: {annotations: {x: true}}"),
            "field metadata.annotations.x must be a string, not a boolean",
        ),
        (
            with("x.yaml", "kind: Secret\nmetadata: {namespace: 5}"),
            "x.yaml:1: Secret : field metadata.namespace must be a string",
        ),
        (with("x.yaml", "kind: Secret\n--- x\n"), "x.yaml: line 2"),
        (with("x.yaml", "kind: PriorityClass\nmetadata: {name: p}\n"), "PriorityClass p: field apiVersion is missing"),
        (with("x.yaml", bomb), "x.yaml: "),
        (
            bundle(&verbs, &[]),
            "a-csv.yaml: ClusterServiceVersion tea.v1: field spec.install.spec.permissions[0].rules[0].verbs must be a list",
        ),
        (bundle(&value, &[]), "containers[0].env[0].value must be a string"),
    ] {
        let error = in_ns().convert(&files).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn other_objects_are_fitted_and_merged() {
    let hooks = json!({"webhookdefinitions": [webhook(VALIDATING, "v.tea", &json!({"targetPort": "web"}))]});
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tea", "labels": {"a": "b"}}});
    let service = json!({"kind": "Service", "metadata": {"name": "tea-service", "namespace": "x"}, "spec": {
        "type": "ClusterIP", "selector": {"wrong": "1"}, "ports": [{"port": 443}, {"port": 80}]}});
    let roles = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"kind": "ClusterRole", "metadata": {"name": "r", "namespace": "x"}, "rules": []},
        {"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [{}]}]});
    let vpa =
        json!({"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": {"name": "v"}});
    let files = bundle(&csv(&hooks), &[account, service, roles, vpa]);
    let plain = Plain { certificates: Some(Certificates::OpenshiftServiceCa), ..in_ns() };
    let made = plain.convert(&files).unwrap();
    assert_eq!(made.objects[0]["metadata"], json!({"name": "tea", "namespace": "ns", "labels": {"a": "b"}}));
    let service = find(&made, "Service");
    assert_eq!(service["spec"]["selector"], json!({"app": "tea"}));
    assert_eq!(service["spec"]["type"], "ClusterIP");
    let ports = json!([{"name": "443", "port": 443, "targetPort": "web"}, {"name": "80", "port": 80}]);
    assert_eq!(service["spec"]["ports"], ports);
    assert_eq!(listed(&made).last().unwrap(), "Service ns/tea-service");
    let role = made.objects.iter().find(|object| name(object) == "r").unwrap();
    assert_eq!((&role["apiVersion"], &role["rules"]), (&json!("rbac.authorization.k8s.io/v1"), &json!([{}])));
    assert!(listed(&made).contains(&"VerticalPodAutoscaler ns/v".to_owned()));
    assert!(
        made.warnings.iter().any(|w| w.contains("b-2.yaml and differs in manifests/b-2.yaml")),
        "{:?}",
        made.warnings
    );
}

#[test]
fn kapp_is_told_the_order() {
    let hooks = json!({"webhookdefinitions": [webhook(VALIDATING, "v.tea", &json!({}))]});
    let lone = json!({"kind": "Service", "metadata": {"name": "lone"}, "spec": {"selector": {"made": "later"}}});
    let plain = Plain { certificates: Some(Certificates::CertManager), kapp: true, ..in_ns() };
    let made = plain.convert(&bundle(&csv(&hooks), &[lone])).unwrap();
    let has =
        |kind: &str, key: &str| find(&made, kind)["metadata"]["annotations"][format!("kapp.k14s.io/{key}")].clone();
    assert_eq!(has("Issuer", "change-group"), "olm.tea/certs");
    assert_eq!(has("Deployment", "change-group"), "olm.tea/operator");
    assert_eq!(has("Deployment", "change-rule.certs"), "upsert after upserting olm.tea/certs");
    let hook = "ValidatingWebhookConfiguration";
    assert_eq!(has(hook, "change-rule.operator"), "upsert after upserting olm.tea/operator");
    assert_eq!(has(hook, "change-rule.delete"), "delete before deleting olm.tea/operator");
    assert_eq!(has("Service", "disable-default-label-scoping-rules"), "");
    assert!(find(&made, "ServiceAccount")["metadata"].get("annotations").is_none());
}

#[test]
fn pods_are_changed_as_the_config_says() {
    let config = "env: [{name: A, value: new}, {name: B}]\nenvFrom: [{secretRef: {name: s}}, {secretRef: {name: s}}]\n\
        volumes: [{name: old, emptyDir: {medium: Memory}}, {name: v}]\nvolumeMounts: [{name: old, mountPath: /x}]\n\
        tolerations: [{key: k}]\nresources: {limits: {cpu: 1}}\nnodeSelector: {}\n\
        affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}\n\
        annotations: {note: config, more: x}\n";
    let plain = Plain { deployment_config: Some(DeploymentConfig::parse(config.as_bytes()).unwrap()), ..in_ns() };
    let made = plain.convert(&bundle(&csv(&json!({})), &[])).unwrap();
    let deployment = find(&made, "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["env"], json!([{"name": "A", "value": "new"}, {"name": "B"}]));
    assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "s"}}]));
    assert_eq!(container["volumeMounts"], json!([{"name": "old", "mountPath": "/x"}]));
    assert_eq!(container["resources"], json!({"limits": {"cpu": 1}}));
    assert_eq!(pod["volumes"], json!([{"name": "old", "emptyDir": {"medium": "Memory"}}, {"name": "v"}]));
    assert_eq!((&pod["tolerations"], &pod["nodeSelector"]), (&json!([{"key": "k"}]), &json!({})));
    assert_eq!(pod.get("affinity"), None);
    assert_eq!(deployment["metadata"]["annotations"], json!({"note": "config", "more": "x"}));
    assert_eq!(deployment["spec"]["template"]["metadata"]["annotations"]["note"], "own");
    for (text, words) in [
        ("selector: {}", "unknown field \"selector\""),
        ("env: {}", "field env must be a list, not an object"),
        ("env: [{name: a, value: 1}]", "field env[0].value must be a string"),
        ("volumes: [{}]", "field volumes[0].name"),
        ("affinity: {x: {}}", "unknown field \"affinity.x\""),
        ("[]", "must be an object"),
    ] {
        let error = DeploymentConfig::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn properties_of_the_metadata_reach_the_pods() {
    let annotation = r#"[{"value":{"b":">","a":1},"type":"own"}]"#;
    let from_file = json!({"properties": [{"type": "t", "value": {"z": ">=1", "a": true}}]});
    for (own, file_content, expected) in [
        (None, None, None),
        (None, Some(json!({"dependencies": []})), None),
        (Some(annotation), None, Some(annotation.to_owned())),
        (
            Some(annotation),
            Some(from_file),
            Some(
                r#"[{"type":"own","value":{"b":"\u003e","a":1}},{"type":"t","value":{"a":true,"z":"\u003e=1"}}]"#
                    .to_owned(),
            ),
        ),
    ] {
        let mut csv = csv(&json!({}));
        if let Some(own) = own {
            csv["metadata"]["annotations"]["olm.properties"] = json!(own);
        }
        let mut files = bundle(&csv, &[]);
        files.metadata.as_mut().unwrap().extend(file_content.map(|value| file("properties.yaml", &value)));
        let made = in_ns().convert(&files).unwrap();
        let annotations = &find(&made, "Deployment")["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations.get("olm.properties").and_then(Value::as_str).map(str::to_owned), expected);
    }
}

#[test]
fn what_is_missing_is_warned_of() {
    let mut csv = csv(&json!({"customresourcedefinitions": {"required": [{"name": "need.tea"}]}}));
    let spec = &mut csv["spec"]["install"]["spec"];
    spec["permissions"][0]["rules"][0]["resources"] = json!(["operatorconditions"]);
    spec["deployments"][0]["spec"]["template"]["spec"]["serviceAccountName"] = json!("who");
    let lost = crd("lost.tea", &json!({"conversion": {"strategy": "Webhook"}}));
    let mut old = crd("old.tea", &json!({"version": "v1"}));
    old["apiVersion"] = json!("apiextensions.k8s.io/v1beta1");
    let binding = json!({"kind": "RoleBinding", "metadata": {"name": "b"},
        "subjects": [{"kind": "ServiceAccount", "name": "tea", "namespace": "elsewhere"}]});
    let mut files = bundle(&csv, &[lost, old, binding]);
    let needs = json!({"dependencies": [{"type": "olm.package", "value": {"packageName": "pot", "version": "1"}}]});
    files.metadata.as_mut().unwrap().push(file("dependencies.yaml", &needs));
    let made = in_ns().convert(&files).unwrap();
    let expected = [
        "CustomResourceDefinition need.tea, package pot 1",
        "OperatorCondition",
        "runs as ServiceAccount who",
        "\"elsewhere\", but the bundle's is in ns",
        "lost.tea is converted by a webhook",
        "v1beta1",
    ];
    assert_eq!(made.warnings.len(), expected.len(), "{:#?}", made.warnings);
    for (warning, words) in made.warnings.iter().zip(expected) {
        assert!(warning.contains(words), "{words}: {warning}");
    }
}

/// Text that YAML 1.1 may take for something else.
fn odd_text() -> impl Strategy<Value = String> {
    let words =
        ["y", "on", "0755", "1_0", "1e3", "~", "=", "<<", "0x1", ".nan", "null", "a: b", "- x", "#", "\u{85}", "1.0"];
    prop_oneof![proptest::sample::select(words.map(str::to_owned).to_vec()), "[ -~\n\t]{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn output_is_the_same_parses_back_and_has_no_key_twice(
        data in proptest::collection::btree_map(odd_text(), odd_text(), 0..6),
        names in proptest::collection::vec("[a-c]", 0..6),
        kapp: bool,
    ) {
        let mut csv = csv(&json!({}));
        let annotations: serde_json::Map<String, Value> = data.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        csv["metadata"]["annotations"] = Value::Object(annotations.clone());
        let maps: Vec<Value> = names.iter().map(|name| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": annotations})
        }).collect();
        let files = bundle(&csv, &maps);
        let plain = Plain { kapp, ..in_ns() };
        let made = plain.convert(&files).unwrap();
        prop_assert_eq!(&made, &plain.convert(&files).unwrap());
        let keys: BTreeSet<_> = made.objects.iter().map(|o| {
            (tree::group(o).to_owned(), tree::kind(o).to_owned(), text(o, "/metadata/namespace").to_owned(), name(o).to_owned())
        }).collect();
        prop_assert_eq!(keys.len(), made.objects.len());
        for object in &made.objects {
            let mut written = Vec::new();
            opm_document::yaml::write_portably(object, &mut written);
            prop_assert_eq!(&opm_document::yaml::parse(&written).unwrap(), object);
        }
    }
}
