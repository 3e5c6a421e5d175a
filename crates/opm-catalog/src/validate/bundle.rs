//! Rules about a single bundle.

use std::borrow::Cow;
use std::collections::BTreeMap;

use opm_model::{Gvk, Property, Version};
use serde::Deserialize;

use super::Scope;
use super::report::{Findings, Rule};
use crate::blob::{Bundle, property_type};
use crate::csv_metadata::CsvMetadata;
use crate::properties::{PackageValue, null_as_default};
use crate::{pull_spec, raw};

/// A bundle's blob with what was read from it.
pub(super) struct Known<'a> {
    pub(super) blob: &'a Bundle,
    /// The version that the bundle says it is; `None` where it does not say so in a way that can be read.
    pub(super) version: Option<Version>,
    pub(super) release: String,
}

impl Known<'_> {
    /// The version and release as one text, by which bundles of a package must differ.
    pub(super) fn version_key(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        Some(if self.release.is_empty() { version.to_string() } else { format!("{version}-{}", self.release) })
    }
}

/// Reads a bundle and checks what its blob says by itself.
pub(super) fn read<'a>(package: &str, bundle: &'a Bundle, scope: Scope, findings: &mut Findings<'_>) -> Known<'a> {
    let origin = &bundle.origin;
    let name = &bundle.name;
    for (index, property) in bundle.properties.iter().enumerate() {
        if let Err(why) = check_property(property) {
            let kind = &property.kind;
            let message =
                format!("parse properties for bundle {name:?}: parse property[{index}] of type {kind:?}: {why}");
            findings.add(Rule::Property, origin, message);
        }
    }
    let count_of = |kind: &str| bundle.properties.iter().filter(|p| p.kind == kind).count();
    let package_values: Vec<PackageValue> = bundle
        .properties
        .iter()
        .filter(|p| p.kind == property_type::PACKAGE)
        .filter_map(|p| raw::typed(&p.value).ok())
        .collect();
    let count = count_of(property_type::PACKAGE);
    if count != 1 {
        let message =
            format!("package {package:?} bundle {name:?} must have exactly 1 \"olm.package\" property, found {count}");
        findings.add(Rule::PackageProperty, origin, message);
    }
    let mut known = Known { blob: bundle, version: None, release: String::new() };
    if let [value] = &package_values[..]
        && count == 1
    {
        if scope >= Scope::Model && value.package_name != package {
            let message =
                format!("package {package:?} does not match \"olm.package\" property {:?}", value.package_name);
            findings.add(Rule::PackageProperty, origin, message);
        }
        match Version::parse(&value.version) {
            Ok(version) => known.version = Some(version),
            Err(e) => {
                let message = format!("error parsing bundle {name:?} version {:?}: {e}", value.version);
                findings.add(Rule::Version, origin, message);
            }
        }
        if let Err(why) = check_release(&value.release) {
            let message = format!("error parsing bundle {name:?} release version {:?}: {why}", value.release);
            findings.add(Rule::Version, origin, message);
        }
        known.release.clone_from(&value.release);
    }
    if scope >= Scope::Model {
        check_images(package, bundle, findings);
    }
    if scope >= Scope::Serving {
        check_csv_metadata(bundle, findings);
    }
    known
}

/// That the CSV metadata, which are served, are unambiguous.
fn check_csv_metadata(bundle: &Bundle, findings: &mut Findings<'_>) {
    let found = bundle.properties.iter().filter(|p| p.kind == property_type::CSV_METADATA).count();
    if found > 1 {
        let message =
            format!("parse properties: expected at most 1 property of type \"olm.csv.metadata\", found {found}");
        findings.add(Rule::CsvMetadata, &bundle.origin, message);
    }
}

fn check_images(package: &str, bundle: &Bundle, findings: &mut Findings<'_>) {
    let related = bundle.related_images.iter().enumerate();
    let images = std::iter::once((String::from("image"), &bundle.image))
        .chain(related.map(|(index, related)| (format!("relatedImages[{index}].image"), &related.image)));
    for (field, image) in images.filter(|(_, image)| !image.is_empty()) {
        if let Some(why) = pull_spec::fault(image) {
            let name = &bundle.name;
            let message =
                format!("package {package:?} bundle {name:?} {field}: invalid image pull spec {image:?}: {why}");
            findings.add(Rule::Image, &bundle.origin, message);
        }
    }
}

/// Whether the text is a release: nothing, or at most 20 characters of pre-release identifiers.
pub(crate) fn check_release(release: &str) -> Result<(), String> {
    if release.len() > 20 {
        return Err(format!("invalid release {release:?}: exceeds maximum length of 20 characters"));
    }
    if !release.is_empty() && Version::parse(&format!("0.0.0-{release}")).is_err() {
        return Err(format!("invalid release {release:?}: it must be identifiers as in a pre-release version"));
    }
    Ok(())
}

/// Whether a property's value fits its type.
fn check_property(property: &Property) -> Result<(), String> {
    let text = property.value.as_str();
    match property.kind.as_str() {
        _ if text.is_empty() => Err("unexpected end of JSON input".to_owned()),
        property_type::PACKAGE => parse::<PackageValue>(text),
        property_type::PACKAGE_REQUIRED => parse::<PackageRequired<'_>>(text),
        property_type::GVK | property_type::GVK_REQUIRED => parse::<Gvk>(text),
        property_type::CHANNEL => parse::<ChannelValue<'_>>(text),
        property_type::CSV_METADATA => parse::<CsvMetadata>(text),
        _ => Ok(()),
    }
}

/// The bundle without what it carries of content, where that is as it should be: no other rule looks at it.
pub(crate) fn without_content(bundle: &Bundle) -> Bundle {
    let is_content = |kind: &str| matches!(kind, property_type::BUNDLE_OBJECT | property_type::CSV_METADATA);
    let slim = |property: &Property| {
        if is_content(&property.kind) && check_property(property).is_ok() {
            Property::new(property.kind.clone(), "{}")
        } else {
            property.clone()
        }
    };
    Bundle {
        name: bundle.name.clone(),
        package: bundle.package.clone(),
        image: bundle.image.clone(),
        properties: bundle.properties.iter().map(slim).collect(),
        related_images: bundle.related_images.clone(),
        origin: bundle.origin.clone(),
    }
}

fn parse<'a, T: Default + Deserialize<'a>>(text: &'a str) -> Result<(), String> {
    raw::typed::<T>(text).map(drop)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct PackageRequired<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    package_name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "null_as_default")]
    version_range: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ChannelValue<'a> {
    #[serde(borrow, deserialize_with = "null_as_default")]
    channel_name: Cow<'a, str>,
    #[serde(deserialize_with = "null_as_default")]
    priority: i64,
}

/// The rules for a bundle in a channel, but those about the channel's graph.
pub(super) fn check_in_channel(
    package: &str,
    known: &Known<'_>,
    entry: &crate::ChannelEntry,
    deprecated: &BTreeMap<&str, &str>,
    findings: &mut Findings<'_>,
) {
    let bundle = known.blob;
    let origin = &bundle.origin;
    if bundle.name.is_empty() {
        findings.add(Rule::BundleName, origin, "name must be set".to_owned());
    }
    if let (Some(version), false) = (&known.version, known.release.is_empty()) {
        let normal = format!("{package}-v{version}-{}", known.release);
        if bundle.name != normal {
            let message = format!("name {:?} does not match normalized name {normal:?}", bundle.name);
            findings.add(Rule::BundleName, origin, message);
        }
    }
    for (index, _) in entry.skips.iter().enumerate().filter(|(_, skip)| skip.is_empty()) {
        findings.add(Rule::Skips, origin, format!("skip[{index}] is empty"));
    }
    if !entry.skip_range.is_empty()
        && let Err(why) = crate::Range::parse(&entry.skip_range)
    {
        findings.add(Rule::Skips, origin, format!("invalid skipRange {:?}: {why}", entry.skip_range));
    }
    let has_objects = bundle.properties.iter().any(|p| p.kind == property_type::BUNDLE_OBJECT);
    if bundle.image.is_empty() && !has_objects {
        findings.add(Rule::Image, origin, "bundle image must be set".to_owned());
    }
    if deprecated.get(bundle.name.as_str()).is_some_and(|message| message.is_empty()) {
        findings.add(Rule::Deprecation, origin, "invalid deprecation: message must be set".to_owned());
    }
    let has_build = known.version.as_ref().is_some_and(|version| version.to_string().contains('+'));
    if has_build && !known.release.is_empty() {
        findings.add(Rule::Version, origin, "cannot use build metadata in version with a release version".to_owned());
    }
}
