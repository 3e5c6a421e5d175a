//! Checking bundles.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use opm_bundle::{Categories, Report, Severity, Validators};
use opm_image::{Keep, Options as ImageOptions};
use serde::{Deserialize, Serialize};

use super::{files, source};
use crate::{Context, PullTool};

/// Which bundle to check, and how thoroughly.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The bundle: a directory, an image in a registry, `oci:DIR`, or an archive.
    pub bundle: String,
    /// How registries are talked to.
    pub images: ImageOptions,
    /// What pulls the image.
    pub tool: PullTool,
    /// Whether to hold the bundle to the rules of operatorhub.io.
    pub operatorhub: bool,
    /// Whether to look at disruption budgets, priority classes and roles.
    pub bundle_objects: bool,
    /// A JSON file (`{"categories": [...]}`) with the categories that operatorhub.io may name, instead of its own.
    pub categories: Option<PathBuf>,
}

#[derive(Deserialize)]
struct CategoryFile {
    #[serde(default)]
    categories: Vec<String>,
}

/// Checks a bundle, and returns all findings.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Report> {
    let categories = match &options.categories {
        Some(path) if options.operatorhub => {
            let subject = || format!("categories in {}", path.display());
            let text = std::fs::read(path).with_context(subject)?;
            Categories::Custom(serde_json::from_slice::<CategoryFile>(&text).with_context(subject)?.categories)
        }
        _ => Categories::Standard,
    };
    let validators =
        Validators { operatorhub: options.operatorhub.then_some(categories), bundle_objects: options.bundle_objects };
    let keep = Keep::under(["manifests", "metadata"]);
    let bundle = source::get(&options.bundle, &keep, &options.images, options.tool, context).await?;
    let checked =
        tokio::task::spawn_blocking(move || anyhow::Ok(opm_bundle::check(&files::bundle(bundle.root())?, &validators)));
    context.unless_interrupted(async { checked.await? }).await.with_context(|| format!("bundle {}", options.bundle))
}

/// Fails where there are errors, with what they say.
pub fn to_result(report: &Report) -> anyhow::Result<()> {
    let errors: Vec<&str> = report.errors().map(|finding| finding.message.as_str()).collect();
    ensure!(errors.is_empty(), "Bundle validation errors: {}", errors.join(","));
    Ok(())
}

/// The findings as lines, with their files and lines, errors and warnings in the order of the bundle.
pub fn to_text(report: &Report) -> String {
    let lines = report.findings.iter().map(|finding| format!("{finding}\n"));
    let end = report.is_valid().then(|| "All validation tests have been completed successfully\n".to_owned());
    lines.chain(end).collect()
}

#[derive(Serialize)]
struct Document<'a> {
    passed: bool,
    errors: usize,
    warnings: usize,
    findings: &'a [opm_bundle::Finding],
}

/// The findings as a JSON object: `passed`, the numbers of `errors` and `warnings`, and `findings`.
pub fn to_json(report: &Report) -> anyhow::Result<String> {
    let errors = report.errors().count();
    let warnings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let document = Document { passed: errors == 0, errors, warnings, findings: &report.findings };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
