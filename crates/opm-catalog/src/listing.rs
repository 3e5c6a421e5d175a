//! The listing of another catalog, such as an SQLite database, to a file-based one.

use std::collections::{BTreeMap, BTreeSet};

use opm_model::{Property, Version};
use rayon::prelude::*;

use crate::blob::{Blob, Bundle, Channel, ChannelEntry, Icon, Package, RelatedImage, property_type};
use crate::csv::Csv;
use crate::encode::Missing;
use crate::index::Item;
use crate::properties::{self, PackageValue, Sources};
use crate::validate::without_content;
use crate::{Error, Index, Level, Purpose};

/// How many bytes of content are worked on at a time.
const BATCH: usize = 1 << 20;

/// The listing of another catalog: its packages, each with the CSV at the head of its default channel as JSON, and images of
/// bundles, by bundle name, that belong to them beside those that their CSVs name.
#[derive(Debug)]
pub struct Listing<'a> {
    /// The packages by name, without icons.
    packages: BTreeMap<String, Package>,
    /// Entries by package and channel, then by bundle.
    channels: BTreeMap<(String, String), BTreeMap<String, ChannelEntry>>,
    images: &'a BTreeMap<String, Vec<String>>,
}

/// A bundle at all its places.
type Places = Vec<opm_model::Bundle>;

/// What is kept of a bundle: its places, and its blob as it is shown and as it is checked.
type Items = (Converted, Option<(Item, Item)>);

/// What comes of a bundle at all its places: its blob, unless it is deprecated, and its places in channels.
struct Converted {
    package: String,
    name: String,
    blob: Option<Bundle>,
    entries: Vec<(String, ChannelEntry)>,
}

impl<'a> Listing<'a> {
    /// A listing of these packages.
    pub fn new(
        packages: impl IntoIterator<Item = (opm_model::Package, String)>,
        images: &'a BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Error> {
        let mut listing = Self { packages: BTreeMap::new(), channels: BTreeMap::new(), images };
        for (package, csv) in packages {
            let name = package.name;
            let mut blob =
                Package { name: name.clone(), default_channel: package.default_channel, ..Package::default() };
            for channel in package.channels {
                if channel.name == blob.default_channel {
                    blob.icon = icon(&name, &channel, &csv)?;
                }
                listing.channels.entry((name.clone(), channel.name)).or_default();
            }
            listing.packages.insert(name, blob);
        }
        Ok(listing)
    }
}

/// The icon in the CSV of a channel's head.
fn icon(package: &str, channel: &opm_model::Channel, csv: &str) -> Result<Option<Icon>, Error> {
    if channel.csv_name.is_empty() {
        return Ok(None);
    }
    let fault = |message: String| Error::Bundle { bundle: channel.csv_name.clone(), message };
    if csv.is_empty() {
        return Err(fault(format!("has no CSV, but is the head of the default channel of package {package:?}")));
    }
    let csv = Csv::parse(csv.as_bytes()).map_err(|e| fault(format!("cannot read its CSV: {e}")))?;
    Ok(csv.icon(true).filter(|icon| icon.data.as_ref().is_some_and(|data| !data.is_empty())))
}

impl Index {
    /// Adds a catalog that is given as a listing, as `opm render` shows it.
    ///
    /// `page` gives bundles, some at a time and all places of a bundle one after the other; none at the end. The first place of
    /// a bundle has all its content, others may have none. Bundles with the property `olm.deprecated` are left out; edges to them stay. Dependencies become properties
    /// (`olm.gvk.required`, `olm.package.required`; any others keep their type). The icon of a package is that of the CSV at
    /// the head of its default channel; it has no description. A bundle that is in several channels becomes one blob with all
    /// their properties.
    ///
    /// What comes of it, before it is migrated, must be valid: [`Error::Invalid`] says why it is not.
    pub fn add_listing<E: From<Error>>(
        &mut self,
        mut listing: Listing<'_>,
        level: Level,
        mut page: impl FnMut() -> Result<Vec<opm_model::Bundle>, E>,
    ) -> Result<(), E> {
        // What is checked in the end has no content.
        let mut slim = self.sibling();
        let mut waiting: Vec<Places> = Vec::new();
        let mut bytes = 0;
        loop {
            let bundles = page()?;
            let is_end = bundles.is_empty();
            for bundle in bundles {
                bytes += bundle.csv_json.len() + bundle.objects.iter().map(String::len).sum::<usize>();
                match waiting.last_mut().filter(|places| is_same(&places[0], &bundle)) {
                    Some(places) => places.push(bundle),
                    None => waiting.push(vec![bundle]),
                }
            }
            if bytes < BATCH && !is_end {
                continue;
            }
            // Of the last bundle there may be more places.
            let rest = if is_end { None } else { waiting.pop() };
            self.add_bundles(std::mem::take(&mut waiting), &mut listing, &mut slim, level)?;
            bytes = 0;
            waiting.extend(rest);
            if is_end {
                break;
            }
        }
        listing.finish(|blob| {
            slim.add(Purpose::Check.item(blob.clone())?)?;
            self.add(Purpose::Show(level).item(blob)?)
        })?;
        Ok(slim.check_listing()?.into_result()?)
    }

    fn add_bundles(
        &mut self,
        all: Vec<Places>,
        listing: &mut Listing<'_>,
        slim: &mut Self,
        level: Level,
    ) -> Result<(), Error> {
        let known = &*listing;
        let convert = |places: Places| -> Result<Items, Error> {
            let mut converted = known.convert(places)?;
            let Some(bundle) = converted.blob.take() else { return Ok((converted, None)) };
            let checked = Item::of(&Blob::Bundle(without_content(&bundle)), Missing::Left);
            Ok((converted, Some((Purpose::Show(level).item(Blob::Bundle(bundle))?, checked))))
        };
        let results: Vec<Result<Items, Error>> = all.into_par_iter().map(convert).collect();
        for result in results {
            let (converted, items) = result?;
            for (channel, entry) in converted.entries {
                let entries = listing.channels.entry((converted.package.clone(), channel)).or_default();
                if entries.insert(entry.name.clone(), entry).is_some() {
                    let message = "is listed at two places, with other bundles between them".to_owned();
                    return Err(Error::Bundle { bundle: converted.name, message });
                }
            }
            if let Some((shown, checked)) = items {
                self.add(shown)?;
                slim.add(checked)?;
            }
        }
        Ok(())
    }
}

fn is_same(one: &opm_model::Bundle, other: &opm_model::Bundle) -> bool {
    one.csv_name == other.csv_name && one.package == other.package
}

impl Listing<'_> {
    fn convert(&self, places: Places) -> Result<Converted, Error> {
        let mut converted = Converted { package: String::new(), name: String::new(), blob: None, entries: Vec::new() };
        let mut last: Option<opm_model::Bundle> = None;
        for bundle in places {
            let fault = |message: String| Error::Bundle { bundle: bundle.csv_name.clone(), message };
            if !self.packages.contains_key(&bundle.package) {
                return Err(fault(format!("unknown package {:?}", bundle.package)));
            }
            if !self.channels.contains_key(&(bundle.package.clone(), bundle.channel.clone())) {
                return Err(fault(format!("unknown channel {:?} of package {:?}", bundle.channel, bundle.package)));
            }
            if bundle.properties.iter().any(|property| property.kind == property_type::DEPRECATED) {
                continue;
            }
            Version::parse(&bundle.version).map_err(|e| fault(format!("parse version {:?}: {e}", bundle.version)))?;
            // A bundle in many channels has the same properties at all of them.
            if !last.as_ref().is_some_and(|last| has_same_content(last, &bundle)) {
                let blob = match &mut converted.blob {
                    Some(blob) => blob,
                    None => converted.blob.insert(self.bundle(&bundle).map_err(fault)?),
                };
                for property in blob_properties(&bundle).map_err(fault)? {
                    if !blob.properties.contains(&property) {
                        blob.properties.push(property);
                    }
                }
            }
            let entry = ChannelEntry {
                name: bundle.csv_name.clone(),
                replaces: bundle.replaces.clone(),
                skips: bundle.skips.clone(),
                skip_range: bundle.skip_range.clone(),
            };
            converted.entries.push((bundle.channel.clone(), entry));
            last.get_or_insert(bundle);
        }
        if let Some(last) = last {
            (converted.package, converted.name) = (last.package, last.csv_name);
        }
        if let Some(blob) = &mut converted.blob {
            properties::sort(&mut blob.properties);
        }
        Ok(converted)
    }

    /// The blob of a bundle, without its properties.
    fn bundle(&self, bundle: &opm_model::Bundle) -> Result<Bundle, String> {
        let csv = Csv::parse(bundle.csv_json.as_bytes()).map_err(|e| format!("cannot read its CSV: {e}"))?;
        let mut related_images = csv.related_images();
        let mut known: BTreeSet<String> = related_images.iter().map(|related| related.image.clone()).collect();
        for image in self.images.get(&bundle.csv_name).into_iter().flatten() {
            if known.insert(image.clone()) {
                related_images.push(RelatedImage { name: String::new(), image: image.clone() });
            }
        }
        Ok(Bundle {
            name: bundle.csv_name.clone(),
            package: bundle.package.clone(),
            image: bundle.image.clone(),
            related_images,
            ..Bundle::default()
        })
    }

    /// Hands out the blobs of packages and channels.
    fn finish(self, mut add: impl FnMut(Blob) -> Result<(), Error>) -> Result<(), Error> {
        for package in self.packages.into_values() {
            add(Blob::Package(package))?;
        }
        for ((package, name), entries) in self.channels {
            let entries = Some(entries.into_values().collect());
            add(Blob::Channel(Channel { name, package, entries, ..Channel::default() }))?;
        }
        Ok(())
    }
}

fn has_same_content(one: &opm_model::Bundle, other: &opm_model::Bundle) -> bool {
    one.properties == other.properties
        && one.dependencies == other.dependencies
        && one.provided_apis == other.provided_apis
        && one.required_apis == other.required_apis
        && one.version == other.version
        && (other.objects.is_empty() || one.objects == other.objects)
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
    for property in &mut out {
        property.value = crate::raw::compact(&property.value)
            .map_err(|e| format!("property of type {:?} is not JSON: {e}", property.kind))?;
    }
    out.extend(bundle.objects.iter().map(|object| properties::object(object.as_bytes())));
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
