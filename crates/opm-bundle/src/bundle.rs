//! A whole bundle, ready to be stored.

use opm_model::{Dependency, Gvk, Property, property_type};

use crate::{Annotations, BundleError, Csv, Metadata, Object, PROPERTIES, SKIP_RANGE, SUBSTITUTES_FOR, crd, once};

/// One operator bundle with everything that a catalog keeps of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// The bundle's name: that of its CSV.
    pub name: String,
    /// The CSV's version; empty where it has none.
    pub version: String,
    /// The CSV's release; empty where it has none.
    pub release: String,
    /// The bundle that the CSV says it replaces; empty where there is none.
    pub replaces: String,
    /// The bundles that the CSV says it skips, in order.
    pub skips: Vec<String>,
    /// The range of versions that it updates directly; empty where there is none.
    pub skip_range: String,
    /// The bundle that it stands in for; empty where there is none.
    pub substitutes_for: String,
    /// Where the bundle belongs; empty for bundles of a manifests directory, whose package manifest says it.
    pub annotations: Annotations,
    /// The reference of the bundle image, exactly as it was given; empty where there is no image.
    pub image: String,
    /// The CSV: compact JSON and a newline.
    pub csv_json: Vec<u8>,
    /// All objects in order: compact JSON and a newline each.
    pub objects_json: Vec<u8>,
    /// The images that the bundle needs, itself among them; sorted.
    pub related_images: Vec<String>,
    /// What it depends on: what its metadata declare, then an `olm.gvk` for each API that its CSV requires.
    pub dependencies: Vec<Dependency>,
    /// Its properties, each once.
    pub properties: Vec<Property>,
    /// The APIs that it provides, each once.
    pub provided_apis: Vec<Gvk>,
    /// The APIs that its CSV requires, each once.
    pub required_apis: Vec<Gvk>,
}

impl Bundle {
    /// A bundle of these objects, of which exactly one is a CSV. It has no image, annotations or declared dependencies.
    ///
    /// Whether the CRDs that the CSV owns are there is not checked: see [`check_owned_crds`].
    pub fn from_objects(objects: &[&Object]) -> Result<Self, BundleError> {
        Self::assemble(objects, String::new(), Metadata::default())
    }

    /// A bundle read from the files of its `manifests/` and `metadata/`, as (name, content), in the order of their names.
    ///
    /// Of the manifests, files whose name begins with a dot are passed over, as are (with a warning) those that hold no
    /// object; of each file only the first document is used, and of several CSVs the first. `image` is the reference to
    /// remember.
    pub fn from_files<'a>(
        image: &str,
        manifests: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        metadata: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, BundleError> {
        let of = if image.is_empty() { String::new() } else { format!("{image}: ") };
        let mut objects: Vec<Object> = Vec::new();
        for (file, input) in manifests {
            if file.starts_with('.') {
                continue;
            }
            let value = match opm_document::first(input) {
                Ok(value) => value,
                Err(why) => {
                    tracing::warn!("{of}manifests/{file} is not used: {why}");
                    continue;
                }
            };
            match value.and_then(Object::from_value) {
                None => {
                    tracing::warn!("{of}manifests/{file} is not used: it holds no Kubernetes object with a kind");
                }
                Some(csv) if csv.is_csv() && objects.iter().any(Object::is_csv) => {
                    tracing::warn!("{of}manifests/{file} is not used: the bundle already has a ClusterServiceVersion");
                }
                Some(object) => objects.push(object),
            }
        }
        if objects.is_empty() {
            return Err(BundleError::NoObjects);
        }
        let objects: Vec<&Object> = objects.iter().collect();
        if !objects.iter().any(|o| o.is_csv()) {
            return Err(BundleError::NoCsv);
        }
        let mut found = Metadata::default();
        metadata.into_iter().for_each(|(_, input)| found.read(input));
        if found.annotations.is_none() {
            return Err(BundleError::NoAnnotations);
        }
        check_owned_crds(&objects)?;
        Self::assemble(&objects, image.to_owned(), found)
    }

    fn assemble(objects: &[&Object], image: String, metadata: Metadata) -> Result<Self, BundleError> {
        let mut csvs = objects.iter().filter(|o| o.is_csv());
        let object = csvs.next().filter(|o| !o.name().is_empty()).ok_or(BundleError::NoCsvName)?;
        if csvs.next().is_some() {
            return Err(BundleError::TwoCsvs(object.name().to_owned()));
        }
        let csv = Csv::new(object).ok_or(BundleError::NoCsvName)?;
        let provided_apis = provided_apis(csv, objects)?;
        let required_apis = csv.required_apis()?;
        let version = csv.version()?.to_owned();
        let release = csv.release()?;

        let mut properties = Vec::new();
        for (index, property) in metadata.properties.into_iter().enumerate() {
            properties.push(checked(property, "metadata/", index)?);
        }
        if let Some(annotations) = &metadata.annotations {
            properties.push(package_property(&annotations.package, &version, &release));
        }
        let annotation = csv.annotation(PROPERTIES)?;
        if !annotation.is_empty() {
            let fault = |source| BundleError::PropertiesAnnotation { csv: csv.name().to_owned(), source };
            let list: Vec<Property> = serde_json::from_str(annotation).map_err(fault)?;
            for (index, property) in list.into_iter().enumerate() {
                let origin = format!("CSV {}, annotation {PROPERTIES}", csv.name());
                properties.push(checked(property, &origin, index)?);
            }
        }
        properties.extend(provided_apis.iter().map(gvk_property));

        let mut dependencies = metadata.dependencies;
        dependencies.extend(required_apis.iter().map(gvk_property));

        let mut related_images = csv.images()?;
        if !image.is_empty() {
            related_images.push(image.clone());
        }
        related_images.sort_unstable();
        related_images.dedup();

        Ok(Self {
            name: csv.name().to_owned(),
            replaces: csv.replaces()?.to_owned(),
            skips: csv.skips()?.into_iter().map(str::to_owned).collect(),
            skip_range: csv.annotation(SKIP_RANGE)?.to_owned(),
            substitutes_for: csv.annotation(SUBSTITUTES_FOR)?.to_owned(),
            version,
            release,
            annotations: metadata.annotations.unwrap_or_default(),
            image,
            csv_json: object.json().to_vec(),
            objects_json: objects.iter().flat_map(|o| o.json()).copied().collect(),
            related_images,
            dependencies,
            properties: once(properties),
            provided_apis,
            required_apis,
        })
    }
}

/// Checks that each CRD which the CSV among `objects` owns is there, with the same group, version, kind and plural.
pub fn check_owned_crds(objects: &[&Object]) -> Result<(), BundleError> {
    let Some(csv) = objects.iter().find_map(|o| Csv::new(o)) else { return Ok(()) };
    let check = || {
        let provided = provided_apis(csv, objects)?;
        match csv.owned_crds()?.into_iter().find(|owned| !provided.contains(owned)) {
            None => Ok(()),
            Some(missing) => Err(BundleError::OwnedCrd {
                gvk: missing.to_string(),
                plural: missing.plural,
                found: provided.iter().map(|api| format!("{api} ({})", api.plural)).collect(),
            }),
        }
    };
    check().map_err(|source| BundleError::ProvidedApis { bundle: csv.name().to_owned(), source: Box::new(source) })
}

/// The APIs of all CRDs, then those of the API services that the CSV owns.
fn provided_apis(csv: Csv<'_>, objects: &[&Object]) -> Result<Vec<Gvk>, BundleError> {
    let mut apis = Vec::new();
    for object in objects {
        apis.extend(crd::provided(object)?);
    }
    apis.extend(csv.owned_api_services()?);
    Ok(once(apis))
}

/// The property with its value in canonical spacing and escapes, where its type and value fit each other.
fn checked(property: Property, origin: &str, index: usize) -> Result<Property, BundleError> {
    let fault =
        |why: String| BundleError::Property { origin: origin.to_owned(), index, kind: property.kind.clone(), why };
    let fields: &[&str] = match property.kind.as_str() {
        property_type::GVK => &["group", "kind", "version"],
        property_type::PACKAGE => &["packageName", "version"],
        property_type::LABEL => &["label"],
        _ => &[],
    };
    let value = opm_document::json::compact(&property.value).map_err(|e| fault(e.to_string()))?;
    if !fields.is_empty() {
        let decoded: serde_json::Value = serde_json::from_str(&value).map_err(|e| fault(e.to_string()))?;
        let Some(object) = decoded.as_object() else {
            return Err(fault("its value must be an object".to_owned()));
        };
        let is_text = |field: &&&str| object.get(**field).is_none_or(|v| v.is_string() || v.is_null());
        if let Some(field) = fields.iter().find(|f| !is_text(f)) {
            return Err(fault(format!("its field {field} must be a string")));
        }
    }
    Ok(Property { value, kind: property.kind })
}

/// JSON text of an object whose values are all strings, in this order of keys.
fn object_text(fields: &[(&str, &str)]) -> String {
    let pair = |(key, value): &(&str, &str)| {
        format!("\"{key}\":{}", opm_document::json::to_string(&serde_json::Value::String((*value).to_owned())))
    };
    format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// The `olm.gvk` property of an API.
fn gvk_property(api: &Gvk) -> Property {
    let fields = [("group", api.group.as_str()), ("kind", &api.kind), ("version", &api.version)];
    Property::new(property_type::GVK, object_text(&fields))
}

/// The `olm.package` property of a version (and release, where there is one) of a package.
fn package_property(package: &str, version: &str, release: &str) -> Property {
    let fields = [("packageName", package), ("version", version), ("release", release)];
    let count = if release.is_empty() { 2 } else { 3 };
    Property::new(property_type::PACKAGE, object_text(&fields[..count]))
}
