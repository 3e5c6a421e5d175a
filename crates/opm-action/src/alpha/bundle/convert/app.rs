//! The template step of an App of kapp-controller.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What the step and its App say.
pub(super) struct Step {
    pub(super) namespace: String,
    pub(super) bundle_root: String,
    pub(super) target_namespaces: Vec<String>,
}

const STEP: &str = "olmRegistry";

#[derive(Deserialize)]
struct App {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    namespace: String,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    template: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    bundle_root: Option<String>,
    #[serde(default)]
    target_namespaces: Option<Vec<String>>,
}

/// Reads the step of the App in a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Step> {
    let subject = || format!("App in {}", path.display());
    let text = std::fs::read(path).with_context(subject)?;
    parse(&text).with_context(subject)
}

fn parse(text: &[u8]) -> anyhow::Result<Step> {
    let app: App = serde_json::from_value(opm_document::yaml::parse(text)?)?;
    ensure!(app.kind == "App", "its kind must be App, not {:?}", app.kind);
    ensure!(!app.metadata.namespace.is_empty(), "metadata.namespace is missing: the operator is installed there");
    if let Some(at) = app.spec.template.iter().skip(1).position(|step| step.contains_key(STEP)) {
        bail!("spec.template[{}]: {STEP} must be the first step: it reads a bundle, not a stream of manifests", at + 1);
    }
    let first = app.spec.template.first().filter(|step| step.contains_key(STEP));
    let step = first.with_context(|| format!("spec.template[0] must be {STEP}"))?;
    ensure!(step.len() == 1, "spec.template[0] must have one key, not {}", step.len());
    let fields = step.get(STEP).filter(|fields| !fields.is_null()).cloned().unwrap_or_else(|| Map::new().into());
    let fields: Fields = serde_json::from_value(fields).with_context(|| format!("spec.template[0].{STEP}"))?;
    Ok(Step {
        namespace: app.metadata.namespace,
        bundle_root: fields.bundle_root.unwrap_or_default(),
        target_namespaces: fields.target_namespaces.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::parse;

    #[test]
    fn only_a_first_step_is_taken() {
        let app = |template: &str| format!("kind: App\nmetadata: {{namespace: ns}}\nspec: {{template: {template}}}\n");
        let step =
            parse(app("[{olmRegistry: {bundleRoot: b, targetNamespaces: [x, z]}}, {ytt: {}}]").as_bytes()).unwrap();
        assert_eq!((step.namespace.as_str(), step.bundle_root.as_str()), ("ns", "b"));
        assert_eq!(step.target_namespaces, ["x", "z"]);
        assert!(parse(app("[{olmRegistry: {}}]").as_bytes()).unwrap().target_namespaces.is_empty());
        for (text, words) in [
            (app("[{ytt: {}}, {olmRegistry: {}}]"), "spec.template[1]: olmRegistry must be the first step"),
            (app("[{olmRegistry: {bundle: x}}]"), "unknown field `bundle`"),
            (app("[{olmRegistry: {targetNamespaces: x}}]"), "spec.template[0].olmRegistry"),
            (app("[{olmRegistry: {}, ytt: {}}]"), "one key"),
            (app("[]"), "spec.template[0] must be olmRegistry"),
            ("kind: App".to_owned(), "metadata.namespace"),
            ("kind: Pod".to_owned(), "must be App"),
        ] {
            let error = format!("{:#}", parse(text.as_bytes()).err().unwrap());
            assert!(error.contains(words), "{error}");
        }
    }
}
