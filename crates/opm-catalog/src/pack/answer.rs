//! What a catalog says of a package and of its bundles, as clients see it.

use std::collections::BTreeMap;

use opm_document::{Value, json};
use opm_model::{Bundle as Answer, Dependency, Gvk, Property, Version};
use serde_json::value::RawValue;

use super::csv;
use super::draft::{ChannelDraft, EntryDraft, PackageDraft};
use crate::blob::{
    Bundle, Catalog, Channel, ChannelEntry, Deprecation, DeprecationEntry, Package, property_type, schema,
};
use crate::csv_metadata::CsvMetadata;
use crate::properties::PackageValue;
use crate::{raw, validate};

/// A bundle, and where it is.
pub(super) struct Placed<'a> {
    /// Its blob, of which the content may be missing.
    pub(super) bundle: &'a Bundle,
    /// Its channels, by number, and its entries there.
    pub(super) entries: Vec<(usize, &'a ChannelEntry)>,
    deprecation: Option<&'a str>,
}

/// What a bundle's answers have in common.
pub(super) struct Common {
    pub(super) answer: Answer,
    /// Whether the CSV is made of metadata.
    pub(super) is_synthetic: bool,
}

/// A valid package with all that belongs to it.
pub(super) struct Whole<'a> {
    package: &'a Package,
    /// The channels by name.
    pub(super) channels: Vec<&'a Channel>,
    /// The bundles by name.
    pub(super) bundles: Vec<Placed<'a>>,
    deprecations: &'a [DeprecationEntry],
}

impl<'a> Whole<'a> {
    /// The one package of a catalog that holds nothing else and is valid; `None` if it holds none.
    pub(super) fn of(catalog: &'a Catalog) -> Option<Self> {
        let package = catalog.packages.first()?;
        let deprecations = catalog.deprecations.first().map(Deprecation::entries).unwrap_or_default();
        let mut channels: Vec<&Channel> = catalog.channels.iter().collect();
        channels.sort_by(|a, b| a.name.cmp(&b.name));
        let mut entries: BTreeMap<&str, Vec<(usize, &ChannelEntry)>> = BTreeMap::new();
        for (number, channel) in channels.iter().enumerate() {
            for entry in channel.entries() {
                entries.entry(&entry.name).or_default().push((number, entry));
            }
        }
        let mut bundles: Vec<Placed<'_>> = Vec::with_capacity(catalog.bundles.len());
        for bundle in &catalog.bundles {
            let entries = entries.remove(bundle.name.as_str()).unwrap_or_default();
            let deprecation = find(deprecations, schema::BUNDLE, &bundle.name);
            bundles.push(Placed { bundle, entries, deprecation });
        }
        bundles.sort_by(|a, b| a.bundle.name.cmp(&b.bundle.name));
        Some(Self { package, channels, bundles, deprecations })
    }

    /// What the graph keeps of the package.
    pub(super) fn draft(&self) -> PackageDraft {
        let why = |schema: &str, name: &str| find(self.deprecations, schema, name).map(str::to_owned);
        let entry = |entry: &ChannelEntry| EntryDraft {
            name: entry.name.clone(),
            replaces: entry.replaces.clone(),
            skips: entry.skips.clone(),
        };
        let channel = |channel: &&Channel| {
            let entries = validate::by_name(channel);
            ChannelDraft {
                name: channel.name.clone(),
                head: validate::head(&entries).map(|head| head.name.clone()).unwrap_or_default(),
                deprecation: why(schema::CHANNEL, &channel.name),
                entries: channel.entries().iter().map(entry).collect(),
            }
        };
        PackageDraft {
            name: self.package.name.clone(),
            default_channel: self.package.default_channel.clone(),
            deprecation: why(schema::PACKAGE, ""),
            channels: self.channels.iter().map(channel).collect(),
        }
    }

    /// What a bundle's answers have in common wherever it is: all but the channel and its entry there. `bundle`
    /// is its blob with all content.
    pub(super) fn answer(&self, placed: &Placed<'_>, bundle: &Bundle) -> Result<Common, String> {
        let mut objects = Vec::new();
        for (index, object) in bundle.objects().into_iter().enumerate() {
            objects.push(String::from_utf8(object).map_err(|_| format!("manifest {index} is not UTF-8"))?);
        }
        let mut csv_json = objects.iter().find(|object| is_csv(object)).cloned().unwrap_or_default();
        let of_kind = |kind| bundle.properties.iter().filter(move |property| property.kind == kind);
        let package = of_kind(property_type::PACKAGE).next().map(|p| raw::typed::<PackageValue>(&p.value));
        let version = package.transpose()?.unwrap_or_default().version;
        let metadata: Vec<&Property> = of_kind(property_type::CSV_METADATA).collect();
        let mut is_synthetic = false;
        if csv_json.is_empty()
            && let [metadata] = metadata[..]
        {
            let metadata: CsvMetadata = raw::typed(&metadata.value)?;
            let version = Version::parse(&version).map_err(|error| error.to_string())?;
            is_synthetic = true;
            csv_json = csv::synthesize(self.package, bundle, &version, &metadata)?;
            if objects.is_empty() {
                objects.push(csv_json.clone());
            }
        }
        let answer = Answer {
            csv_name: bundle.name.clone(),
            package: self.package.name.clone(),
            csv_json,
            objects,
            image: bundle.image.clone(),
            provided_apis: apis(of_kind(property_type::GVK))?,
            required_apis: apis(of_kind(property_type::GVK_REQUIRED))?,
            version,
            dependencies: dependencies(&bundle.properties)?,
            properties: bundle.properties.iter().filter(|property| is_served(property)).cloned().collect(),
            deprecation: placed.deprecation.map(str::to_owned),
            ..Answer::default()
        };
        Ok(Common { answer, is_synthetic })
    }
}

/// Why something is deprecated.
fn find<'a>(deprecations: &'a [DeprecationEntry], schema: &str, name: &str) -> Option<&'a str> {
    let entry = deprecations.iter().find(|entry| entry.schema == schema && entry.name == name)?;
    Some(&entry.message)
}

/// Properties that hold content are served as that.
fn is_served(property: &Property) -> bool {
    !matches!(property.kind.as_str(), property_type::BUNDLE_OBJECT | property_type::CSV_METADATA)
}

fn apis<'a>(properties: impl Iterator<Item = &'a Property>) -> Result<Vec<Gvk>, String> {
    properties.map(|property| raw::typed(&property.value)).collect()
}

/// The properties that say what the bundle needs, in the form that dependencies once had.
fn dependencies(properties: &[Property]) -> Result<Vec<Dependency>, String> {
    let mut dependencies = Vec::new();
    for property in properties {
        match property.kind.as_str() {
            property_type::GVK_REQUIRED => {
                dependencies.push(Dependency::new(property_type::GVK, property.value.clone()));
            }
            property_type::PACKAGE_REQUIRED => {
                let required: PackageRequired = raw::typed(&property.value)?;
                let fields = [("packageName", required.package_name.as_str()), ("version", &required.version_range)];
                dependencies.push(Dependency::new(property_type::PACKAGE, raw::object(&fields)));
            }
            _ => {}
        }
    }
    Ok(dependencies)
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PackageRequired {
    #[serde(deserialize_with = "crate::properties::null_as_default")]
    package_name: String,
    #[serde(deserialize_with = "crate::properties::null_as_default")]
    version_range: String,
}

/// Whether a manifest is a ClusterServiceVersion.
fn is_csv(object: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        kind: &'a RawValue,
    }
    const CSV: &str = "ClusterServiceVersion";
    // Most manifests need no closer look. A letter of the kind may be escaped.
    let finds = |needle: &str| memchr::memmem::find(object.as_bytes(), needle.as_bytes()).is_some();
    if !finds(CSV) && !finds("\\u") {
        return false;
    }
    if let Ok(Kind { kind }) = serde_json::from_str(object) {
        return serde_json::from_str::<String>(kind.get()).is_ok_and(|kind| kind == CSV);
    }
    let value = json::parse(object.as_bytes()).ok();
    value.is_some_and(|value| value.get("kind").and_then(Value::as_str) == Some(CSV))
}
