//! Bundles to blobs.

use anyhow::Context as _;
use opm_bundle::Bundle;
use opm_catalog::{BundleSource, bundle_blob};
use serde_json::Value;

use super::ImageTemplate;

/// The blob of a bundle.
pub(super) fn blob(bundle: &Bundle) -> anyhow::Result<opm_catalog::Bundle> {
    let csv: Value = serde_json::from_slice(&bundle.csv_json).with_context(|| format!("CSV {}", bundle.name))?;
    // Compact JSON has no line breaks in it.
    let objects: Vec<&[u8]> = bundle.objects_json.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    Ok(bundle_blob(&BundleSource {
        image: &bundle.image,
        package: &bundle.annotations.package,
        csv: &csv,
        objects: &objects,
        properties: &bundle.properties,
        dependencies: &bundle.dependencies,
        provided_apis: &bundle.provided_apis,
        required_apis: &bundle.required_apis,
    })?)
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
