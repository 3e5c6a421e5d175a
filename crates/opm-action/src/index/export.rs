//! Exporting the packages of an index as manifests: a directory for each version, and a package manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use futures_util::{StreamExt, stream};
use opm_image::{Client, Keep};
use opm_model::edit::Refusal;
use opm_model::{BundleKey, Package, Query, Stop};
use opm_sqlite::{Catalog, Content, SchemaUpgrade, StoreError};

use crate::index::pipeline::{fetch_database, write_atomically};
use crate::registry::names;
use crate::tool::inside;
use crate::{Context, ImageOptions, PullTool, bundles};

/// How many bundles are pulled at a time.
const AT_ONCE: usize = 10;

/// What to export, and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The index image.
    pub index: String,
    /// The packages; elements may be lists, separated by commas. All where none is named.
    pub packages: Vec<String>,
    /// The directory to write to.
    pub directory: PathBuf,
    /// How to pull images.
    pub images: ImageOptions,
    /// The tool to pull images with.
    pub tool: PullTool,
}

/// A bundle of a package, and the name of the directory for its manifests.
struct Export {
    package: String,
    channel: String,
    name: String,
    image: String,
    directory: String,
}

/// Exports the packages. All that fails is reported; of a package whose bundles were not all exported, no package manifest is
/// written.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    let (_dir, database) =
        context.unless_interrupted(fetch_database(&options.index, &options.images, options.tool, context)).await?;
    let catalog = tokio::task::block_in_place(|| Catalog::open(&database, Content::Always, SchemaUpgrade::Copy))
        .with_context(|| format!("database of index image {}", options.index))?;
    let packages = packages(&catalog, &options.packages, context.stop())?;
    let mut failures = Vec::new();
    let client = Client::new(options.images.clone(), context.environment.clone())?;
    for package in &packages {
        let bundles = bundles_of(&catalog, package, context.stop())?;
        let all = stream::iter(&bundles)
            .map(async |bundle| (bundle, export(&client, &catalog, bundle, options, context).await))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>();
        let all = context.unless_interrupted(async { Ok(all.await) }).await?;
        let mut failed: Vec<String> = Vec::new();
        for (bundle, result) in all {
            if let Err(error) = result {
                let subject = if bundle.image.is_empty() { &bundle.name } else { &bundle.image };
                failed.push(format!("exporting bundle image:{subject} failed with {error:#}"));
            }
        }
        failed.sort();
        if failed.is_empty() {
            let path = options.directory.join(component(&package.name)).join("package.yaml");
            write_atomically(&path, manifest(package).as_bytes())
                .with_context(|| format!("write {}", path.display()))?;
        }
        failures.extend(failed);
    }
    if failures.is_empty() { Ok(()) } else { Err(anyhow!(failures.join("\n"))) }
}

/// The packages that are to be exported; every name that the catalog lacks is an error.
fn packages(catalog: &Catalog, wanted: &[String], stop: &Stop) -> anyhow::Result<Vec<Package>> {
    let wanted = names(wanted);
    let known = catalog.list_packages(stop)?;
    let unknown = wanted.iter().filter(|name| !known.contains(name));
    StoreError::all(unknown.map(|name| Refusal::NoPackage(name.clone()).into()).collect())?;
    let chosen = known.iter().filter(|name| wanted.is_empty() || wanted.contains(name));
    chosen.map(|name| Ok(catalog.package(name, stop)?)).collect()
}

/// The bundles of a package, each once, and their directories: their versions, or, where these are empty or shared, their names.
fn bundles_of(catalog: &Catalog, package: &Package, stop: &Stop) -> anyhow::Result<Vec<Export>> {
    let mut found: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    for place in catalog.places(&package.name, stop)? {
        found.entry(place.csv_name).or_insert((place.channel, place.version, place.image));
    }
    let mut shared: BTreeMap<String, usize> = BTreeMap::new();
    for (_, version, _) in found.values() {
        *shared.entry(version.clone()).or_default() += 1;
    }
    let export = |(name, (channel, version, image)): (String, (String, String, String))| Export {
        package: package.name.clone(),
        directory: if version.is_empty() {
            name.clone()
        } else if shared.get(&version).is_some_and(|n| *n > 1) {
            format!("{version}-{name}")
        } else {
            version
        },
        channel,
        name,
        image,
    };
    Ok(found.into_iter().map(export).collect())
}

/// A name as one component of a path.
fn component(name: &str) -> String {
    match name {
        "" | "." | ".." => format!("_{name}"),
        name => name.replace('/', "_"),
    }
}

async fn export(
    client: &Client,
    catalog: &Catalog,
    bundle: &Export,
    options: &Options,
    context: &Context,
) -> anyhow::Result<()> {
    let target = options.directory.join(component(&bundle.package)).join(component(&bundle.directory));
    fs::create_dir_all(&target).with_context(|| format!("create {}", target.display()))?;
    if bundle.image.is_empty() {
        let key = BundleKey { package: &bundle.package, channel: &bundle.channel, csv_name: &bundle.name };
        return write_objects(&catalog.bundle(&key, context.stop())?.objects, &target);
    }
    let dir = bundles::private_dir()?;
    let root = dir.path().join("image");
    let manifests = if options.tool == PullTool::None {
        let image = bundles::resolve(client, &bundle.image, context).await?;
        let unpacked = client.unpack(&image, &root, &Keep::under(["manifests"]), context.progress.as_ref()).await?;
        unpacked.path("manifests").ok_or_else(|| anyhow!("the image has no /manifests"))?
    } else {
        options.tool.pull(&bundle.image, &options.images).await?;
        fs::create_dir_all(&root)?;
        options.tool.unpack(&bundle.image, &root).await?;
        inside(&root, "manifests")?
    };
    copy(&manifests, &target, dir.path())
}

/// Writes the manifests that the catalog holds, a file for each.
fn write_objects(objects: &[String], target: &Path) -> anyhow::Result<()> {
    for (number, object) in objects.iter().enumerate() {
        let value: serde_json::Value = serde_json::from_str(object).context("stored manifest")?;
        let text =
            |pointer| value.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("object").to_lowercase();
        let file = target.join(component(&format!("{number:02}_{}_{}.json", text("/metadata/name"), text("/kind"))));
        write_atomically(&file, format!("{object}\n").as_bytes())
            .with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

/// Copies a directory of an unpacked image with all that is in it; what links out of the image is an error.
fn copy(from: &Path, to: &Path, root: &Path) -> anyhow::Result<()> {
    let root = root.canonicalize()?;
    for entry in walkdir::WalkDir::new(from).sort_by_file_name().min_depth(1) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(from)?;
        let target = to.join(relative);
        let source = entry.path().canonicalize()?;
        anyhow::ensure!(
            source.starts_with(&root),
            "/manifests/{} is a link that leads out of the image",
            relative.display()
        );
        if source.is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("write {}", target.display()))?;
        }
    }
    Ok(())
}

/// A package manifest as YAML, indented by four spaces.
fn manifest(package: &Package) -> String {
    let channels: Vec<String> = package
        .channels
        .iter()
        .map(|c| format!("    - name: {}\n      currentCSV: {}\n", scalar(&c.name), scalar(&c.csv_name)))
        .collect();
    let (name, default_channel) = (scalar(&package.name), scalar(&package.default_channel));
    format!("packageName: {name}\nchannels:\n{}defaultChannel: {default_channel}\n", channels.concat())
}

/// A string as a YAML scalar, quoted where it would be read as something else.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/+".contains(c));
    let as_string = serde_json::Value::String(text.to_owned());
    let reads_back = opm_document::yaml::parse(text.as_bytes()).is_ok_and(|value| value == as_string);
    if is_plain && reads_back { text.to_owned() } else { opm_document::json::to_string(&as_string) }
}
