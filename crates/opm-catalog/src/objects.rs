//! The manifests that a bundle carries in its `olm.bundle.object` properties.

use std::borrow::Cow;

use opm_document::{Value, json, yaml};
use serde_json::value::RawValue;

use crate::blob::{Bundle, property_type};
use crate::decode::{base64, is_base64_of};
use crate::fields::{Fault, Read};

impl Bundle {
    /// The manifests that the catalog holds of the bundle, as JSON, in the order of the properties. Those that are not
    /// readable are left out; a bundle that was loaded has none such.
    pub fn objects(&self) -> Vec<Vec<u8>> {
        self.object_properties().filter_map(|(_, value)| object(value).ok().flatten()).collect()
    }

    /// The CSV among [`Bundle::objects`], as JSON.
    pub fn csv_json(&self) -> Option<Vec<u8>> {
        self.objects().into_iter().find(|object| kind(object).as_deref() == Some("ClusterServiceVersion"))
    }

    fn object_properties(&self) -> impl Iterator<Item = (usize, &str)> {
        let objects = self.properties.iter().enumerate().filter(|(_, p)| p.kind == property_type::BUNDLE_OBJECT);
        objects.map(|(index, property)| (index, property.value.as_str()))
    }
}

/// Checks that all manifests of the bundle can be read.
pub(crate) fn check(bundle: &Bundle) -> Read<()> {
    for (index, value) in bundle.object_properties() {
        if is_json_object(value) {
            continue;
        }
        object(value).map_err(|why| {
            Fault::new(format!(
                "read bundle objects: package {:?}, bundle {:?}: property at index {index} is no bundle object: {why}",
                bundle.package, bundle.name
            ))
        })?;
    }
    Ok(())
}

/// A quick test that nearly all values pass: there are data, and they begin as JSON does.
fn is_json_object(value: &str) -> bool {
    let data = value.strip_prefix("{\"data\":\"").and_then(|rest| rest.strip_suffix("\"}"));
    data.is_some_and(|data| is_base64_of(b'{', data))
}

#[derive(Default, serde::Deserialize)]
struct ObjectValue<'a> {
    #[serde(borrow, default)]
    data: Option<Cow<'a, str>>,
}

/// The manifest in the value of an `olm.bundle.object` property; `None` where that has no data.
fn object(value: &str) -> Result<Option<Vec<u8>>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let value: ObjectValue<'_> = crate::raw::typed(value)?;
    let Some(data) = value.data else { return Ok(None) };
    let data = base64(&data).map_err(|e| format!("its data are not base64: {e}"))?;
    if data.trim_ascii_start().first() == Some(&b'{') {
        return Ok(Some(data));
    }
    let value = yaml::parse(&data).map_err(|e| format!("its data are neither JSON nor YAML: {e}"))?;
    Ok(Some(json::to_string(&value).into_bytes()))
}

/// The kind of a Kubernetes object.
fn kind(object: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        kind: &'a RawValue,
    }
    if let Ok(Kind { kind }) = serde_json::from_slice(object) {
        return serde_json::from_str(kind.get()).ok().map(Cow::Owned::<str>);
    }
    match json::parse(object).ok()?.get_mut("kind").map(Value::take) {
        Some(Value::String(kind)) => Some(Cow::Owned(kind)),
        _ => None,
    }
}
