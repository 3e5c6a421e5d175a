//! The form of an archive that holds one file: manifests in lists, as the ConfigMaps of old had them.

use opm_document::{Value, json};

use crate::organisation::is_component;
use crate::{AppRegistryError, Files};

/// The lists: under which key, and what a manifest in it is called.
const CRDS: &str = "customResourceDefinitions";
const CSVS: &str = "clusterServiceVersions";
const PACKAGES: &str = "packages";

/// The manifests in a file of that form, by paths below a directory of the name of its first package; `None` if it has another
/// form.
pub(crate) fn split(path: &str, content: &[u8]) -> Result<Option<Files>, AppRegistryError> {
    // Whether it can be read at all, those find out who know what else it may be.
    let Ok(Some(file)) = opm_document::first(content) else { return Ok(None) };
    let Some(data) = file.get("data").filter(|data| [CRDS, CSVS, PACKAGES].iter().any(|key| data.get(key).is_some()))
    else {
        return Ok(None);
    };
    let bad = |why: String| AppRegistryError::Flattened { path: path.to_owned(), why };
    let list = |key| list(data, key).map_err(|why| bad(format!("data.{key}: {why}")));
    let packages = list(PACKAGES)?;
    let mut draft = Draft::default();
    for package in &packages {
        draft.add(text(package, "/packageName"), "package.yaml", package);
    }
    for csv in list(CSVS)? {
        draft.add(text(&csv, "/metadata/name"), "clusterserviceversion.yaml", &csv);
    }
    for crd in list(CRDS)? {
        let version = text(&crd, "/spec/version").or_else(|| text(&crd, "/spec/versions/0/name"));
        let name = text(&crd, "/spec/names/kind").zip(version).map(|(kind, version)| format!("{kind}-{version}"));
        draft.add(name.as_deref(), "crd.yaml", &crd);
    }
    let Some(first) = packages.first() else { return Err(bad("no packages found".to_owned())) };
    match text(first, "/packageName") {
        Some(name) if is_component(name) => Ok(Some(draft.below(name))),
        Some(name) => Err(bad(format!("{name:?} cannot be the name of a package"))),
        None => Err(bad(format!("data.{PACKAGES}: the first package has no packageName"))),
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The list under a key: as such, or as a text of YAML. None and an empty one are the same.
fn list(data: &Value, key: &str) -> Result<Vec<Value>, String> {
    let value = match data.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            opm_document::first(text.as_bytes()).map_err(|error| error.to_string())?.unwrap_or(Value::Null)
        }
        Some(other) => other.clone(),
    };
    match value {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        _ => Err("expected a list".to_owned()),
    }
}

/// Manifests on their way to being files.
#[derive(Default)]
struct Draft(Files);

impl Draft {
    /// Adds a manifest as `NAME.KIND`. Where that is taken by another, or nothing can have that name, it gets a number.
    fn add(&mut self, name: Option<&str>, kind: &str, manifest: &Value) {
        let content = json::to_string(manifest).into_bytes();
        let name = name.filter(|name| is_component(name) && name.len() < 200 && !name.starts_with('.'));
        let name = name.unwrap_or("unnamed");
        let mut path = format!("{name}.{kind}");
        let mut number = 1;
        while self.0.get(&path).is_some_and(|there| *there != content) {
            number += 1;
            path = format!("{name}-{number}.{kind}");
        }
        self.0.insert(path, content);
    }

    fn below(self, directory: &str) -> Files {
        self.0.into_iter().map(|(path, content)| (format!("{directory}/{path}"), content)).collect()
    }
}
