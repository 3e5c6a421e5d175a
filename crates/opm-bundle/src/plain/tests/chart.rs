//! Charts, rendered by as much of Go's templates as manifests need.

use std::collections::BTreeMap;

use super::*;

/// The values that a chart is rendered with.
struct Values<'a> {
    install: &'a str,
    targets: &'a [&'a str],
}

/// A part of a template: text, or an action.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    Action(&'a str),
}

fn parts(template: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some((text, after)) = rest.split_once("{{") {
        // Braces that are meant as such are within quotes.
        let end = if after.starts_with(" \"{{\" }}") { 8 } else { after.find("}}").unwrap() + 2 };
        let action = &after[..end - 2];
        let text = if action.starts_with('-') { text.trim_end() } else { text };
        parts.extend([Part::Text(text), Part::Action(action.trim_matches(['-', ' ']))]);
        rest = &after[end..];
        if action.ends_with('-') {
            rest = rest.trim_start();
        }
    }
    parts.push(Part::Text(rest));
    parts
}

impl Values<'_> {
    /// Renders up to the `end` or `else` that belongs to what came before, or to the end; returns what is left.
    fn render<'p, 't>(&self, mut parts: &'p [Part<'t>], namespace: &str, out: &mut String) -> &'p [Part<'t>] {
        while let Some((part, rest)) = parts.split_first() {
            parts = rest;
            let quoted = |text: &str| format!("{text:?}");
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Action("end" | "else") => return parts,
                Part::Action(action) => match *action {
                    "\"{{\"" => out.push_str("{{"),
                    "$install" => out.push_str(self.install),
                    "$install | quote" => out.push_str(&quoted(self.install)),
                    "$namespace" => out.push_str(namespace),
                    "$namespace | quote" => out.push_str(&quoted(namespace)),
                    "join \",\" $targets | quote" => out.push_str(&quoted(&self.targets.join(","))),
                    "toJson $targets" => out.push_str(&json!(self.targets).to_string()),
                    "if eq (first $targets) \"\"" => parts = self.either(parts, self.targets == [""], out),
                    "if ne (first $targets) \"\"" => parts = self.either(parts, self.targets != [""], out),
                    "range $namespace := $targets" => {
                        let mut left = parts;
                        for target in self.targets {
                            left = self.render(parts, target, out);
                        }
                        parts = left;
                    }
                    // The manifest of a deployment stands in a template of its own, which nothing changes here.
                    _ if action.starts_with("define ") => {
                        self.render(parts, namespace, out);
                        return &[];
                    }
                    _ if action.starts_with("$install :=") || action.starts_with("$targets :=") => {}
                    _ => panic!("{action}"),
                },
            }
        }
        parts
    }

    /// Renders what follows up to an `else` or an `end`, or what is after the `else`.
    fn either<'p, 't>(&self, parts: &'p [Part<'t>], is_first: bool, out: &mut String) -> &'p [Part<'t>] {
        let mut unused = String::new();
        let after = self.render(parts, "", if is_first { out } else { &mut unused });
        let ended_by = parts[parts.len() - after.len() - 1];
        if ended_by == Part::Action("end") {
            return after;
        }
        self.render(after, "", if is_first { &mut unused } else { out })
    }

    fn objects(&self, chart: &Chart) -> BTreeMap<String, Value> {
        let mut objects = BTreeMap::new();
        for (name, text) in chart.files.iter().filter(|(name, _)| name.starts_with("templates/0")) {
            let mut out = String::new();
            self.render(&parts(text), "", &mut out);
            for document in opm_document::Documents::new(out.as_bytes()) {
                let object = document.unwrap_or_else(|why| panic!("{name}: {why}\n{out}")).value;
                if !object.is_null() {
                    assert_eq!(objects.insert(identity(&object), object), None);
                }
            }
        }
        objects
    }
}

fn identity(object: &Value) -> String {
    format!("{} {} {}", tree::kind(object), text(object, "/metadata/namespace"), name(object))
}

#[test]
fn a_chart_renders_to_the_manifests() {
    let hooks = json!({"webhookdefinitions": [
        webhook(MUTATING, "m.tea", &json!({"webhookPath": "/m"})), webhook(VALIDATING, "v.tea", &json!({}))]});
    let mut csv = csv(&hooks);
    csv["spec"]["version"] = json!("1.2.3");
    csv["metadata"]["annotations"]["alm-examples"] = json!("[{{ .Values.x }} {{- end }}]\n\n");
    let modes = ["AllNamespaces", "OwnNamespace", "SingleNamespace", "MultiNamespace"];
    csv["spec"]["installModes"] = modes.iter().map(|mode| json!({"type": mode, "supported": true})).collect();
    let secret = json!({"kind": "Secret", "metadata": {"name": "s{{"}, "data": {"{{": "}}"}});
    let files = bundle(&csv, &[secret]);
    let plain = |install: &str, targets: &[&str]| Plain {
        install_namespace: Some(install.to_owned()),
        target_namespaces: targets.iter().map(|name| (*name).to_owned()).collect(),
        certificates: Some(Certificates::CertManager),
        create_namespace: true,
        kapp: true,
        ..Plain::default()
    };
    let chart = plain("ns", &[]).chart(&files).unwrap();
    assert_eq!(chart, plain("ns", &[]).chart(&files).unwrap());
    for (install, targets) in
        [("ns", &[""][..]), ("on", &["on"]), ("ns", &["y"]), ("1", &["a", "0755", "1"]), ("tea", &["tea", "b"])]
    {
        let rendered = Values { install, targets }.objects(&chart);
        let made = plain(install, targets).convert(&files).unwrap().objects;
        let made: BTreeMap<_, _> = made.into_iter().map(|object| (identity(&object), object)).collect();
        assert_eq!(rendered.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
        for (key, object) in &made {
            assert_eq!(&rendered[key], object, "{key} in {install} for {targets:?}");
        }
    }
    let file = |name: &str| opm_document::yaml::parse(chart.files[name].as_bytes()).unwrap();
    assert_eq!(file("values.yaml"), json!({"installNamespace": "ns", "targetNamespaces": [], "deploymentConfig": {}}));
    assert_eq!((&file("Chart.yaml")["name"], &file("Chart.yaml")["version"]), (&json!("tea"), &json!("1.2.3")));
    assert!(file("values.schema.json").is_object());
    assert!(chart.files["templates/_opm.tpl"].contains("$modes := list \"AllNamespaces\" \"MultiNamespace\""));
    assert!(chart.files["templates/_opm.tpl"].contains("{{- define \"tea.configured\" -}}"));
    assert!(chart.files.iter().all(|(name, text)| !name.contains("opm-") && !text.contains("-install")));
}

#[test]
fn what_cannot_be_a_chart_is_refused() {
    struct Nobody;
    impl Sign for Nobody {
        fn sign(&self, _: &[String]) -> Result<Serving, String> {
            Err("unasked".to_owned())
        }
    }
    let files = bundle(&csv(&json!({})), &[]);
    let plain = Plain { certificates: Some(Certificates::SelfSigned(&Nobody)), ..in_ns() };
    assert!(plain.chart(&files).unwrap_err().to_string().contains("self-signed"));
    let plain = Plain { target_namespaces: vec!["a".to_owned(), "b".to_owned()], ..in_ns() };
    assert!(plain.chart(&files).unwrap_err().to_string().contains("cannot target multiple namespaces"));
    let config = DeploymentConfig::parse(b"env: [{name: A, value: \"y\"}]").unwrap();
    let chart = Plain { deployment_config: Some(config), ..in_ns() }.chart(&files).unwrap();
    let values = opm_document::yaml::parse(chart.files["values.yaml"].as_bytes()).unwrap();
    assert_eq!(values["deploymentConfig"], json!({"env": [{"name": "A", "value": "y"}]}));
}
