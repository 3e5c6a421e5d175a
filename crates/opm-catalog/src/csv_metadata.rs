//! The property `olm.csv.metadata`: what clients show of a bundle, taken from its CSV.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::properties::null_as_default;

/// The value of an `olm.csv.metadata` property, its members in the order in which they are written.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CsvMetadata {
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, Text>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) api_service_definitions: Definitions<ApiServiceDescription>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) crd_descriptions: Definitions<CrdDescription>,
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub(crate) description: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub(crate) display_name: Text,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) install_modes: Vec<InstallMode>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) keywords: Vec<Text>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, Text>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) links: Vec<Link>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) maintainers: Vec<Maintainer>,
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub(crate) maturity: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub(crate) min_kube_version: Text,
    #[serde(rename = "nativeAPIs", deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) native_apis: Vec<NativeApi>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) provider: Link,
}

/// A string for which null stands for the empty one.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        null_as_default(deserializer).map(Self)
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Definitions<T> {
    #[serde(default = "Vec::new", deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    owned: Vec<T>,
    #[serde(default = "Vec::new", deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    required: Vec<T>,
}

fn null_as_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    null_as_default(deserializer)
}

impl<T> Default for Definitions<T> {
    fn default() -> Self {
        Self { owned: Vec::new(), required: Vec::new() }
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CrdDescription {
    name: Text,
    version: Text,
    kind: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    display_name: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    description: Text,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    status_descriptors: Vec<Descriptor>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    spec_descriptors: Vec<Descriptor>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    action_descriptors: Vec<Descriptor>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ApiServiceDescription {
    name: Text,
    group: Text,
    version: Text,
    kind: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    deployment_name: Text,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    container_port: i32,
    #[serde(skip_serializing_if = "Text::is_empty")]
    display_name: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    description: Text,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    status_descriptors: Vec<Descriptor>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    spec_descriptors: Vec<Descriptor>,
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    action_descriptors: Vec<Descriptor>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Resource {
    name: Text,
    kind: Text,
    version: Text,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct Descriptor {
    path: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    display_name: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    description: Text,
    #[serde(rename = "x-descriptors", deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    x_descriptors: Vec<Text>,
    /// Any JSON, as the CSV spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct InstallMode {
    #[serde(rename = "type")]
    kind: Text,
    #[serde(deserialize_with = "null_as_default")]
    supported: bool,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Link {
    #[serde(skip_serializing_if = "Text::is_empty")]
    name: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    url: Text,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Maintainer {
    #[serde(skip_serializing_if = "Text::is_empty")]
    name: Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    email: Text,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct NativeApi {
    group: Text,
    version: Text,
    kind: Text,
}

/// The parts of a CSV that become metadata, and those that are checked on the way.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Csv {
    #[serde(deserialize_with = "null_as_default")]
    metadata: Metadata,
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, Text>,
    #[serde(deserialize_with = "null_as_default")]
    labels: BTreeMap<String, Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(rename = "apiservicedefinitions", deserialize_with = "null_as_default")]
    api_services: Definitions<ApiServiceDescription>,
    #[serde(rename = "customresourcedefinitions", deserialize_with = "null_as_default")]
    crds: Definitions<CrdDescription>,
    description: Text,
    display_name: Text,
    #[serde(deserialize_with = "null_as_default")]
    install_modes: Vec<InstallMode>,
    #[serde(deserialize_with = "null_as_default")]
    keywords: Vec<Text>,
    #[serde(deserialize_with = "null_as_default")]
    links: Vec<Link>,
    #[serde(deserialize_with = "null_as_default")]
    maintainers: Vec<Maintainer>,
    maturity: Text,
    min_kube_version: Text,
    #[serde(rename = "nativeAPIs", deserialize_with = "null_as_default")]
    native_apis: Vec<NativeApi>,
    #[serde(deserialize_with = "null_as_default")]
    provider: Link,
    version: Text,
    release: Text,
}

impl CsvMetadata {
    /// The metadata of a CSV, given as JSON.
    pub(crate) fn of_csv(json: &[u8]) -> Result<Self, String> {
        let Csv { metadata, spec } = serde_json::from_slice(json).map_err(|e| crate::raw::plain(&e))?;
        if !is_tolerable_version(&spec.version.0) {
            return Err(format!("spec.version {:?} is no version", spec.version.0));
        }
        Ok(Self {
            annotations: metadata.annotations,
            api_service_definitions: spec.api_services,
            crd_descriptions: spec.crds,
            description: spec.description,
            display_name: spec.display_name,
            install_modes: spec.install_modes,
            keywords: spec.keywords,
            labels: metadata.labels,
            links: spec.links,
            maintainers: spec.maintainers,
            maturity: spec.maturity,
            min_kube_version: spec.min_kube_version,
            native_apis: spec.native_apis,
            provider: spec.provider,
        })
    }
}

/// Whether the text is nothing or a version, perhaps with a `v` before it, zeros before its numbers, or numbers missing.
fn is_tolerable_version(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() {
        return true;
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let mut numbers: Vec<&str> = numbers
        .split('.')
        .map(|number| {
            let trimmed = number.trim_start_matches('0');
            if trimmed.is_empty() && !number.is_empty() { "0" } else { trimmed }
        })
        .collect();
    if numbers.len() < 3 {
        // What follows the numbers is allowed only after all three.
        if !rest.is_empty() {
            return false;
        }
        numbers.resize(3, "0");
    }
    opm_model::Version::parse(&format!("{}{rest}", numbers.join("."))).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn from_a_csv() {
        let csv = r#"{"metadata":{"annotations":{"b":"<1>","a":""},"labels":null},"spec":{"version":"v1.2",
            "displayName":"D","installModes":[{"supported":true,"type":"AllNamespaces"}],"keywords":["k",null],
            "customresourcedefinitions":{"owned":[{"name":"x.g","kind":"X","version":"v1","specDescriptors":
            [{"path":"p","value":{"b":1.0,"a":"\u003c"}}]}]},
            "apiservicedefinitions":{"required":[{"name":"y","containerPort":443}]},
            "links":[{"name":"n"}],"provider":{"name":"P","other":1},"nativeAPIs":[{"kind":"K"}]}}"#;
        let metadata = CsvMetadata::of_csv(csv.as_bytes()).unwrap();
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            concat!(
                r#"{"annotations":{"a":"","b":"<1>"},"apiServiceDefinitions":{"required":[{"name":"y","group":"","#,
                r#""version":"","kind":"","containerPort":443}]},"crdDescriptions":{"owned":[{"name":"x.g","#,
                r#""version":"v1","kind":"X","specDescriptors":[{"path":"p","value":{"b":1.0,"a":"\u003c"}}]}]},"#,
                r#""displayName":"D","installModes":[{"type":"AllNamespaces","supported":true}],"keywords":["k",""],"#,
                r#""links":[{"name":"n"}],"nativeAPIs":[{"group":"","version":"","kind":"K"}],"provider":{"name":"P"}}"#,
            )
        );
    }

    #[test]
    fn versions_and_types_are_checked() {
        for good in ["", "1.0.0", "v1", "01.2", "1.2.3-rc.1+b", " 1.0.0 "] {
            assert!(is_tolerable_version(good), "{good:?}");
        }
        for bad in ["x", "1..0", "1.2-rc", "1.2.3.4", "1.2.x"] {
            assert!(!is_tolerable_version(bad), "{bad:?}");
        }
        for (spec, expected) in [
            (r#"{"release":1}"#, "invalid type"),
            (r#"{"version":"x"}"#, "is no version"),
            (r#"{"keywords":"k"}"#, "invalid type"),
        ] {
            let message = CsvMetadata::of_csv(format!(r#"{{"spec":{spec}}}"#).as_bytes()).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
