//! The properties of a bundle's blob, from what stores and bundles know of it.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub(crate) use opm_model::Property;
use opm_model::{Dependency, Gvk, Version};
use serde::Deserialize;

use crate::blob::{Bundle, property_type};
use crate::{Error, raw};

/// What the properties are made of.
pub(crate) struct Sources<'a> {
    pub(crate) properties: &'a [Property],
    pub(crate) dependencies: &'a [Dependency],
    pub(crate) provided_apis: &'a [Gvk],
    pub(crate) required_apis: &'a [Gvk],
}

/// The value of a property or dependency of type `olm.package`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PackageValue {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) package_name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) version: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) release: String,
}

/// Go takes null for the zero value of any type.
pub(crate) fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Why a property cannot be understood: its list, its index and the reason.
pub(crate) type Misfit = String;

pub(crate) fn value<'a, T: Default + Deserialize<'a>>(
    property: &'a Property,
    what: &str,
    index: usize,
) -> Result<T, Misfit> {
    raw::typed(&property.value).map_err(|e| format!("parse {what}[{index}] of type {:?}: {e}", property.kind))
}

/// The version and the release in the one `olm.package` property of a bundle, and the package in it.
pub(crate) fn version(bundle: &Bundle) -> Result<(Version, PackageValue), Error> {
    let fault = |message: String| Error::Bundle { bundle: bundle.name.clone(), message };
    let mut values = bundle.properties.iter().filter(|p| p.kind == property_type::PACKAGE);
    let (Some(property), None) = (values.next(), values.next()) else {
        let found = bundle.properties.iter().filter(|p| p.kind == property_type::PACKAGE).count();
        let what = if found == 0 { "has no" } else { "has multiple" };
        return Err(fault(format!("{what} \"olm.package\" properties, expected exactly 1")));
    };
    let value: PackageValue = raw::typed(&property.value).map_err(|e| fault(format!("parse properties: {e}")))?;
    let version = Version::parse(&value.version).map_err(|e| fault(format!("has invalid version: {e}")))?;
    Ok((version, value))
}

impl Sources<'_> {
    /// All properties but those of type `olm.package`, which the callers treat differently: each API that is provided or
    /// required once, dependencies in the form of properties, everything else as it is.
    pub(crate) fn convert(&self) -> Result<Vec<Property>, Misfit> {
        let mut provided: BTreeSet<Gvk> = self.provided_apis.iter().map(bare).collect();
        let mut required: BTreeSet<Gvk> = self.required_apis.iter().map(bare).collect();
        let mut out = Vec::new();
        for (index, property) in self.properties.iter().enumerate() {
            match property.kind.as_str() {
                property_type::GVK => drop(provided.insert(value(property, "property", index)?)),
                property_type::PACKAGE => {}
                _ => out.push(property.clone()),
            }
        }
        for (index, dependency) in self.dependencies.iter().enumerate() {
            match dependency.kind.as_str() {
                property_type::GVK => drop(required.insert(value(dependency, "dependency", index)?)),
                property_type::PACKAGE => {
                    let package: PackageValue = value(dependency, "dependency", index)?;
                    let fields = [("packageName", package.package_name.as_str()), ("versionRange", &package.version)];
                    out.push(Property::new(property_type::PACKAGE_REQUIRED, raw::object(&fields)));
                }
                _ => out.push(dependency.clone()),
            }
        }
        out.extend(provided.iter().map(|api| gvk(property_type::GVK, api)));
        out.extend(required.iter().map(|api| gvk(property_type::GVK_REQUIRED, api)));
        Ok(out)
    }
}

fn bare(api: &Gvk) -> Gvk {
    Gvk::new(api.group.clone(), api.version.clone(), api.kind.clone())
}

fn gvk(kind: &str, api: &Gvk) -> Property {
    Property::new(kind, raw::object(&[("group", &api.group), ("kind", &api.kind), ("version", &api.version)]))
}

/// The property that says which package and version a bundle is.
pub(crate) fn package(name: &str, version: &str, release: &str) -> Property {
    let fields = [("packageName", name), ("version", version), ("release", release)];
    Property::new(property_type::PACKAGE, raw::object(&fields[..if release.is_empty() { 2 } else { 3 }]))
}

/// The property that carries a manifest, given as JSON.
pub(crate) fn object(json: &[u8]) -> Property {
    let json = json.trim_ascii_end();
    let mut value = String::with_capacity(json.len().div_ceil(3) * 4 + 11);
    value.push_str("{\"data\":\"");
    STANDARD.encode_string(json, &mut value);
    value.push_str("\"}");
    Property::new(property_type::BUNDLE_OBJECT, value)
}

/// Sorts by type and value, both by bytes.
pub(crate) fn sort(properties: &mut [Property]) {
    properties.sort_unstable();
}
