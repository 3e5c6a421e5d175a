//! The files that make a bundle image of a directory of manifests: its annotations and its Dockerfile.

use std::collections::BTreeMap;

use opm_document::yaml;
use opm_model::PackageManifest;
use serde_json::{Map, Value};

use crate::{BundleError, CHANNELS, DEFAULT_CHANNEL, MANIFESTS, MEDIA_TYPE, METADATA, MediaType, PACKAGE};

/// What a bundle says about itself, in `metadata/annotations.yaml` and in the labels of its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Its form.
    pub media_type: MediaType,
    /// The package's name.
    pub package: String,
    /// The channels, separated by commas, as they are to be stored.
    pub channels: String,
    /// The default channel; empty where none is declared.
    pub default_channel: String,
}

impl Labels {
    /// Keys and values, in the order that labels have in a Dockerfile.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            (MEDIA_TYPE, self.media_type.to_string()),
            (MANIFESTS, "manifests/".to_owned()),
            (METADATA, "metadata/".to_owned()),
            (PACKAGE, self.package.clone()),
            (CHANNELS, self.channels.clone()),
        ];
        if !self.default_channel.is_empty() {
            pairs.push((DEFAULT_CHANNEL, self.default_channel.clone()));
        }
        pairs
    }

    /// The text of `annotations.yaml`: YAML with sorted keys.
    pub fn annotations_yaml(&self) -> Result<Vec<u8>, BundleError> {
        let all: Map<String, Value> =
            self.pairs().into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        let mut out = Vec::new();
        let document = Value::Object(Map::from_iter([("annotations".to_owned(), Value::Object(all))]));
        match yaml::write(&document, &mut out) {
            Ok(()) => Ok(out),
            Err(why) => Err(BundleError::Unwritable { what: "the annotations", why: why.to_string() }),
        }
    }

    /// The text of a Dockerfile that copies these directories, as seen from the directory that it is built in.
    pub fn dockerfile(&self, base_image: &str, manifests: &str, metadata: &str) -> Result<String, BundleError> {
        let mut lines = vec![format!("FROM {}", word("the base image", base_image)?), String::new()];
        for (key, value) in self.pairs() {
            lines.push(format!("LABEL {key}={}", label_value(key, &value)?));
        }
        if !self.default_channel.is_empty() {
            lines.push(String::new());
        }
        for (from, to) in [(manifests, "/manifests/"), (metadata, "/metadata/")] {
            lines.push(copy(from, to)?);
        }
        Ok(lines.join("\n") + "\n")
    }
}

fn unwritable(what: &'static str, value: &str, why: &str) -> BundleError {
    BundleError::Unwritable { what, why: format!("{value:?} {why}") }
}

fn word<'a>(what: &'static str, value: &'a str) -> Result<&'a str, BundleError> {
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(unwritable(what, value, "must be one word"));
    }
    Ok(value)
}

/// A label's value as a Dockerfile reads it back: quoted only where it must be.
fn label_value(key: &'static str, value: &str) -> Result<String, BundleError> {
    if value.contains(char::is_control) {
        return Err(unwritable(key, value, "holds control characters, which a Dockerfile has no form for"));
    }
    let is_plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || "\"'\\$".contains(c));
    if is_plain {
        return Ok(value.to_owned());
    }
    let escaped: String =
        value.chars().flat_map(|c| "\"\\$".contains(c).then_some('\\').into_iter().chain([c])).collect();
    Ok(format!("\"{escaped}\""))
}

fn copy(from: &str, to: &str) -> Result<String, BundleError> {
    if from.contains(char::is_control) {
        return Err(unwritable("the path of a directory", from, "holds control characters"));
    }
    if from.contains(|c: char| c.is_whitespace() || "\"\\$[".contains(c)) {
        let quoted = Value::String(from.replace('$', "\\$")).to_string();
        return Ok(format!("COPY [{quoted}, \"{to}\"]"));
    }
    Ok(format!("COPY {from} {to}"))
}

/// The channels of a package that a CSV is in: those whose chain of replacements, from the head down, reaches it. Sorted.
///
/// `replaces` holds what each CSV of the package replaces; a CSV that is not there ends a chain.
pub fn channels_of(csv: &str, manifest: &PackageManifest, replaces: &BTreeMap<String, String>) -> Vec<String> {
    let reaches = |head: &str| {
        let mut at = Some(head);
        // A chain that is longer than there are CSVs goes in circles.
        for _ in 0..=replaces.len() {
            match at {
                Some(name) if name == csv => return true,
                Some(name) => at = replaces.get(name).map(String::as_str).filter(|next| !next.is_empty()),
                None => return false,
            }
        }
        false
    };
    let mut names: Vec<String> =
        manifest.channels.iter().filter(|c| reaches(&c.current_csv)).map(|c| c.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Where existing annotations differ from those that would be written; further annotations are no difference.
///
/// `existing` is the content of `annotations.yaml`.
pub fn differences(existing: &[u8], wanted: &Labels) -> Result<Vec<String>, opm_document::SyntaxError> {
    let value = opm_document::first(existing)?.unwrap_or(Value::Null);
    let found = value.get("annotations").and_then(Value::as_object);
    let mut pairs = wanted.pairs();
    pairs.sort();
    let differs = |(key, expected): (&str, String)| match found.and_then(|all| all.get(key)) {
        None => Some(format!("Missing field: {key}")),
        Some(value) => {
            let value = crate::annotations::scalar(value);
            (value != expected).then(|| format!("Expect field {key:?} to have value {expected:?} instead of {value:?}"))
        }
    };
    Ok(pairs.into_iter().filter_map(differs).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn labels(channels: &str, default_channel: &str) -> Labels {
        Labels {
            media_type: MediaType::RegistryV1,
            package: "etcd".to_owned(),
            channels: channels.to_owned(),
            default_channel: default_channel.to_owned(),
        }
    }

    #[test]
    fn files_with_and_without_a_default_channel() {
        let full = labels("alpha,beta", "beta");
        insta::assert_snapshot!(String::from_utf8(full.annotations_yaml().unwrap()).unwrap(), @r"
        annotations:
          operators.operatorframework.io.bundle.channel.default.v1: beta
          operators.operatorframework.io.bundle.channels.v1: alpha,beta
          operators.operatorframework.io.bundle.manifests.v1: manifests/
          operators.operatorframework.io.bundle.mediatype.v1: registry+v1
          operators.operatorframework.io.bundle.metadata.v1: metadata/
          operators.operatorframework.io.bundle.package.v1: etcd
        ");
        insta::assert_snapshot!(full.dockerfile("scratch", "etcd/manifests", "etcd/metadata").unwrap(), @r"
        FROM scratch

        LABEL operators.operatorframework.io.bundle.mediatype.v1=registry+v1
        LABEL operators.operatorframework.io.bundle.manifests.v1=manifests/
        LABEL operators.operatorframework.io.bundle.metadata.v1=metadata/
        LABEL operators.operatorframework.io.bundle.package.v1=etcd
        LABEL operators.operatorframework.io.bundle.channels.v1=alpha,beta
        LABEL operators.operatorframework.io.bundle.channel.default.v1=beta

        COPY etcd/manifests /manifests/
        COPY etcd/metadata /metadata/
        ");
        let short = labels("1.0", "").dockerfile("scratch", ".", "../metadata").unwrap();
        assert!(short.ends_with("channels.v1=1.0\nCOPY . /manifests/\nCOPY ../metadata /metadata/\n"), "{short}");
        let number = labels("1.0", "").annotations_yaml().unwrap();
        assert!(String::from_utf8(number).unwrap().contains("channels.v1: \"1.0\"\n"));
    }

    #[test]
    fn what_needs_quotes_gets_them() {
        let text = labels("a b,\"$x\"", "").dockerfile("scratch", "my manifests", "m").unwrap();
        assert!(text.contains(r#"channels.v1="a b,\"\$x\"""#), "{text}");
        assert!(text.contains("\nCOPY [\"my manifests\", \"/manifests/\"]\n"), "{text}");
        assert!(labels("a\nRUN x", "").dockerfile("scratch", "m", "m").is_err());
        assert!(labels("a", "").dockerfile("scratch\nRUN x", "m", "m").is_err());
        assert!(labels("a", "").dockerfile("scratch", "m\nRUN", "m").is_err());
    }

    #[test]
    fn channels_whose_chain_reaches_the_bundle() {
        let manifest = opm_document::first(
            b"packageName: p\ndefaultChannel: b\nchannels:\n- {name: b, currentCSV: v3}\n- {name: a, currentCSV: v2}\n- {name: c, currentCSV: x1}\n- {name: d, currentCSV: gone}",
        );
        let manifest = PackageManifest::from_value(&manifest.unwrap().unwrap()).unwrap();
        let replaces = [("v3", "v2"), ("v2", "v1"), ("v1", ""), ("x1", "x2"), ("x2", "x1")];
        let replaces: BTreeMap<String, String> = replaces.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        for (csv, expected) in
            [("v1", &["a", "b"][..]), ("v3", &["b"]), ("x2", &["c"]), ("none", &[]), ("gone", &["d"])]
        {
            assert_eq!(channels_of(csv, &manifest, &replaces), expected, "{csv}");
        }
    }

    #[test]
    fn differences_of_existing_annotations() {
        let existing = labels("alpha", "alpha").annotations_yaml().unwrap();
        assert_eq!(differences(&existing, &labels("alpha", "")).unwrap(), [""; 0]);
        let text =
            String::from_utf8(existing).unwrap().replace("  operators.operatorframework.io.bundle.package", "  x");
        assert_eq!(
            differences(text.as_bytes(), &labels("beta", "alpha")).unwrap(),
            [
                "Expect field \"operators.operatorframework.io.bundle.channels.v1\" to have value \"beta\" instead of \"alpha\"",
                "Missing field: operators.operatorframework.io.bundle.package.v1",
            ]
        );
        assert!(differences(b"a: [", &labels("a", "")).is_err());
    }
}
