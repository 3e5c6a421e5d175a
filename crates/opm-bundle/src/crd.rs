//! What a CustomResourceDefinition provides.

use opm_model::Gvk;

use crate::{BundleError, Object};

const CRD_KIND: &str = "CustomResourceDefinition";

/// The APIs that a CRD of `apiextensions.k8s.io/v1` or `v1beta1` provides, served or not; none for any other object.
pub(crate) fn provided(object: &Object) -> Result<Vec<Gvk>, BundleError> {
    let is_v1beta1 = match object.api_version() {
        "apiextensions.k8s.io/v1" => false,
        "apiextensions.k8s.io/v1beta1" => true,
        _ => return Ok(Vec::new()),
    };
    if object.kind() != CRD_KIND {
        return Ok(Vec::new());
    }
    let spec = object.at("spec")?;
    let names = spec.object("names")?;
    let (group, kind, plural) = (spec.string("group")?, names.string("kind")?, names.string("plural")?);
    let mut versions = Vec::new();
    for version in spec.objects("versions")? {
        versions.push(version.string("name")?);
    }
    if is_v1beta1 && !spec.string("version")?.is_empty() {
        versions.push(spec.string("version")?);
    }
    let of = |version| Gvk { plural: plural.to_owned(), ..Gvk::new(group, version, kind) };
    Ok(crate::once(versions.into_iter().map(of).collect()))
}
