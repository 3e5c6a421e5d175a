//! From a ConfigMap to the catalog that it holds: three lists, each in one text.

use std::collections::BTreeMap;

use opm_bundle::{Bundle, Csv, Object};
use opm_model::{Gvk, PackageManifest};
use serde_json::{Map, Value, json};

use crate::typed::{CRD, METADATA, TypeError, round_trip};
use crate::{Content, ContentError};

/// The most bytes that the texts may have together. A cluster keeps some one and a half megabytes at most.
const LARGEST: usize = 16 << 20;

const CRDS: &str = "customResourceDefinitions";
const CSVS: &str = "clusterServiceVersions";
const PACKAGES: &str = "packages";

/// What a ConfigMap holds that is the source of a catalog.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The bundles, one for each CSV, in the order of the ConfigMap. Their objects are the CSV, then the CRDs that it owns.
    pub bundles: Vec<Bundle>,
    /// The packages, in the order of the ConfigMap.
    pub packages: Vec<PackageManifest>,
}

impl Catalog {
    /// Reads a catalog out of `data`: the keys `customResourceDefinitions`, `clusterServiceVersions` and `packages`, which must be
    /// there, and each of which is a list in YAML or JSON.
    ///
    /// CRDs are read as `apiextensions.k8s.io/v1beta1`, and fields that this version does not know are lost; of CSVs
    /// only type, metadata and `spec` are kept. Whatever is wrong is found at once, and what is right is there all the same: a CSV
    /// also without the CRDs that are missing. A list that cannot be read ends the reading.
    pub fn read(content: &Content) -> (Self, Vec<ContentError>) {
        let mut catalog = Self::default();
        let mut faults = Vec::new();
        if let Err(fault) = catalog.fill(content, &mut faults) {
            faults.push(fault);
        }
        (catalog, faults)
    }

    fn fill(&mut self, content: &Content, faults: &mut Vec<ContentError>) -> Result<(), ContentError> {
        let size = content.size();
        if size > LARGEST {
            return Err(ContentError::TooLarge { size, limit: LARGEST });
        }
        let crds = Crds::read(&list(content, CRDS)?, faults)?;
        for (index, entry) in list(content, CSVS)?.into_iter().enumerate() {
            let csv = csv(entry).map_err(|error| parsing("CSV", error.below(format_args!("[{index}]"))))?;
            let kind = csv.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(csv) = Object::from_value(csv).filter(Object::is_csv) {
                self.bundles.extend(bundle(&csv, &crds, faults));
            } else {
                faults.push(ContentError::NotACsv { index, kind });
            }
        }
        for (index, entry) in list(content, PACKAGES)?.into_iter().enumerate() {
            let manifest = PackageManifest::from_value(&entry);
            let manifest = manifest.map_err(|source| ContentError::Package { index, source })?;
            if manifest.package.is_empty() {
                faults.push(ContentError::NoPackageName(index));
            } else {
                self.packages.push(manifest);
            }
        }
        Ok(())
    }
}

fn parsing(what: &'static str, source: TypeError) -> ContentError {
    ContentError::Type { what, source }
}

/// The list under a key; an empty text is an empty list.
fn list(content: &Content, key: &'static str) -> Result<Vec<Value>, ContentError> {
    let what = match key {
        CRDS => "CRD",
        CSVS => "CSV",
        _ => "package",
    };
    let text = content.data.get(key).ok_or(ContentError::NoKey(key))?;
    let value = opm_document::first(text.as_bytes()).map_err(|source| match key {
        CRDS => ContentError::CrdSyntax(source),
        _ => ContentError::Syntax { what, source },
    })?;
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(parsing(what, TypeError::new("a list", &other))),
    }
}

/// The CRDs of the ConfigMap by what they define.
struct Crds(BTreeMap<Gvk, usize>, Vec<Object>);

impl Crds {
    fn read(entries: &[Value], faults: &mut Vec<ContentError>) -> Result<Self, ContentError> {
        let mut crds = Self(BTreeMap::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let mut crd = round_trip(entry.clone(), &CRD)
                .map_err(|error| parsing("CRD", error.below(format_args!("[{index}]"))))?;
            let text = |at: &str| crd.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (group, kind, plural) = (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"));
            let version = text("/spec/version");
            // An empty list is a list, and only where there is none is the version looked at.
            let has_versions = entry.pointer("/spec/versions").is_some_and(|versions| !versions.is_null());
            if !has_versions && !version.is_empty() {
                crd["spec"]["versions"] = json!([{"name": version, "served": true, "storage": true}]);
            }
            let versions: Vec<String> = crd
                .pointer("/spec/versions")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|version| Some(version.get("name")?.as_str()?.to_owned()))
                .collect();
            let Some(object) = Object::from_value(crd) else { continue };
            for version in versions {
                let gvk = Gvk { plural: plural.clone(), ..Gvk::new(group.clone(), version, kind.clone()) };
                if crds.0.contains_key(&gvk) {
                    faults.push(ContentError::CrdTwice(described(&gvk)));
                } else {
                    crds.0.insert(gvk, crds.1.len());
                }
            }
            crds.1.push(object);
        }
        Ok(crds)
    }

    fn get(&self, gvk: &Gvk) -> Option<&Object> {
        self.1.get(*self.0.get(gvk)?)
    }
}

fn described(gvk: &Gvk) -> String {
    format!("{gvk} ({})", gvk.plural)
}

/// What is kept of a CSV.
fn csv(entry: Value) -> Result<Value, TypeError> {
    let mut fields = match entry {
        Value::Null => Map::new(),
        Value::Object(fields) => fields,
        other => return Err(TypeError::new("an object", &other)),
    };
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let mut csv = Map::new();
    for name in ["apiVersion", "kind"] {
        match take(name) {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            text @ Value::String(_) => drop(csv.insert(name.to_owned(), text)),
            other => return Err(TypeError::new("a string", &other).below(format_args!(".{name}"))),
        }
    }
    let metadata = round_trip(take("metadata"), &METADATA).map_err(|error| error.below(".metadata"))?;
    csv.insert("metadata".to_owned(), metadata);
    csv.insert("spec".to_owned(), take("spec"));
    Ok(Value::Object(csv))
}

/// The bundle of a CSV and the CRDs that it owns, in its order.
fn bundle(csv: &Object, crds: &Crds, faults: &mut Vec<ContentError>) -> Option<Bundle> {
    let fault = |source| ContentError::Bundle { csv: csv.name().to_owned(), source };
    let owned = match Csv::new(csv)?.owned_crds() {
        Ok(owned) => owned,
        Err(source) => {
            faults.push(fault(source));
            Vec::new()
        }
    };
    let mut objects = vec![csv];
    for gvk in owned {
        match crds.get(&gvk) {
            Some(crd) => objects.push(crd),
            None => faults.push(ContentError::NoOwnedCrd { csv: csv.name().to_owned(), gvk: described(&gvk) }),
        }
    }
    Bundle::from_objects(&objects).map_err(|source| faults.push(fault(source))).ok()
}
