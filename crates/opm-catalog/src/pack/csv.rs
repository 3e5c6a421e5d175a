//! The ClusterServiceVersion that is made of a bundle's `olm.csv.metadata`, for clients that want one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opm_document::json;
use opm_model::Version;
use serde::Serialize;

use crate::blob::{Bundle, Package};
use crate::csv_metadata::{
    ApiServiceDescription, CrdDescription, CsvMetadata, Definitions, InstallMode, Link, Maintainer, NativeApi, Text,
};

/// The members of a CSV, in the order in which Go writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Csv<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
    status: Status,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, Text>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    install: Install,
    version: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    maturity: &'a str,
    #[serde(rename = "customresourcedefinitions")]
    crds: &'a Definitions<CrdDescription>,
    #[serde(rename = "apiservicedefinitions")]
    api_services: &'a Definitions<ApiServiceDescription>,
    #[serde(rename = "nativeAPIs", skip_serializing_if = "<[_]>::is_empty")]
    native_apis: &'a [NativeApi],
    #[serde(skip_serializing_if = "str::is_empty")]
    min_kube_version: &'a str,
    display_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keywords: &'a [Text],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    maintainers: &'a [Maintainer],
    provider: &'a Link,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    links: &'a [Link],
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<[Icon<'a>; 1]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    install_modes: &'a [InstallMode],
    cleanup: Cleanup,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_images: Vec<Image<'a>>,
}

#[derive(Serialize)]
struct Install {
    strategy: &'static str,
    spec: Deployments,
}

#[derive(Serialize)]
struct Deployments {
    deployments: (),
}

#[derive(Serialize)]
struct Icon<'a> {
    base64data: String,
    mediatype: &'a str,
}

#[derive(Serialize)]
struct Cleanup {
    enabled: bool,
}

#[derive(Serialize)]
struct Image<'a> {
    name: &'a str,
    image: &'a str,
}

#[derive(Serialize)]
struct Status {
    cleanup: Nothing,
}

#[derive(Serialize)]
struct Nothing {}

/// The JSON text of the CSV: compact, HTML characters escaped.
pub(super) fn synthesize(
    package: &Package,
    bundle: &Bundle,
    version: &Version,
    metadata: &CsvMetadata,
) -> Result<String, String> {
    let description = &metadata.description.0;
    let icon = package.icon.as_ref().map(|icon| {
        [Icon { base64data: STANDARD.encode(icon.data.as_deref().unwrap_or_default()), mediatype: &icon.media_type }]
    });
    let csv = Csv {
        kind: "ClusterServiceVersion",
        api_version: "operators.coreos.com/v1alpha1",
        metadata: Metadata { name: &bundle.name, labels: &metadata.labels, annotations: &metadata.annotations },
        spec: Spec {
            install: Install { strategy: "deployment", spec: Deployments { deployments: () } },
            version: version.to_string(),
            maturity: &metadata.maturity.0,
            crds: &metadata.crd_descriptions,
            api_services: &metadata.api_service_definitions,
            native_apis: &metadata.native_apis,
            min_kube_version: &metadata.min_kube_version.0,
            display_name: &metadata.display_name.0,
            description: if description.is_empty() { &package.description } else { description },
            keywords: &metadata.keywords,
            maintainers: &metadata.maintainers,
            provider: &metadata.provider,
            links: &metadata.links,
            icon,
            install_modes: &metadata.install_modes,
            cleanup: Cleanup { enabled: false },
            related_images: bundle.related_images.iter().map(|of| Image { name: &of.name, image: &of.image }).collect(),
        },
        status: Status { cleanup: Nothing {} },
    };
    let text = serde_json::to_string(&csv).map_err(|error| error.to_string())?;
    json::compact(&text).map_err(|error| error.message)
}
