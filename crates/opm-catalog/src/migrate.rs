//! Migrations: catalogs in older forms to newer ones.

use crate::Error;
use crate::blob::{Bundle, Catalog, property_type};
use crate::csv_metadata::CsvMetadata;
use crate::properties::Property;

/// How far a catalog is migrated: by all steps up to and including this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is changed.
    #[default]
    None,
    /// Manifests of bundles that have an image give way to the metadata of their CSVs.
    BundleObjectToCsvMetadata,
}

impl Level {
    /// The last level.
    pub const ALL: Self = Self::BundleObjectToCsvMetadata;

    /// All levels by their names, in order.
    pub const NAMES: [(&'static str, Self); 2] =
        [("none", Self::None), ("bundle-object-to-csv-metadata", Self::BundleObjectToCsvMetadata)];
}

impl std::str::FromStr for Level {
    type Err = Error;

    /// The level of this name; `all` is the last one, and the empty name the first.
    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "" => Ok(Self::None),
            "all" => Ok(Self::ALL),
            _ => Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, level)| level).ok_or_else(|| {
                let names = Self::NAMES.map(|(name, _)| name).join(", ");
                Error::Usage(format!("unknown migration level {name:?}, expected one of {names} or all"))
            }),
        }
    }
}

/// Migrates a catalog.
pub fn migrate(catalog: &mut Catalog, level: Level) -> Result<(), Error> {
    catalog.bundles.iter_mut().try_for_each(|bundle| migrate_bundle(bundle, level))
}

/// Migrates a bundle.
pub(crate) fn migrate_bundle(bundle: &mut Bundle, level: Level) -> Result<(), Error> {
    if level < Level::BundleObjectToCsvMetadata { Ok(()) } else { objects_to_metadata(bundle) }
}

fn objects_to_metadata(bundle: &mut Bundle) -> Result<(), Error> {
    let has_metadata = bundle.properties.iter().any(|p| p.kind == property_type::CSV_METADATA);
    if bundle.image.is_empty() || has_metadata {
        return Ok(());
    }
    let Some(csv) = bundle.csv_json() else { return Ok(()) };
    let fault = |why| Error::Bundle { bundle: bundle.name.clone(), message: format!("migrate its CSV: {why}") };
    let metadata = CsvMetadata::of_csv(&csv).map_err(fault)?;
    let mut value = Vec::new();
    opm_document::json::serialize(&metadata, &mut value).map_err(|e| fault(e.to_string()))?;
    let value = crate::raw::compact(&crate::raw::into_text(value)).map_err(fault)?;
    bundle.properties.retain(|property| property.kind != property_type::BUNDLE_OBJECT);
    bundle.properties.push(Property::new(property_type::CSV_METADATA, value));
    Ok(())
}
