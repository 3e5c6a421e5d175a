#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod add;
mod differences;
mod files;
mod oracle;
mod random;
mod recorded;
mod remove;

use std::collections::BTreeMap;

use opm_bundle::{Bundle, Metadata};
use opm_model::edit::Mode;

use super::{AddOptions, AddedBundle, Edit, EditError, Edited};
use crate::{BundleSource, Catalog, bundle_blob, validate};

const REPLACES: AddOptions = AddOptions {
    mode: Mode::Replaces,
    overwrite_latest: false,
    alpha: false,
    permissive: false,
    level: crate::Level::None,
};
const PERMISSIVE: AddOptions = AddOptions { permissive: true, ..REPLACES };
const OVERWRITE: AddOptions = AddOptions { overwrite_latest: true, ..REPLACES };
const ALPHA: AddOptions = AddOptions { alpha: true, ..REPLACES };
const SEMVER: AddOptions = AddOptions { mode: Mode::SemVer, ..REPLACES };
const SKIP_PATCH: AddOptions = AddOptions { mode: Mode::SkipPatch, ..REPLACES };

/// A bundle by a short text: its version and then words of the form `key=value`. Bundles are called `demo.v1.0.0`; where an
/// edge or substitution names one, the version is enough.
fn bundle(text: &str) -> (Bundle, Metadata) {
    let mut words = text.split(' ');
    let version = words.next().unwrap();
    let all: BTreeMap<&str, &str> = words.map(|word| word.split_once('=').unwrap()).collect();
    let get = |key: &str, default: &str| all.get(key).map_or_else(|| default.to_owned(), |v| (*v).to_owned());
    let package = get("pkg", "demo");
    let named = |v: &str| if v.is_empty() || v.contains(".v") { v.to_owned() } else { format!("{package}.v{v}") };
    let name = get("name", &named(version));
    let skips: Vec<String> =
        get("skips", "").split(',').filter(|v| !v.is_empty()).map(|v| format!("{:?}", named(v))).collect();
    let icon = get("icon", "")
        .split(' ')
        .filter(|v| !v.is_empty())
        .fold(String::new(), |_, icon| format!("  icon: [{{base64data: {icon:?}, mediatype: image/png}}]\n"));
    let csv = format!(
        "apiVersion: operators.coreos.com/v1alpha1\nkind: ClusterServiceVersion\nmetadata:\n  name: {name}\n  annotations:\n    \
         olm.skipRange: {:?}\n    olm.substitutesFor: {:?}\nspec:\n  version: {version}\n  replaces: {:?}\n  skips: [{}]\n{icon}",
        get("range", ""),
        named(&get("for", "")),
        named(&get("replaces", "")),
        skips.join(", "),
    );
    let annotations = format!(
        "annotations:\n  operators.operatorframework.io.bundle.package.v1: {package}\n  \
         operators.operatorframework.io.bundle.channels.v1: {:?}\n  operators.operatorframework.io.bundle.channel.default.v1: {:?}\n",
        get("in", "alpha"),
        get("default", ""),
    );
    let mut metadata = Metadata::default();
    metadata.read(annotations.as_bytes());
    let image = get("image", &format!("reg.test/{}", name.replace('+', "-")));
    let manifests = [("csv.yaml", csv.as_bytes())];
    let bundle = Bundle::from_files(&image, manifests, [("annotations.yaml", annotations.as_bytes())]).unwrap();
    (bundle, metadata)
}

/// The same bundle as what is added to a file-based catalog.
fn added((bundle, metadata): &(Bundle, Metadata)) -> AddedBundle {
    let csv = serde_json::from_slice(&bundle.csv_json).unwrap();
    let objects: Vec<&[u8]> = bundle.objects_json.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    let blob = bundle_blob(&BundleSource {
        image: &bundle.image,
        package: &bundle.annotations.package,
        csv: &csv,
        objects: &objects,
        properties: &metadata.properties,
        dependencies: &metadata.dependencies,
        provided_apis: &bundle.provided_apis,
        required_apis: &bundle.required_apis,
    });
    let channels = bundle.annotations.channel_names();
    AddedBundle::of_blob(blob.unwrap(), channels, bundle.annotations.default_channel.clone()).unwrap()
}

fn all_added(bundles: &[&str]) -> Vec<AddedBundle> {
    bundles.iter().map(|text| added(&bundle(text))).collect()
}

/// The catalog after bundles were added, step by step.
fn of(options: AddOptions, steps: &[&[&str]]) -> Catalog {
    steps.iter().fold(Catalog::default(), |catalog, step| {
        let mut edit = Edit::new(catalog);
        edit.add(all_added(step), options).unwrap_or_else(|error| panic!("{step:?}: {error}"));
        done(edit)
    })
}

fn done(edit: Edit) -> Catalog {
    let catalog = edit.finish().into_catalog();
    let report = validate(&catalog);
    assert!(report.is_valid(), "{report}");
    catalog
}

fn edited(catalog: &Catalog, work: impl FnOnce(&mut Edit) -> Result<Vec<EditError>, EditError>) -> Edited {
    let mut edit = Edit::new(catalog.clone());
    work(&mut edit).unwrap();
    edit.finish()
}

/// The channels of a package, each as a line: its name (with a star at the default channel), and its entries by name with
/// what they replace and, in brackets, skip.
fn graph(catalog: &Catalog) -> String {
    let short = |name: &str| name.trim_start_matches("demo.v").to_owned();
    let mut lines = Vec::new();
    for channel in &catalog.channels {
        let is_default = catalog
            .packages
            .iter()
            .any(|package| package.name == channel.package && package.default_channel == channel.name);
        let mut entries = Vec::new();
        for entry in channel.entries() {
            let skips: Vec<String> = entry.skips.iter().map(|skip| short(skip)).collect();
            let skips = if skips.is_empty() { String::new() } else { format!("[{}]", skips.join(" ")) };
            let replaces =
                if entry.replaces.is_empty() { String::new() } else { format!(" > {}", short(&entry.replaces)) };
            entries.push(format!("{}{skips}{replaces}", short(&entry.name)));
        }
        entries.sort();
        let package = if channel.package == "demo" { String::new() } else { format!("{}/", channel.package) };
        lines.push(format!("{package}{}{}: {}", channel.name, if is_default { "*" } else { "" }, entries.join(", ")));
    }
    lines.sort();
    lines.join("\n")
}

/// The text of an error with its causes.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
