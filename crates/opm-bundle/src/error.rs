//! What can be wrong with a bundle.

/// Why a bundle, or a file of one, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A field of a manifest has another type than its kind says.
    #[error("{kind} {name}: field {field} must be {expected}, not {found}")]
    Field {
        /// The kind of the manifest.
        kind: String,
        /// Its name.
        name: String,
        /// The path of the field within it.
        field: String,
        /// What the field should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The name of a required or owned CRD has no group.
    #[error("couldn't parse plural.group from crd name: {crd} (CSV {csv}): write it as PLURAL.GROUP")]
    CrdName {
        /// The CSV.
        csv: String,
        /// The name as the CSV gives it.
        crd: String,
    },
    /// The CSV owns a CRD that is not among the manifests.
    #[error("couldn't find {gvk} ({plural}) in bundle. found: {}", if found.is_empty() { "no CRDs".to_owned() } else { found.join(", ") })]
    OwnedCrd {
        /// Group, version and kind of the API.
        gvk: String,
        /// The plural of its resource.
        plural: String,
        /// The APIs that the manifests do provide.
        found: Vec<String>,
    },
    /// The owned CRDs of a bundle cannot be checked, or are not all there.
    #[error("error checking provided apis in bundle {bundle}")]
    ProvidedApis {
        /// The bundle's name.
        bundle: String,
        /// What is missing.
        source: Box<BundleError>,
    },
    /// The manifests hold no readable object.
    #[error(
        "no bundle objects found in manifests/: it needs a ClusterServiceVersion and, where it owns any, its CRDs, as YAML or JSON"
    )]
    NoObjects,
    /// The manifests hold no CSV.
    #[error("no csv in bundle: manifests/ has no object of kind ClusterServiceVersion")]
    NoCsv,
    /// There is no CSV among the objects to store, or it has no name.
    #[error("csv name not found")]
    NoCsvName,
    /// More than one CSV would be stored for one bundle.
    #[error("unable to serialize the bundle : two csvs found in one bundle (both named {0}): remove one of the copies")]
    TwoCsvs(String),
    /// The metadata hold no annotations.
    #[error("Could not find annotations file: metadata/ needs a file with the bundle's annotations")]
    NoAnnotations,
    /// A property cannot be understood.
    #[error("{origin}: property {index} of type {kind:?}: {why}")]
    Property {
        /// The file or annotation that it comes from.
        origin: String,
        /// Its number, from 0.
        index: usize,
        /// Its type.
        kind: String,
        /// What is wrong with its value.
        why: String,
    },
    /// An annotation that should hold a list of properties does not.
    #[error("CSV {csv}: annotation olm.properties is not a JSON list of properties")]
    PropertiesAnnotation {
        /// The CSV.
        csv: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A generated file cannot hold a value.
    #[error("cannot write {what}: {why}")]
    Unwritable {
        /// What cannot be written.
        what: &'static str,
        /// Why not.
        why: String,
    },
}
