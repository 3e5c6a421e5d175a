//! The images of a catalog, and the bundles that name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use opm_document::Parts;
use opm_document::json::Normal;
use opm_image::{Client, Image, Keep};
use opm_model::{Query, Stop};
use opm_sqlite::{Content, SchemaUpgrade};
use serde::Deserialize;

use crate::index::pipeline::{CONFIGS_LABEL, DATABASE_LABEL};
use crate::{Context, bundles};

/// The bundles that name an image, each with its package; either may be empty.
pub(crate) type Named = BTreeSet<(String, String)>;

/// Images by how they are written.
pub(crate) type Images = BTreeMap<String, Named>;

/// What matters of a document of a file-based catalog.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    schema: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    related_images: Option<Vec<WireImage>>,
}

#[derive(Deserialize)]
struct WireImage {
    #[serde(default)]
    image: Option<String>,
}

/// Unpacks the catalog of an index image, and collects its images.
pub(super) async fn of_image(client: &Client, image: &Image, context: &Context) -> anyhow::Result<Images> {
    let source = image.source();
    let labels = image.labels();
    let (location, is_configs) = match (labels.get(CONFIGS_LABEL), labels.get(DATABASE_LABEL)) {
        (Some(configs), _) => (configs, true),
        (None, Some(database)) => (database, false),
        (None, None) => {
            bail!("{source} is not an index image: it has neither the label {CONFIGS_LABEL} nor {DATABASE_LABEL}")
        }
    };
    let kept = match location.trim_matches('/') {
        "" => Keep::everything(),
        _ => Keep::under([location.trim_start_matches('/')]),
    };
    let dir = bundles::private_dir()?;
    let root = dir.path().join("image");
    let unpack = async { Ok(client.unpack(image, &root, &kept, context.progress.as_ref()).await?) };
    let unpacked = context.unless_interrupted(unpack).await?;
    let Some(path) = unpacked.path(location) else {
        bail!("{source}: there is nothing at {location}, where a label of the image says that its catalog is");
    };
    tokio::task::block_in_place(|| {
        let read = if is_configs { of_configs(&path, context.stop()) } else { of_database(&path, context.stop()) };
        read.with_context(|| format!("catalog of {source}"))
    })
}

/// The images that a database names. It is not written to.
fn of_database(path: &Path, stop: &Stop) -> anyhow::Result<Images> {
    let catalog = opm_sqlite::Catalog::open(path, Content::Once, SchemaUpgrade::Copy)?;
    let mut images = Images::new();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in catalog.list_packages(stop)? {
        for place in catalog.places(&package, stop)? {
            packages.entry(place.csv_name.clone()).or_default().insert(package.clone());
            add(&mut images, &place.image, &package, &place.csv_name);
        }
    }
    for (bundle, related) in catalog.related_images(stop)? {
        let of = packages.get(&bundle).cloned().unwrap_or_else(|| BTreeSet::from([String::new()]));
        for image in related {
            for package in &of {
                add(&mut images, &image, package, &bundle);
            }
        }
    }
    Ok(images)
}

/// The images that the files of a catalog name: of each document its own and its related ones, whatever its schema. Files
/// that belong to no catalog are passed over.
fn of_configs(root: &Path, stop: &Stop) -> anyhow::Result<Images> {
    let mut images = Images::new();
    for path in opm_catalog::files(root)? {
        ensure!(!stop.is_asked(), "interrupted");
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let is_catalog =
            path.extension().is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|known| extension == *known));
        match of_file(&path, &mut images) {
            Err(error) if is_catalog => return Err(error.context(name)),
            Err(error) => tracing::warn!("{name} is no file of a catalog, and is passed over: {error:#}"),
            Ok(()) => {}
        }
    }
    Ok(images)
}

fn of_file(path: &Path, images: &mut Images) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
    for part in Parts::<_, Normal>::new(file) {
        let value = part?.read()?;
        if value.text() == "null" {
            continue;
        }
        let wire: Wire = serde_json::from_str(value.text())?;
        let name = wire.name.unwrap_or_default();
        let package = match wire.schema.as_deref() {
            Some("olm.package") => name.clone(),
            _ => wire.package.unwrap_or_default(),
        };
        let related = wire.related_images.unwrap_or_default().into_iter().filter_map(|related| related.image);
        for image in wire.image.into_iter().chain(related) {
            add(images, &image, &package, &name);
        }
    }
    Ok(())
}

fn add(images: &mut Images, image: &str, package: &str, bundle: &str) {
    if !image.is_empty() {
        images.entry(image.to_owned()).or_default().insert((package.to_owned(), bundle.to_owned()));
    }
}

/// Those that a bundle of one of these packages names. What no package names stays.
pub(super) fn of_packages(images: Images, packages: &[String]) -> anyhow::Result<Images> {
    if packages.is_empty() {
        return Ok(images);
    }
    let known: BTreeSet<&str> = images.values().flatten().map(|(package, _)| package.as_str()).collect();
    let lacking: Vec<&str> = packages.iter().map(String::as_str).filter(|package| !known.contains(package)).collect();
    ensure!(lacking.is_empty(), "no package in the catalog is called {}", lacking.join(", "));
    let mut images = images;
    for named in images.values_mut() {
        named.retain(|(package, _)| package.is_empty() || packages.contains(package));
    }
    images.retain(|_, named| !named.is_empty());
    Ok(images)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_document_may_name_images_and_other_files_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("README.md", "# Title\n\n- [x: y\n");
        write(
            "a.yaml",
            "schema: olm.bundle\nname: b.v1\npackage: p\nimage: q.io/b:1\nrelatedImages:\n- image: q.io/r:1\n- image: ''\n---\nschema: x\nimage: q.io/x:1\n",
        );
        write(
            "b.json",
            r#"{"schema":"olm.bundle","name":"b.v2","package":"o","relatedImages":[{"image":"q.io/r:1"}]}"#,
        );
        let images = of_configs(dir.path(), &Stop::new()).unwrap();
        assert_eq!(images.keys().collect::<Vec<_>>(), ["q.io/b:1", "q.io/r:1", "q.io/x:1"]);
        assert_eq!(images["q.io/r:1"].len(), 2);
        let some = of_packages(images.clone(), &["o".to_owned()]).unwrap();
        assert_eq!(some.keys().collect::<Vec<_>>(), ["q.io/r:1", "q.io/x:1"]);
        assert!(of_packages(images, &["none".to_owned()]).is_err());
        write("c.yaml", "a: [");
        assert!(of_configs(dir.path(), &Stop::new()).is_err());
    }
}
