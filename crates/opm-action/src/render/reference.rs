//! What a reference is: a directory, a file or an image, of a catalog or of a bundle.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use opm_catalog::{Index, Purpose};
use opm_image::{Keep, Source};

use super::{Allowed, Renderer, bundle, database};
use crate::bundles;
use crate::local::LocalImage;

/// The label that says where in an image its database is.
const DATABASE_LABEL: &str = "operators.operatorframework.io.index.database.v1";
/// The label that says where in an image its file-based catalog is.
const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";

/// The kinds of references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Configs,
    Database,
    BundleDirectory,
    ImageArchive,
    ConfigsImage,
    DatabaseImage,
    BundleImage,
}

/// A reference is of a kind that the deed cannot work with.
#[derive(Debug, thiserror::Error)]
#[error("cannot render {0}: not allowed")]
pub(crate) struct NotAllowed(&'static str);

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Configs => "declarative config directory",
            Self::Database => "sqlite file",
            Self::BundleDirectory => "bundle directory",
            Self::ImageArchive => "image archive",
            Self::ConfigsImage => "declarative config image",
            Self::DatabaseImage => "sqlite image",
            Self::BundleImage => "bundle image",
        }
    }

    fn check(self, allowed: Allowed) -> Result<(), NotAllowed> {
        let is_bundle = matches!(self, Self::BundleDirectory | Self::BundleImage);
        let is_allowed = match allowed {
            // What an archive holds is found out later.
            _ if self == Self::ImageArchive => true,
            Allowed::Everything => true,
            Allowed::Catalogs => !is_bundle,
            Allowed::BundleImages => self == Self::BundleImage,
        };
        if is_allowed { Ok(()) } else { Err(NotAllowed(self.words())) }
    }

    /// The kind of something on disk; `None` where there is nothing at the path.
    fn of_path(path: &Path) -> anyhow::Result<Option<Self>> {
        let Ok(about) = fs::metadata(path) else { return Ok(None) };
        if about.is_dir() {
            let has = |name: &str| fs::symlink_metadata(path.join(name)).is_ok_and(|about| about.is_dir());
            let is_bundle = has("manifests") && has("metadata");
            return Ok(Some(if is_bundle { Self::BundleDirectory } else { Self::Configs }));
        }
        if !about.is_file() {
            bail!("it is neither a directory nor a regular file");
        }
        let mut head = Vec::new();
        File::open(path)
            .and_then(|file| file.take(512).read_to_end(&mut head))
            .with_context(|| format!("read {}", path.display()))?;
        Ok(Some(match head.as_slice() {
            [b'S', b'Q', b'L', b'i', ..] => Self::Database,
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::ImageArchive,
            head if head.get(257..262) == Some(b"ustar") => Self::ImageArchive,
            _ => Self::Configs,
        }))
    }

    /// The kind of an image with these labels, and where in it a catalog is.
    fn of_labels<'a>(reference: &str, labels: &'a BTreeMap<String, String>) -> anyhow::Result<(Self, &'a str)> {
        let configs = labels.get(CONFIGS_LABEL).map(String::as_str);
        let database = labels.get(DATABASE_LABEL).map(String::as_str);
        match (configs, database) {
            (Some(configs), database) => {
                if database.is_some() {
                    tracing::warn!(
                        "image {reference} has both labels {CONFIGS_LABEL} and {DATABASE_LABEL}: its file-based catalog \
                        is used, and its database is not"
                    );
                }
                Ok((Self::ConfigsImage, configs))
            }
            (None, Some(database)) => Ok((Self::DatabaseImage, database)),
            (None, None) if labels.contains_key(opm_bundle::PACKAGE) => Ok((Self::BundleImage, "")),
            (None, None) if labels.is_empty() => {
                bail!("image type could not be determined: image has no labels")
            }
            (None, None) => {
                let found: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                bail!("image type could not be determined, found labels {}", found.join(", "))
            }
        }
    }
}

impl Renderer {
    /// Renders one reference.
    pub(super) async fn render(&self, reference: &str) -> anyhow::Result<Index> {
        self.read(reference).await.with_context(|| format!("render reference {reference:?}"))
    }

    async fn read(&self, reference: &str) -> anyhow::Result<Index> {
        let path = PathBuf::from(reference);
        let Some(kind) = Kind::of_path(&path)? else {
            if LocalImage::of(reference).is_none() {
                reference.parse::<Source>().map_err(|why| anyhow!("there is no such file or directory, and {why}"))?;
            }
            return self.read_image(reference).await;
        };
        kind.check(self.options.allowed)?;
        match kind {
            Kind::Database => self.read_database(path).await,
            Kind::BundleDirectory => self.read_bundle(&path, "").await,
            Kind::ImageArchive => self.read_image(reference).await,
            _ => self.read_configs(path).await,
        }
    }

    async fn read_configs(&self, path: PathBuf) -> anyhow::Result<Index> {
        let (mut index, level, stop) = (self.index.sibling(), self.options.level, self.context.stop().clone());
        self.on_a_core(false, move || {
            index.read(path, Purpose::Show(level), &stop)?;
            Ok(index)
        })
        .await
    }

    /// Reads a database to the end even when the deed ends early, which it does soon then, so that its temporary files go.
    async fn read_database(&self, path: PathBuf) -> anyhow::Result<Index> {
        let (mut index, level, stop) = (self.index.sibling(), self.options.level, self.context.stop().clone());
        tokio::task::spawn_blocking(move || {
            database::read(&path, level, &stop, &mut index)?;
            Ok(index)
        })
        .await?
    }

    async fn read_bundle(&self, root: &Path, image: &str) -> anyhow::Result<Index> {
        let (template, root, image) = (self.options.image_template.clone(), root.to_owned(), image.to_owned());
        let (mut index, level) = (self.index.sibling(), self.options.level);
        self.on_a_core(bundle::is_large(&root), move || {
            let mut read = bundle::Read::from(&root)?;
            read.bundle.image = match &template {
                Some(template) if image.is_empty() => bundle::templated_image(template, &read.bundle)?,
                _ => image,
            };
            index.show([read.blob()?], level)?;
            Ok(index)
        })
        .await
    }

    async fn read_image(&self, reference: &str) -> anyhow::Result<Index> {
        let client = self.client()?;
        let resolve = bundles::resolve(client, reference, &self.context);
        let image = self.context.unless_interrupted(resolve).await?;
        let (kind, location) = Kind::of_labels(reference, image.labels())?;
        kind.check(self.options.allowed)?;
        let kept = match kind {
            Kind::BundleImage => Keep::under(["manifests", "metadata"]),
            _ if location.trim_matches('/').is_empty() => Keep::everything(),
            _ => Keep::under([location.trim_start_matches('/')]),
        };
        let dir = bundles::private_dir()?;
        // An empty place within the private directory, which is dropped with all that is in it.
        let root = dir.path().join("image");
        let unpack = async { Ok(client.unpack(&image, &root, &kept, self.context.progress.as_ref()).await?) };
        let unpacked = self.context.unless_interrupted(unpack).await?;
        let read = if kind == Kind::BundleImage {
            let remembered = if matches!(image.source(), Source::Registry(_)) { reference } else { "" };
            self.read_bundle(unpacked.root(), remembered).await
        } else {
            let label = if kind == Kind::ConfigsImage { CONFIGS_LABEL } else { DATABASE_LABEL };
            let Some(path) = unpacked.path(location) else {
                bail!("there is nothing at {location}, where the label {label} of the image says that its catalog is");
            };
            match kind {
                Kind::DatabaseImage => self.read_database(path).await,
                _ => self.read_configs(path).await,
            }
        };
        // Files are named as the image does: where it was unpacked is gone when somebody reads this.
        let prefix = format!("{}/", unpacked.root().display());
        let mut index = read.map_err(|error| match format!("{error:#}") {
            text if text.contains(&prefix) => anyhow!(text.replace(&prefix, "/")),
            _ => error,
        })?;
        index.relocate(unpacked.root(), Path::new("/"));
        Ok(index)
    }
}
