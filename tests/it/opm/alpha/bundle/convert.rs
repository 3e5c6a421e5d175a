use std::fs;
use std::os::unix::fs::symlink;

use opm_image::testing::FakeRegistry;

use crate::bed::{Bed, push};

const ANNOTATIONS: &str = "annotations:\n  operators.operatorframework.io.bundle.package.v1: tea\n";
const CSV: &str = r#"apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata: {name: tea.v1}
spec:
  installModes: [{type: AllNamespaces, supported: true}, {type: SingleNamespace, supported: true}]
  customresourcedefinitions: {required: [{name: need.tea}]}
  install:
    strategy: deployment
    spec:
      deployments:
      - name: tea
        spec: {selector: {matchLabels: {app: tea}}, template: {spec: {containers: [{name: tea, image: tea, args: ["y", "0755"]}]}}}
      permissions:
      - {serviceAccountName: tea, rules: [{verbs: [get], apiGroups: [""], resources: [pods]}]}
"#;
const WEBHOOKS: &str = r"  webhookdefinitions:
  - {type: ValidatingAdmissionWebhook, generateName: v.tea, deploymentName: tea, sideEffects: None, admissionReviewVersions: [v1]}
";

/// A bundle in the directory.
fn tea(bed: &Bed, dir: &str, csv: &str) {
    for (name, content) in [("manifests/csv.yaml", csv), ("metadata/annotations.yaml", ANNOTATIONS)] {
        let path = bed.path(dir).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn convert(more: &[&'static str]) -> Vec<&'static str> {
    [&["alpha", "bundle", "convert"], more].concat()
}

fn kinds(yaml: &str) -> Vec<&str> {
    yaml.lines().filter_map(|line| line.strip_prefix("kind: ")).collect()
}

#[test]
fn a_bundle_becomes_a_stream_of_manifests() {
    let bed = Bed::new();
    tea(&bed, "b", CSV);
    let run = bed.opm(&convert(&["b"])).ok();
    assert_eq!(kinds(&run.stdout), ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment"]);
    assert!(run.stdout.starts_with("---\napiVersion: v1\nkind: ServiceAccount\n"), "{}", run.stdout);
    assert!(run.stdout.contains("namespace: tea-system\n"));
    assert!(run.stdout.contains("- \"y\"\n        - \"0755\"\n"), "{}", run.stdout);
    assert_eq!(run.stderr.matches("need.tea").count(), 1, "{}", run.stderr);
    assert_eq!(bed.opm(&["bundle", "convert", "b"]).ok().stdout, run.stdout);

    let run =
        bed.opm(&convert(&["b", "-n", "ns", "--target-namespaces", "x", "-o", "json", "--create-namespace"])).ok();
    let objects: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&run.stdout).into_iter().map(Result::unwrap).collect();
    let places: Vec<_> = objects.iter().map(|object| object["metadata"]["namespace"].as_str()).collect();
    assert_eq!(places, [None, Some("ns"), Some("x"), Some("x"), Some("ns")]);
    let run = bed.opm(&convert(&["b", "-n", "ns", "--target-namespaces", "x", "--rbac-in-install-namespace"])).ok();
    assert_eq!(run.stdout.matches("kind: Role\nmetadata:").count(), 2, "{}", run.stdout);
}

#[test]
fn images_are_converted_too() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    let run = bed.opm(&["alpha", "bundle", "convert", "--use-http", &image]);
    assert!(run.ok().stdout.contains("kind: Deployment\n"));
    let run = bed.opm(&["alpha", "bundle", "convert", "--use-http", &image, "--bundle-root", "deep"]);
    assert_eq!(run.stdout, "");
    run.fails(1, &["deep"]);
}

#[test]
fn failures_leave_stdout_empty() {
    let bed = Bed::new();
    tea(&bed, "b", &format!("{CSV}{WEBHOOKS}"));
    tea(&bed, "src/deep", CSV);
    symlink("../b", bed.path("src/out")).unwrap();
    fs::write(bed.path("config.yaml"), "selector: {}\n").unwrap();
    let large = fs::File::create(bed.path("src/deep/manifests/large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    for (args, words) in [
        (&["b"][..], "choose a provider: cert-manager, openshift-service-ca, self-signed or none"),
        (&["b", "--cert-provider", "none", "--target-namespaces", "a,b"], "cannot target multiple namespaces"),
        (&["b", "--cert-provider", "none", "-n", "A"], "install namespace \"A\""),
        (&["b", "--cert-provider", "none", "--deployment-config", "config.yaml"], "unknown field \"selector\""),
        (&["src"], "metadata/annotations.yaml is missing"),
        (&["src", "--bundle-root", "../b"], "bundle root \"../b\" leads out of the source directory"),
        (&["src", "--bundle-root", "out"], "bundle root \"out\" leads out of the source directory"),
        (&["src", "--bundle-root", "deep"], "manifests/large.yaml: it is larger than"),
    ] {
        let run = bed.opm(&convert(args));
        assert_eq!(run.stdout, "", "{args:?}");
        run.fails(1, &[words]);
    }
    bed.opm(&convert(&["b", "--output-dir", "made"])).fails(1, &[]);
    assert!(!bed.path("made").exists());
    bed.opm(&convert(&["b", "--cert-provider", "x"])).fails(2, &["self-signed"]);
}

#[test]
fn certificates_are_made_offline() {
    let bed = Bed::new();
    tea(&bed, "b", &format!("{CSV}{WEBHOOKS}"));
    let run = bed.opm(&convert(&["b", "--cert-provider", "self-signed", "-o", "json"])).ok();
    let objects: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&run.stdout).into_iter().map(Result::unwrap).collect();
    let secret = objects.last().unwrap();
    let hook = objects.iter().find(|object| object["kind"] == "ValidatingWebhookConfiguration").unwrap();
    assert_eq!((&secret["kind"], &secret["type"]), (&"Secret".into(), &"kubernetes.io/tls".into()));
    // "-----BEGIN", in base64.
    for field in ["ca.crt", "tls.crt", "tls.key"] {
        assert!(secret["data"][field].as_str().unwrap().starts_with("LS0tLS1CRUdJTi"), "{field}");
    }
    assert_eq!(hook["webhooks"][0]["clientConfig"]["caBundle"], secret["data"]["ca.crt"]);
    bed.opm(&convert(&["b", "--cert-provider", "self-signed", "--cert-days", "0"])).fails(2, &["--cert-days"]);
}

#[test]
fn a_directory_gets_a_file_for_each_object() {
    let bed = Bed::new();
    tea(&bed, "b", CSV);
    let run = bed.opm(&convert(&["b", "--output-dir", "out/deep", "--kapp"])).ok();
    assert_eq!(run.stdout, "");
    let list = fs::read_to_string(bed.path("out/deep/kustomization.yaml")).unwrap();
    let files: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert_eq!(files.len(), 4);
    assert_eq!(
        (files[0], files[3]),
        ("0000_serviceaccount_tea-system_tea.yaml", "0003_deployment_tea-system_tea.yaml")
    );
    let text = fs::read_to_string(bed.path("out/deep").join(files[3])).unwrap();
    assert!(text.contains("kapp.k14s.io/change-group: olm.tea/operator"), "{text}");

    // The same once more is fine, with other files in between it is not.
    fs::create_dir(bed.path("out/deep/.git")).unwrap();
    bed.opm(&convert(&["b", "--output-dir", "out/deep", "-n", "tea-system"])).ok();
    bed.opm(&convert(&["b", "--output-dir", "out/deep", "-n", "other"]))
        .fails(1, &["out/deep", "0000_serviceaccount_tea-system_tea.yaml", "choose an empty directory"]);
    assert!(!bed.path("out/deep/0000_serviceaccount_other_tea.yaml").exists());
}

#[test]
fn a_chart_is_a_directory() {
    let bed = Bed::new();
    tea(&bed, "b", &format!("{CSV}{WEBHOOKS}"));
    bed.opm(&convert(&["b", "--format", "helm"])).fails(2, &["--output-dir"]);
    let chart =
        convert(&["b", "--format", "helm", "--output-dir", "chart", "--cert-provider", "cert-manager", "-n", "ns"]);
    let run = bed.opm(&chart).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.matches("need.tea").count()), ("", 1));
    let read = |name: &str| fs::read_to_string(bed.path("chart").join(name)).unwrap();
    assert!(read("Chart.yaml").contains("name: tea\n"), "{}", read("Chart.yaml"));
    assert!(read("values.yaml").contains("installNamespace: ns\n"), "{}", read("values.yaml"));
    let mut templates: Vec<_> =
        fs::read_dir(bed.path("chart/templates")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    templates.sort();
    assert_eq!((templates.len(), templates[0].to_str()), (11, Some("0000_serviceaccount_tea.yaml")));
    assert!(read("templates/0000_serviceaccount_tea.yaml").contains("namespace: {{ $install | quote }}\n"));
    bed.opm(&chart).ok();
    bed.opm(&convert(&["b", "--format", "helm", "--output-dir", "c", "--cert-provider", "self-signed"]))
        .fails(1, &["self-signed certificates hold for one namespace"]);
    assert!(!bed.path("c").exists());
}

#[test]
fn ten_thousand_namespaces_are_watched() {
    let bed = Bed::new();
    tea(&bed, "b", &CSV.replace("SingleNamespace", "MultiNamespace"));
    let names: Vec<String> = (0..10_000).map(|number| format!("team-{number}")).collect();
    let run = bed.opm(&["bundle", "convert", "b", "--target-namespaces", &names.join(",")]).ok();
    assert_eq!(run.stdout.matches("\nkind: RoleBinding\n").count(), 10_000);
    let app = format!(
        "kind: App\nmetadata: {{namespace: ns}}\nspec: {{template: [{{olmRegistry: {{targetNamespaces: [{}, X]}}}}]}}\n",
        names.join(", ")
    );
    fs::write(bed.path("app.yaml"), app).unwrap();
    let run = bed.opm(&convert(&["b", "--app-template", "app.yaml"]));
    assert_eq!(run.stdout, "");
    assert!(run.stderr.len() < 1000, "{}", run.stderr.len());
    run.fails(1, &["\"X\" is not the name of a namespace"]);
}

#[test]
fn an_app_says_what_to_convert() {
    let bed = Bed::new();
    tea(&bed, "src/0", CSV);
    let app = "kind: App\nmetadata: {name: a, namespace: ns}\nspec:\n  template:\n";
    let step = "  - olmRegistry: {bundleRoot: '0', targetNamespaces: [x]}\n";
    fs::write(bed.path("app.yaml"), format!("{app}{step}")).unwrap();
    let run = bed.opm(&convert(&["src", "--app-template", "app.yaml"])).ok();
    assert_eq!(kinds(&run.stdout), ["ServiceAccount", "Role", "RoleBinding", "Deployment"]);
    fs::write(bed.path("app.yaml"), format!("{app}  - ytt: {{}}\n{step}")).unwrap();
    let run = bed.opm(&convert(&["src", "--app-template", "app.yaml"]));
    assert_eq!(run.stdout, "");
    run.fails(1, &["app.yaml", "spec.template[1]", "olmRegistry must be the first step"]);
    fs::write(bed.path("app.yaml"), format!("{app}{}", step.replace("'0'", "..").replace('x', "X"))).unwrap();
    bed.opm(&convert(&["src", "--app-template", "app.yaml"])).fails(1, &["bundle root \"..\" leads out"]);
    bed.opm(&convert(&["src", "--app-template", "app.yaml", "-n", "x"])).fails(2, &["--install-namespace"]);
}
