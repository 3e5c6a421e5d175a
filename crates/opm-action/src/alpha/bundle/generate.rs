//! Generating the annotations and the Dockerfile of a bundle.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use opm_bundle::{CSV_KIND, File, Labels, MediaType, Object};
use opm_model::PackageManifest;

use super::files;
use super::staged::Staged;

/// The name of the Dockerfile, in the working directory.
pub const DOCKERFILE: &str = "bundle.Dockerfile";

/// What a bundle is made of.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory with the manifests of one version.
    pub directory: PathBuf,
    /// The package; found in the package manifest beside the directory where it is empty.
    pub package: String,
    /// The channels, separated by commas; found in the same way.
    pub channels: String,
    /// The default channel; found in the same way where package or channels are.
    pub default_channel: String,
    /// Where to put a copy of the manifests and the metadata; without it the metadata are put beside the manifests.
    pub output: Option<PathBuf>,
    /// The image that the bundle is built on.
    pub base_image: String,
}

/// Writes `metadata/annotations.yaml` and `bundle.Dockerfile`, over what is there.
pub fn run(options: &Options) -> anyhow::Result<()> {
    generate(options, true, true).map(drop)
}

/// A bundle that is ready to become an image.
pub(super) struct Generated {
    pub(super) labels: Labels,
    /// The directory with the manifests.
    pub(super) manifests: PathBuf,
    /// The directory with the metadata.
    pub(super) metadata: PathBuf,
}

/// Writes the files. Without `overwrite` annotations that are there must say the same, and a Dockerfile stays.
pub(super) fn generate(options: &Options, overwrite: bool, with_dockerfile: bool) -> anyhow::Result<Generated> {
    let shown = options.directory.display().to_string();
    let found = fs::metadata(&options.directory).with_context(|| format!("stat {shown}"))?;
    ensure!(found.is_dir(), "{shown} is not a directory");
    let working = std::env::current_dir().context("cannot find the working directory")?;
    let directory = normal(&working.join(&options.directory));
    let manifests = files::directory(&directory, &directory)?;
    let media_type =
        MediaType::detect(&manifests).ok_or_else(|| anyhow!("The directory {shown} contains no yaml files"))?;
    warn_of_documents(&manifests);
    let labels = labels(options, &directory, &manifests, media_type)?;

    let parent = directory.parent().unwrap_or(&directory);
    let output = options.output.as_ref().map(|output| normal(&working.join(output)));
    let (manifests, metadata) = match &output {
        Some(output) => (output.join("manifests"), output.join("metadata")),
        None => (directory.clone(), parent.join("metadata")),
    };
    ensure!(
        !manifests.starts_with(&directory) || manifests == directory,
        "the output directory must not be inside {shown}"
    );
    if output.is_none() && package_manifest(parent).is_ok() {
        tracing::warn!(
            "{} belongs to all versions of the package in {}: use --output-dir to give this one its own",
            metadata.display(),
            parent.display()
        );
    }
    let relative = |path: &Path| relative(path, &working).to_string_lossy().into_owned();
    let dockerfile = labels.dockerfile(&options.base_image, &relative(&manifests), &relative(&metadata))?;
    let mut staged = Staged::default();
    if manifests != directory {
        staged.copy(&directory, &manifests, &directory)?;
    }
    let annotations = metadata.join("annotations.yaml");
    if overwrite || !annotations.exists() {
        staged.file(&annotations, &labels.annotations_yaml()?)?;
    } else {
        let subject = || format!("read {}", annotations.display());
        let existing = fs::read(&annotations).with_context(subject)?;
        let differences = opm_bundle::differences(&existing, &labels).with_context(subject)?;
        ensure!(
            differences.is_empty(),
            "{} is not what would be generated, and --overwrite is not given: {}",
            annotations.display(),
            differences.join(", ")
        );
    }
    let place = working.join(DOCKERFILE);
    match fs::read_to_string(&place) {
        _ if !with_dockerfile => {}
        Ok(existing) if !overwrite => {
            if existing != dockerfile {
                tracing::warn!(
                    "{DOCKERFILE} in the working directory is used as it is, though another would be generated for this \
                     bundle: use --overwrite to replace it"
                );
            }
        }
        _ => staged.file(&place, dockerfile.as_bytes())?,
    }
    staged.commit()?;
    Ok(Generated { labels, manifests, metadata })
}

fn warn_of_documents(manifests: &[File]) {
    for file in manifests {
        let Ok(content) = &file.content else { continue };
        let documents = opm_document::Documents::new(content).map_while(Result::ok).skip(1);
        if documents.filter(|document| document.value["kind"] == CSV_KIND).count() > 0 {
            tracing::warn!(
                "{}: its ClusterServiceVersion is not the first document, and catalogs read only that: give it a file of \
                 its own",
                file.name
            );
        }
    }
}

fn labels(options: &Options, directory: &Path, manifests: &[File], media_type: MediaType) -> anyhow::Result<Labels> {
    let mut labels = Labels {
        media_type,
        package: options.package.clone(),
        channels: options.channels.clone(),
        default_channel: options.default_channel.clone(),
    };
    if !labels.package.is_empty() && !labels.channels.is_empty() {
        return Ok(labels);
    }
    let (manifest, channels) = infer(directory, manifests).with_context(|| {
        format!(
            "please manually input channels and packageName, error interpreting bundle from directory {}",
            options.directory.display()
        )
    })?;
    if labels.channels.is_empty() {
        ensure!(!channels.is_empty(), "error interpreting channels, please manually input channels instead");
        labels.channels = channels.join(",");
    }
    if labels.package.is_empty() {
        labels.package.clone_from(&manifest.package);
    }
    if labels.default_channel.is_empty() {
        labels.default_channel = manifest.default_channel;
    }
    Ok(labels)
}

/// The manifest of the package that a version is of, and the channels that the version is in.
fn infer(directory: &Path, manifests: &[File]) -> anyhow::Result<(PackageManifest, Vec<String>)> {
    let csv = csv(manifests)?.ok_or_else(|| anyhow!("no ClusterServiceVersion in it"))?;
    let parent = directory.parent().ok_or_else(|| anyhow!("there is no directory above it"))?;
    let manifest = package_manifest(parent)?;
    let mut replaces = BTreeMap::new();
    let entries = fs::read_dir(parent).with_context(|| format!("read {}", parent.display()))?;
    for entry in entries {
        let path = entry?.path();
        // What cannot be read here is another version's matter.
        if path.is_dir()
            && let Ok(files) = files::directory(&path, parent)
            && let Ok(Some(csv)) = self::csv(&files)
        {
            let older = csv.value().pointer("/spec/replaces").and_then(serde_json::Value::as_str).unwrap_or_default();
            replaces.insert(csv.name().to_owned(), older.to_owned());
        }
    }
    let channels = opm_bundle::channels_of(csv.name(), &manifest, &replaces);
    Ok((manifest, channels))
}

fn csv(files: &[File]) -> anyhow::Result<Option<Object>> {
    let mut found: Option<Object> = None;
    for file in files {
        let Some(object) = file.content.as_ref().ok().and_then(|content| opm_document::first(content).ok().flatten())
        else {
            continue;
        };
        let Some(csv) = Object::from_value(object).filter(Object::is_csv) else { continue };
        if let Some(first) = found {
            bail!(
                "it has two ClusterServiceVersions, {} and {}: each version has a directory",
                first.name(),
                csv.name()
            );
        }
        found = Some(csv);
    }
    Ok(found)
}

fn package_manifest(parent: &Path) -> anyhow::Result<PackageManifest> {
    let subject = || format!("read {}", parent.display());
    let entries = fs::read_dir(parent).with_context(subject)?.collect::<Result<Vec<_>, _>>().with_context(subject)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".package.yaml") && path.is_file());
    paths.sort();
    let Some(path) = paths.first() else {
        bail!("there is no package manifest (*.package.yaml) in {}", parent.display())
    };
    let subject = || path.display().to_string();
    let value = opm_document::first(&fs::read(path).with_context(subject)?).with_context(subject)?;
    PackageManifest::from_value(&value.unwrap_or_default()).with_context(subject)
}

/// A path without `.` and, where that is certain, without `..`.
fn normal(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// A path as seen from a directory; both are absolute.
fn relative(path: &Path, from: &Path) -> PathBuf {
    let from = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    let common = path.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(path.components().skip(common)).collect();
    if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative }
}
