//! Manifests as text and as files.

use std::path::Path;

use anyhow::Context as _;
use opm_document::{json, yaml};
use serde_json::Value;

use super::Form;
use crate::alpha::bundle::staged::Staged;

/// The text of the manifests; or none where they are written into a directory, all or nothing.
pub(super) fn manifests(objects: &[Value], form: Form, dir: Option<&Path>) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let Some(dir) = dir else {
        for (index, object) in objects.iter().enumerate() {
            append(object, form, index, &mut text)?;
        }
        return Ok(String::from_utf8(text)?);
    };
    let mut staged = Staged::default();
    staged.directory(dir)?;
    let mut names = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let name = file_name(index, object, form);
        text.clear();
        append(object, form, index, &mut text)?;
        staged.file(&dir.join(&name), &text)?;
        names.push(Value::from(name));
    }
    let list = serde_json::json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    });
    text.clear();
    yaml::write(&list, &mut text)?;
    staged.file(&dir.join("kustomization.yaml"), &text)?;
    staged.commit()?;
    Ok(String::new())
}

fn field<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn append(object: &Value, form: Form, index: usize, out: &mut Vec<u8>) -> anyhow::Result<()> {
    let subject = || {
        let (kind, namespace, name) =
            (field(object, "/kind"), field(object, "/metadata/namespace"), field(object, "/metadata/name"));
        format!("encoding object {index} ({kind}, {namespace}/{name})")
    };
    match form {
        Form::Yaml => {
            out.extend_from_slice(b"---\n");
            opm_bundle::write_yaml(object, out).with_context(subject)?;
        }
        Form::Json => {
            let mut compact = Vec::new();
            json::serialize(object, &mut compact).with_context(subject)?;
            json::indent(&compact, out);
            out.push(b'\n');
        }
    }
    Ok(())
}

/// The name of an object's file: its place in the order, its kind, namespace and name, as far as file systems take it.
fn file_name(index: usize, object: &Value, form: Form) -> String {
    let parts = [field(object, "/kind"), field(object, "/metadata/namespace"), field(object, "/metadata/name")];
    let joined = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("_");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let safe: String = joined.chars().map(|c| if is_plain(c) { c } else { '-' }).take(200).collect();
    let end = if form == Form::Json { "json" } else { "yaml" };
    format!("{index:04}_{}.{end}", safe.to_ascii_lowercase())
}
