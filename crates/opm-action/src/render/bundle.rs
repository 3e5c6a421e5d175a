//! Bundles to blobs.

use std::path::Path;

use anyhow::Context as _;
use opm_bundle::{Bundle, Metadata};
use opm_catalog::{BundleSource, bundle_blob};
use serde_json::Value;

use super::ImageTemplate;
use crate::bundles::files;

/// A bundle, and its metadata as its files spell them: databases keep the values in another spelling than file-based catalogs
/// do.
pub(crate) struct Read {
    pub(crate) bundle: Bundle,
    metadata: Metadata,
}

/// From this size of its manifests on, in bytes, no other bundle should be read beside a bundle.
const LARGE: u64 = 512 << 10;

/// Whether it takes much memory to read the bundle in a directory.
pub(super) fn is_large(root: &Path) -> bool {
    let entries = root.join("manifests").read_dir().into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum::<u64>() > LARGE
}

impl Read {
    /// Reads the bundle in a directory with `manifests/` and `metadata/`.
    pub(crate) fn from(root: &Path) -> anyhow::Result<Self> {
        let manifests = files(&root.join("manifests"))?;
        let about = files(&root.join("metadata"))?;
        let mut metadata = Metadata::default();
        for (_, content) in &about {
            metadata.read(content);
        }
        let bundle = Bundle::from_files(
            "",
            manifests.iter().map(|(name, content)| (name.as_str(), content.as_slice())),
            about.iter().map(|(name, content)| (name.as_str(), content.as_slice())),
        )?;
        Ok(Self { bundle, metadata })
    }

    /// The blob of the bundle.
    pub(crate) fn blob(self) -> anyhow::Result<opm_catalog::Bundle> {
        let Self { bundle, metadata } = self;
        let csv: Value = serde_json::from_slice(&bundle.csv_json).with_context(|| format!("CSV {}", bundle.name))?;
        // Compact JSON has no line breaks in it.
        let objects: Vec<&[u8]> = bundle.objects_json.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
        Ok(bundle_blob(&BundleSource {
            image: &bundle.image,
            package: &bundle.annotations.package,
            csv: &csv,
            objects: &objects,
            properties: &metadata.properties,
            dependencies: &metadata.dependencies,
            provided_apis: &bundle.provided_apis,
            required_apis: &bundle.required_apis,
        })?)
    }
}

/// The reference that the template makes for a bundle without an image.
pub(super) fn templated_image(template: &ImageTemplate, bundle: &Bundle) -> anyhow::Result<String> {
    let package = bundle.properties.iter().find(|property| property.kind == opm_catalog::property_type::PACKAGE);
    let value: Value = match package {
        Some(property) => serde_json::from_str(&property.value)
            .with_context(|| format!("property {} of bundle {}", property.kind, bundle.name))?,
        None => Value::Null,
    };
    let version = value.get("version").and_then(Value::as_str).unwrap_or_default();
    Ok(template.image(&bundle.annotations.package, &bundle.name, version))
}
