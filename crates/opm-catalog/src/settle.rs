use opm_document::sort;

use crate::blob::{Bundle, Catalog, property_type};

impl Catalog {
    /// Gives bundles the form in which `opm render` shows them: properties that hold manifests or the metadata of the
    /// CSV come after all others, and related images are sorted by their references.
    pub fn settle(&mut self) {
        self.bundles.iter_mut().for_each(Bundle::settle);
    }
}

impl Bundle {
    /// See [`Catalog::settle`].
    pub fn settle(&mut self) {
        let is_large = |kind: &str| matches!(kind, property_type::BUNDLE_OBJECT | property_type::CSV_METADATA);
        self.properties.sort_by_key(|property| is_large(&property.kind));
        sort::sort(&mut self.related_images, |a, b| a.image < b.image);
    }
}
