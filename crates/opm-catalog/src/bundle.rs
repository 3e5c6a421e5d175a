//! An operator bundle, as its files hold it, to the blob of a catalog.

use std::collections::BTreeSet;

use opm_document::Value;
use opm_model::{Dependency, Gvk, Property};

use crate::blob::{Bundle, RelatedImage, property_type};
use crate::properties::{self, PackageValue, Sources};
use crate::{Error, raw};

/// The annotation of a CSV that holds further properties, as a JSON list.
const PROPERTIES: &str = "olm.properties";

/// An operator bundle: what its `manifests/` and `metadata/` hold, and what follows from that.
#[derive(Clone, Copy, Debug)]
pub struct BundleSource<'a> {
    /// The reference of the bundle's image; empty where it has none.
    pub image: &'a str,
    /// The package that its annotations name; empty where they name none.
    pub package: &'a str,
    /// Its ClusterServiceVersion.
    pub csv: &'a Value,
    /// All its manifests in order, the CSV among them: compact JSON with sorted keys and HTML escapes.
    pub objects: &'a [&'a [u8]],
    /// The properties of its metadata alone, their values spelled as there (YAML as compact JSON with HTML escapes). Those
    /// that the CSV and the manifests have are found by [`bundle_blob`].
    pub properties: &'a [Property],
    /// The dependencies of its metadata, spelled likewise.
    pub dependencies: &'a [Dependency],
    /// The APIs that its manifests provide.
    pub provided_apis: &'a [Gvk],
    /// The APIs that its CSV requires.
    pub required_apis: &'a [Gvk],
}

/// The blob of a bundle, as [`Bundle::settle`] leaves it.
///
/// Its properties are the manifests themselves, one `olm.package` (of several the last), every API that is provided or
/// required, required packages, and all other properties and dependencies as they are; its related images those that the
/// CSV names, the bundle's own, and those of the CSV's deployments. A bundle without a package gets a blob without one,
/// which [`crate::write()`] leaves out.
pub fn bundle_blob(source: &BundleSource<'_>) -> Result<Bundle, Error> {
    let name = text(source.csv, "/metadata/name");
    let fault = |message: String| Error::Bundle { bundle: name.to_owned(), message };
    let stated = stated_properties(source).map_err(fault)?;
    let sources = Sources {
        properties: &stated,
        dependencies: source.dependencies,
        provided_apis: source.provided_apis,
        required_apis: source.required_apis,
    };
    let mut all = sources.convert().map_err(fault)?;
    let is_package = |(_, property): &(usize, &Property)| property.kind == property_type::PACKAGE;
    if let Some((index, property)) = stated.iter().enumerate().rfind(is_package) {
        let package: PackageValue = properties::value(property, "property", index).map_err(fault)?;
        all.push(properties::package(&package.package_name, &package.version, &package.release));
    }
    all.extend(source.objects.iter().map(|object| properties::object(object)));
    properties::sort(&mut all);
    for property in all.iter_mut().filter(|property| !property.value.is_empty()) {
        property.value = raw::compact(&property.value)
            .map_err(|e| fault(format!("property of type {:?} is not JSON: {e}", property.kind)))?;
    }
    let mut bundle = Bundle {
        name: name.to_owned(),
        package: source.package.to_owned(),
        image: source.image.to_owned(),
        properties: all,
        related_images: related_images(source),
        ..Bundle::default()
    };
    bundle.settle();
    Ok(bundle)
}

/// The string at a JSON pointer; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The properties that metadata and CSV state, each once.
fn stated_properties(source: &BundleSource<'_>) -> Result<Vec<Property>, String> {
    let mut all = source.properties.to_vec();
    if !source.package.is_empty() {
        let release = match source.csv.pointer("/spec/release") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(float) if number.is_f64() => opm_document::number::general(float),
                _ => number.to_string(),
            },
            Some(_) => return Err("spec.release of its CSV must be a string or a number".to_owned()),
        };
        all.push(properties::package(source.package, text(source.csv, "/spec/version"), &release));
    }
    all.extend(annotated_properties(source.csv));
    let mut seen = BTreeSet::new();
    all.retain(|property| seen.insert(property.clone()));
    Ok(all)
}

/// The properties in the annotation of the CSV; none where it cannot be read.
fn annotated_properties(csv: &Value) -> Vec<Property> {
    let annotation = csv.pointer("/metadata/annotations").and_then(|all| all.get(PROPERTIES)).and_then(Value::as_str);
    annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn related_images(source: &BundleSource<'_>) -> Vec<RelatedImage> {
    let items = |pointer: &str| source.csv.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let mut related: Vec<RelatedImage> = items("/spec/relatedImages")
        .map(|item| RelatedImage { name: text(item, "/name").to_owned(), image: text(item, "/image").to_owned() })
        .collect();
    let named: BTreeSet<String> = related.iter().map(|related| related.image.clone()).collect();
    let unnamed = |image: &str| RelatedImage { name: String::new(), image: image.to_owned() };
    if !source.image.is_empty() && !named.contains(source.image) {
        related.push(unnamed(source.image));
    }
    if text(source.csv, "/spec/install/strategy") == "deployment" {
        let mut images = BTreeSet::new();
        for deployment in items("/spec/install/spec/deployments") {
            for list in ["containers", "initContainers"] {
                let containers = deployment.pointer(&format!("/spec/template/spec/{list}")).and_then(Value::as_array);
                images.extend(containers.into_iter().flatten().map(|container| text(container, "/image")));
            }
        }
        // The bundle's own image is not among those that count as listed; it may come a second time.
        related.extend(images.into_iter().filter(|image| !named.contains(*image)).map(unnamed));
    }
    related
}
