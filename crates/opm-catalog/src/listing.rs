//! The listing of another catalog, such as an SQLite database, to a file-based one.

use std::collections::{BTreeMap, BTreeSet};

use opm_model::{Property, Version};

use crate::Error;
use crate::blob::{Bundle, Catalog, Channel, ChannelEntry, Package, RelatedImage, property_type};
use crate::csv::Csv;
use crate::properties::{self, PackageValue, Sources};
use crate::validate::check_listing;

/// Makes a file-based catalog of packages and of bundles at their places in channels, with all their content.
///
/// `images` are images of bundles, by bundle name, that belong to them beside those that their CSVs name. Bundles with the
/// property `olm.deprecated` are left out; edges to them stay. Dependencies become properties (`olm.gvk.required`,
/// `olm.package.required`; any others keep their type). The icon of a package is that of the CSV at the head of its
/// default channel; it has no description. A bundle that is in several channels becomes one blob with all their properties.
///
/// Packages, channels, entries, bundles and properties come sorted, and bundles as [`Catalog::settle`] leaves them. The
/// result is valid, or [`Error::Invalid`] says why it is not.
pub fn from_listing(
    packages: impl IntoIterator<Item = opm_model::Package>,
    bundles: impl IntoIterator<Item = opm_model::Bundle>,
    images: &BTreeMap<String, Vec<String>>,
) -> Result<Catalog, Error> {
    let mut listing = Listing::default();
    for package in packages {
        listing.add_package(package);
    }
    for bundle in bundles {
        listing.add_bundle(bundle)?;
    }
    let catalog = listing.finish(images);
    check_listing(&catalog).into_result()?;
    Ok(catalog)
}

#[derive(Default)]
struct Listing {
    /// By name, with the name of the head of the default channel.
    packages: BTreeMap<String, (Package, String)>,
    /// Entries by package and channel, then by bundle.
    channels: BTreeMap<(String, String), BTreeMap<String, ChannelEntry>>,
    /// By package and name.
    bundles: BTreeMap<(String, String), Bundle>,
}

impl Listing {
    fn add_package(&mut self, package: opm_model::Package) {
        let mut head = String::new();
        for channel in package.channels {
            if channel.name == package.default_channel {
                head = channel.csv_name;
            }
            self.channels.entry((package.name.clone(), channel.name)).or_default();
        }
        let blob =
            Package { name: package.name.clone(), default_channel: package.default_channel, ..Package::default() };
        self.packages.insert(package.name, (blob, head));
    }

    fn add_bundle(&mut self, bundle: opm_model::Bundle) -> Result<(), Error> {
        let fault = |message: String| Error::Bundle { bundle: bundle.csv_name.clone(), message };
        let Some((package, head)) = self.packages.get_mut(&bundle.package) else {
            return Err(fault(format!("unknown package {:?}", bundle.package)));
        };
        let Some(entries) = self.channels.get_mut(&(bundle.package.clone(), bundle.channel.clone())) else {
            return Err(fault(format!("unknown channel {:?} of package {:?}", bundle.channel, bundle.package)));
        };
        let key = (bundle.package.clone(), bundle.csv_name.clone());
        let is_known = self.bundles.contains_key(&key);
        let is_head = bundle.channel == package.default_channel && bundle.csv_name == *head;
        let csv = if is_head || !is_known {
            Csv::parse(bundle.csv_json.as_bytes()).map_err(|e| fault(format!("cannot read its CSV: {e}")))?
        } else {
            Csv::default()
        };
        if is_head {
            package.icon = csv.icon(true).filter(|icon| icon.data.as_ref().is_some_and(|data| !data.is_empty()));
        }
        if bundle.properties.iter().any(|property| property.kind == property_type::DEPRECATED) {
            return Ok(());
        }
        Version::parse(&bundle.version).map_err(|e| fault(format!("parse version {:?}: {e}", bundle.version)))?;
        let properties = blob_properties(&bundle).map_err(fault)?;
        let blob = self.bundles.entry(key).or_insert_with(|| Bundle {
            name: bundle.csv_name.clone(),
            package: bundle.package,
            image: bundle.image,
            related_images: csv.related_images(),
            ..Bundle::default()
        });
        // A bundle in many channels has the same properties at all of them.
        for property in properties {
            if !blob.properties.contains(&property) {
                blob.properties.push(property);
            }
        }
        let entry = ChannelEntry {
            name: bundle.csv_name.clone(),
            replaces: bundle.replaces,
            skips: bundle.skips,
            skip_range: bundle.skip_range,
        };
        entries.insert(bundle.csv_name, entry);
        Ok(())
    }

    fn finish(self, images: &BTreeMap<String, Vec<String>>) -> Catalog {
        let channel = |((package, name), entries): ((String, String), BTreeMap<String, ChannelEntry>)| Channel {
            name,
            package,
            entries: Some(entries.into_values().collect()),
            ..Channel::default()
        };
        let bundle = |mut bundle: Bundle| {
            properties::sort(&mut bundle.properties);
            let mut known: BTreeSet<String> = bundle.related_images.iter().map(|r| r.image.clone()).collect();
            for image in images.get(&bundle.name).into_iter().flatten() {
                if known.insert(image.clone()) {
                    bundle.related_images.push(RelatedImage { name: String::new(), image: image.clone() });
                }
            }
            bundle.settle();
            bundle
        };
        Catalog {
            packages: self.packages.into_values().map(|(package, _)| package).collect(),
            channels: self.channels.into_iter().map(channel).collect(),
            bundles: self.bundles.into_values().map(bundle).collect(),
            ..Catalog::default()
        }
    }
}

/// The properties of a bundle's blob.
fn blob_properties(bundle: &opm_model::Bundle) -> Result<Vec<Property>, String> {
    let sources = Sources {
        properties: &bundle.properties,
        dependencies: &bundle.dependencies,
        provided_apis: &bundle.provided_apis,
        required_apis: &bundle.required_apis,
    };
    let mut out = sources.convert()?;
    out.extend(package_properties(bundle)?);
    out.extend(bundle.objects.iter().map(|object| properties::object(object.as_bytes())));
    for property in &mut out {
        property.value = crate::raw::compact(&property.value)
            .map_err(|e| format!("property of type {:?} is not JSON: {e}", property.kind))?;
    }
    Ok(out)
}

/// The `olm.package` properties: as they are stored, but of several for this package only one that has a release, or
/// else the first.
fn package_properties(bundle: &opm_model::Bundle) -> Result<Vec<Property>, String> {
    let mut own: Option<(Property, bool)> = None;
    let mut out = Vec::new();
    for (index, property) in bundle.properties.iter().enumerate().filter(|(_, p)| p.kind == property_type::PACKAGE) {
        let value: PackageValue = properties::value(property, "property", index)?;
        let has_release = !value.release.is_empty();
        if value.package_name != bundle.package {
            out.push(property.clone());
        } else if own.as_ref().is_none_or(|(_, had)| has_release && !had) {
            own = Some((property.clone(), has_release));
        }
    }
    out.extend(own.map(|(property, _)| property));
    if out.is_empty() {
        out.push(properties::package(&bundle.package, &bundle.version, ""));
    }
    Ok(out)
}
