//! Adding bundles to a database.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use opm_bundle::Bundle;
use opm_catalog::Level;
use opm_catalog::edit::{self, AddedBundle, EditError};
use opm_model::edit::Mode;
use opm_sqlite::{AddOptions, Afterwards, Edit, StoreError};

use crate::registry::warnings;
use crate::render::bundle::Read;
use crate::{Context, ImageOptions, PullTool, bundles};

/// What to add, and to which database.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The database; it is created where it is missing.
    pub database: PathBuf,
    /// Which bundles, and how.
    pub bundles: Bundles,
}

/// Bundles to add, and how to add them.
#[derive(Clone, Debug, Default)]
pub struct Bundles {
    /// References of the bundles, in order.
    pub references: Vec<String>,
    /// How the upgrade graph comes about.
    pub mode: Mode,
    /// Whether the head of a channel may be replaced by another image with the same CSV name.
    pub overwrite_latest: bool,
    /// Whether `olm.substitutesFor` is allowed.
    pub alpha: bool,
    /// Whether to do what can be done, and to return the findings, instead of failing.
    pub permissive: bool,
    /// How to pull images.
    pub images: ImageOptions,
    /// The tool to pull images with.
    pub tool: PullTool,
}

/// Bundles that have been pulled.
pub(crate) struct Pulled {
    bundles: Vec<Bundle>,
    findings: Vec<anyhow::Error>,
    options: AddOptions,
}

impl Bundles {
    /// Pulls the bundles; one that is named twice is pulled once. A permissive run adds none of them when one cannot be had.
    async fn get<T>(
        &self,
        context: &Context,
        read: impl Fn(&Path, &str) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Vec<T>, Vec<anyhow::Error>)> {
        let mut seen = BTreeSet::new();
        let references: Vec<String> = self.references.iter().filter(|r| seen.insert(*r)).cloned().collect();
        match bundles::get_as(&references, &self.images, self.tool, context, read).await {
            Ok(bundles) => Ok((bundles, Vec::new())),
            Err(error) if self.permissive && !context.stop().is_asked() => Ok((Vec::new(), vec![error])),
            Err(error) => Err(error),
        }
    }

    /// Pulls the bundles for a catalog of files.
    pub(crate) async fn pull_blobs(&self, context: &Context) -> anyhow::Result<PulledBlobs> {
        let (bundles, findings) = self.get(context, read_blob).await?;
        let options = edit::AddOptions {
            mode: self.mode,
            overwrite_latest: self.overwrite_latest,
            alpha: self.alpha,
            permissive: self.permissive,
            level: Level::default(),
        };
        Ok(PulledBlobs { bundles, findings, options })
    }

    /// Pulls the bundles for a database.
    pub(crate) async fn pull(&self, context: &Context) -> anyhow::Result<Pulled> {
        let (pulled, findings) = self.get(context, bundles::read_dir).await?;
        let options = AddOptions {
            mode: self.mode,
            overwrite_latest: self.overwrite_latest,
            alpha: self.alpha,
            permissive: self.permissive,
        };
        Ok(Pulled { bundles: pulled, findings, options })
    }
}

/// Bundles that have been pulled, as blobs.
pub(crate) struct PulledBlobs {
    bundles: Vec<AddedBundle>,
    /// What a permissive run went on with.
    pub(crate) findings: Vec<anyhow::Error>,
    options: edit::AddOptions,
}

impl PulledBlobs {
    /// The names of the packages that the bundles are of.
    pub(crate) fn packages(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.bundles.iter().map(|bundle| bundle.blob.package.as_str()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Adds the bundles to a catalog of files.
    pub(crate) fn add(self, edit: &mut edit::Edit) -> Result<Vec<EditError>, EditError> {
        edit.add(self.bundles, self.options)
    }
}

/// The bundle in a directory, to be added to a catalog of files.
fn read_blob(dir: &Path, image: &str) -> anyhow::Result<AddedBundle> {
    let mut read = Read::from(dir)?;
    image.clone_into(&mut read.bundle.image);
    let annotations = read.bundle.annotations.clone();
    let channels = annotations.channels.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(AddedBundle::of_blob(read.blob()?, channels, annotations.default_channel)?)
}

impl Pulled {
    /// Adds the bundles; returns what a permissive run went on with.
    pub(crate) fn add(self, edit: &Edit<'_>) -> Result<Vec<anyhow::Error>, StoreError> {
        let mut findings = self.findings;
        findings.extend(warnings(edit.add(&self.bundles, self.options)?));
        Ok(findings)
    }
}

/// Adds the bundles. Returns what a permissive run went on with; otherwise any finding is an error, and the database is as it
/// was before.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let pulled = options.bundles.pull(context).await?;
    tokio::task::block_in_place(|| {
        opm_sqlite::edit(&options.database, Afterwards::Keep, context.stop(), |edit| pulled.add(edit))
    })
    .with_context(|| format!("error adding to {}", options.database.display()))
}
