//! Unpacking bundles.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use opm_bundle::{Finding, Severity, Validators};
use opm_image::{Keep, Options as ImageOptions};

use super::staged::Staged;
use super::{files, source};
use crate::{Context, PullTool};

/// Which bundle to unpack, and to where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The bundle: an image in a registry, `oci:DIR`, an archive, or a directory.
    pub bundle: String,
    /// The directory that gets its files; it is made where it is missing.
    pub out: PathBuf,
    /// Whether to unpack without a look at what it is.
    pub skip_validation: bool,
    /// How registries are talked to.
    pub images: ImageOptions,
}

/// Unpacks a bundle: all of it, or, where something is wrong with it, nothing.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    let out = &options.out;
    ensure!(!out.exists() || out.is_dir(), "out {} is not a directory", out.display());
    let bundle = source::get(&options.bundle, &Keep::everything(), &options.images, PullTool::None, context).await?;
    let (options, out, stop) = (options.clone(), out.clone(), context.stop().clone());
    // Runs to its end, so that what it has staged goes where it ends early.
    let work = tokio::task::spawn_blocking(move || {
        if !options.skip_validation {
            let files = files::bundle(bundle.root()).with_context(|| format!("bundle {}", options.bundle))?;
            check(&opm_bundle::check(&files, &Validators::default()).findings)?;
        }
        let mut staged = Staged::default();
        staged.copy(bundle.root(), &out, bundle.root())?;
        ensure!(!stop.is_asked(), crate::context::Interrupted);
        staged.commit()
    });
    work.await?
}

fn check(findings: &[Finding]) -> anyhow::Result<()> {
    for (stage, words) in [
        (opm_bundle::Stage::Format, "bundle format validation failed:"),
        (opm_bundle::Stage::Content, "bundle content validation failed:"),
    ] {
        let errors = findings.iter().filter(|f| f.severity == Severity::Error && f.stage == stage);
        let lines: Vec<String> = errors.map(|f| f.to_string().trim_start_matches("error: ").to_owned()).collect();
        ensure!(lines.is_empty(), "{words} {}", lines.join("\n"));
    }
    Ok(())
}
