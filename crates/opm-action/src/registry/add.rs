//! Adding bundles to a database.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use opm_bundle::Bundle;
use opm_sqlite::{AddOptions, Afterwards, Edit, Mode, StoreError};

use crate::registry::warnings;
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
    pub(crate) async fn pull(&self, context: &Context) -> anyhow::Result<Pulled> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        let references: Vec<String> = self.references.iter().filter(|r| seen.insert(*r)).cloned().collect();
        let pulled = match bundles::get(&references, &self.images, self.tool, context).await {
            Ok(bundles) => bundles,
            Err(error) if self.permissive && !context.stop().is_asked() => {
                findings.push(error);
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let options = AddOptions {
            mode: self.mode,
            overwrite_latest: self.overwrite_latest,
            alpha: self.alpha,
            permissive: self.permissive,
        };
        Ok(Pulled { bundles: pulled, findings, options })
    }
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
