//! Manifests as text and as files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use opm_document::{json, yaml};
use serde_json::Value;

use super::Form;
use crate::alpha::bundle::staged::Staged;

const KUSTOMIZATION: &str = "kustomization.yaml";

/// The manifests as one text.
pub(super) fn stream(objects: &[Value], form: Form) -> anyhow::Result<String> {
    let mut text = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        append(object, form, index, &mut text)?;
    }
    Ok(String::from_utf8(text)?)
}

/// Writes a file for each object, and a `kustomization.yaml` with all of them.
pub(super) fn directory(objects: &[Value], form: Form, dir: &Path) -> anyhow::Result<()> {
    let end = if form == Form::Json { "json" } else { "yaml" };
    let mut all = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let parts = ["/kind", "/metadata/namespace", "/metadata/name"].map(|place| field(object, place));
        let mut text = Vec::new();
        append(object, form, index, &mut text)?;
        all.push((format!("{}.{end}", opm_bundle::file_stem(index, &parts)), text));
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let list = serde_json::json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    });
    let mut text = Vec::new();
    yaml::write_portably(&list, &mut text);
    all.push((KUSTOMIZATION.to_owned(), text));
    files(dir, all.iter().map(|(name, text)| (name.as_str(), text.as_slice())))
}

/// Writes files into a directory: all of them or none. What is there from another run is an error, since it would go on
/// being applied with the new files.
pub(super) fn files<'a>(dir: &Path, all: impl Iterator<Item = (&'a str, &'a [u8])> + Clone) -> anyhow::Result<()> {
    let known: Vec<&Path> = all.clone().map(|(name, _)| Path::new(name)).collect();
    if let Some(foreign) = foreign(dir, &known)? {
        bail!("{}: {} is not one of the files to write: choose an empty directory", dir.display(), foreign.display());
    }
    let mut staged = Staged::default();
    staged.directory(dir)?;
    for (name, text) in all {
        staged.file(&dir.join(name), text)?;
    }
    staged.commit()
}

/// A file below a directory that is not one of those known; `None` where there is none, or no directory.
fn foreign(dir: &Path, known: &[&Path]) -> anyhow::Result<Option<PathBuf>> {
    if !dir.is_dir() {
        return Ok(None);
    }
    // Hidden files are those of tools.
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry)) {
        let entry = entry.with_context(|| format!("read {}", dir.display()))?;
        let name = entry.path().strip_prefix(dir)?;
        if !entry.file_type().is_dir() && !known.contains(&name) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

fn field<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn append(object: &Value, form: Form, index: usize, out: &mut Vec<u8>) -> anyhow::Result<()> {
    match form {
        Form::Yaml => {
            out.extend_from_slice(b"---\n");
            yaml::write_portably(object, out);
        }
        Form::Json => {
            let mut compact = Vec::new();
            json::serialize(object, &mut compact).with_context(|| {
                let [kind, namespace, name] =
                    ["/kind", "/metadata/namespace", "/metadata/name"].map(|place| field(object, place));
                format!("encoding object {index} ({kind}, {namespace}/{name})")
            })?;
            json::indent(&compact, out);
            out.push(b'\n');
        }
    }
    Ok(())
}
