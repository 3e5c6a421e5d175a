//! What a ClusterServiceVersion says about its bundle.

use opm_model::Gvk;
use serde_json::Value;

use crate::object::Fields;
use crate::{BundleError, Object, deployment};

/// The annotation that holds the range of versions that a bundle updates directly.
pub const SKIP_RANGE: &str = "olm.skipRange";
/// The annotation that names the bundle which this one stands in for.
pub const SUBSTITUTES_FOR: &str = "olm.substitutesFor";
/// The annotation that holds further properties, as a JSON list.
pub const PROPERTIES: &str = "olm.properties";

/// Typed access to a ClusterServiceVersion (`operators.coreos.com/v1alpha1`).
#[derive(Clone, Copy, Debug)]
pub struct Csv<'a>(&'a Object);

/// One CRD or API service that a CSV owns or requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiDescription<'a> {
    pub(crate) name: &'a str,
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
}

impl<'a> Csv<'a> {
    /// The object as a CSV; `None` where it is of another kind.
    pub fn new(object: &'a Object) -> Option<Self> {
        object.is_csv().then_some(Self(object))
    }

    /// The CSV's name, which is the bundle's name.
    pub fn name(self) -> &'a str {
        self.0.name()
    }

    /// `spec.version`; empty where it is absent.
    pub fn version(self) -> Result<&'a str, BundleError> {
        self.0.at("spec")?.string("version")
    }

    /// `spec.release` as text: a string, or a whole number; empty where it is absent.
    pub fn release(self) -> Result<String, BundleError> {
        let spec = self.0.at("spec")?;
        match spec.get("release") {
            None => Ok(String::new()),
            Some(Value::String(s)) => Ok(s.clone()),
            Some(n @ Value::Number(_)) => Ok(opm_document::json::to_string(n)),
            Some(other) => Err(spec.fault("release", "a string or a number", other)),
        }
    }

    /// `spec.replaces`; empty where it is absent.
    pub fn replaces(self) -> Result<&'a str, BundleError> {
        self.0.at("spec")?.string("replaces")
    }

    /// `spec.skips`, in order.
    pub fn skips(self) -> Result<Vec<&'a str>, BundleError> {
        self.0.at("spec")?.strings("skips")
    }

    /// The value of an annotation; empty where it is absent.
    pub fn annotation(self, key: &str) -> Result<&'a str, BundleError> {
        let all = self.0.at("metadata.annotations")?.string_map()?;
        Ok(all.into_iter().find(|(k, _)| *k == key).map_or("", |(_, v)| v))
    }

    fn described(self, section: &'static str, list: &str) -> Result<Vec<ApiDescription<'a>>, BundleError> {
        let of = |f: Fields<'a>| {
            Ok(ApiDescription {
                name: f.string("name")?,
                group: f.string("group")?,
                version: f.string("version")?,
                kind: f.string("kind")?,
            })
        };
        self.0.at(section)?.objects(list)?.into_iter().map(of).collect()
    }

    /// The APIs of the CRDs in `spec.customresourcedefinitions.LIST`; group and plural come from the CRD's name.
    fn crds(self, list: &str) -> Result<Vec<Gvk>, BundleError> {
        let all = self.described("spec.customresourcedefinitions", list)?;
        all.into_iter()
            .map(|d| {
                let (plural, group) = d
                    .name
                    .split_once('.')
                    .ok_or_else(|| BundleError::CrdName { csv: self.name().to_owned(), crd: d.name.to_owned() })?;
                Ok(Gvk { plural: plural.to_owned(), ..Gvk::new(group, d.version, d.kind) })
            })
            .collect()
    }

    /// The APIs of the services in `spec.apiservicedefinitions.LIST`; the plural is the description's name.
    fn api_services(self, list: &str) -> Result<Vec<Gvk>, BundleError> {
        let all = self.described("spec.apiservicedefinitions", list)?;
        Ok(all.into_iter().map(|d| Gvk { plural: d.name.to_owned(), ..Gvk::new(d.group, d.version, d.kind) }).collect())
    }

    /// The APIs of the CRDs that the CSV says it owns.
    pub fn owned_crds(self) -> Result<Vec<Gvk>, BundleError> {
        self.crds("owned")
    }

    /// The APIs of the API services that the CSV says it owns.
    pub fn owned_api_services(self) -> Result<Vec<Gvk>, BundleError> {
        self.api_services("owned")
    }

    /// The APIs that the bundle requires: of CRDs, then of API services; each once.
    pub fn required_apis(self) -> Result<Vec<Gvk>, BundleError> {
        let mut apis = self.crds("required")?;
        apis.extend(self.api_services("required")?);
        Ok(crate::once(apis))
    }

    /// The images that the bundle needs at run time: those of its deployments, then `spec.relatedImages`; each once.
    pub fn images(self) -> Result<Vec<String>, BundleError> {
        let install = self.0.at("spec.install")?;
        let mut images = Vec::new();
        if install.string("strategy")? == "deployment" {
            images = deployment::images(&install.object("spec")?)?;
        }
        for related in self.0.at("spec")?.objects("relatedImages")? {
            images.push(related.string("image")?.to_owned());
        }
        Ok(crate::once(images))
    }
}
