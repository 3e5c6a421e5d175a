//! Bundles to blobs.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use opm_bundle::{Bundle, Metadata};
use opm_catalog::{BundleSource, bundle_blob};
use serde_json::Value;
use walkdir::WalkDir;

use super::ImageTemplate;

/// The blob of a bundle, whose files are in the directory at `root`.
pub(super) fn blob(bundle: &Bundle, root: &Path) -> anyhow::Result<opm_catalog::Bundle> {
    let csv: Value = serde_json::from_slice(&bundle.csv_json).with_context(|| format!("CSV {}", bundle.name))?;
    // Compact JSON has no line breaks in it.
    let objects: Vec<&[u8]> = bundle.objects_json.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    let metadata = metadata(&root.join("metadata"))?;
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

/// The metadata as its files spell it: databases keep the values in another spelling than file-based catalogs do.
fn metadata(directory: &Path) -> anyhow::Result<Metadata> {
    let mut metadata = Metadata::default();
    for entry in WalkDir::new(directory).follow_links(true).min_depth(1).max_depth(1).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            let path = entry.path();
            metadata.read(&fs::read(path).with_context(|| format!("read {}", path.display()))?);
        }
    }
    Ok(metadata)
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
