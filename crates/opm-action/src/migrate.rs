//! Migrating catalogs of all forms to directories of file-based ones.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_catalog::{Format, Index, LayoutFile, Level};

use crate::render::{self, Allowed};
use crate::{Context, ImageOptions};

/// What to migrate, and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The catalog: an image, a database, or a directory or file.
    pub catalog: String,
    /// The directory to write to, which must be absent or empty.
    pub output: PathBuf,
    /// The form of the files.
    pub format: Format,
    /// How far the bundles are migrated.
    pub level: Level,
    /// How to pull images.
    pub images: ImageOptions,
}

/// Migrates a catalog. The directory gets all files, or none.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    let output = &options.output;
    check_empty(output)?;
    tracing::info!("rendering index {:?} as file-based catalog", options.catalog);
    let source = render::Options {
        references: vec![options.catalog.clone()],
        allowed: Allowed::Catalogs,
        level: options.level,
        images: options.images.clone(),
        ..render::Options::default()
    };
    let catalog = render::run(&source, context).await.context("render catalog image")?;
    let written = tokio::task::block_in_place(|| write(&catalog, options, context));
    written.with_context(|| format!("write rendered file-based catalog to {}", output.display()))?;
    tracing::info!("wrote rendered file-based catalog to {:?}", output.display().to_string());
    Ok(())
}

fn check_empty(output: &Path) -> anyhow::Result<()> {
    match fs::read_dir(output) {
        Ok(mut entries) => {
            ensure!(entries.next().is_none(), "output dir {:?} must be empty", output.display().to_string());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("read output dir {}", output.display())),
    }
    Ok(())
}

/// Writes all files to a hidden directory in the output directory, and then moves them to their places.
fn write(catalog: &Index, options: &Options, context: &Context) -> anyhow::Result<()> {
    let output = &options.output;
    let files = catalog.layout(options.format)?;
    let is_new = !output.exists();
    fs::create_dir_all(output)?;
    let result = stage(&files, output, context);
    if result.is_err() && is_new {
        // Only where nothing was put there meanwhile.
        let _not_empty = fs::remove_dir(output);
    }
    result
}

fn stage(files: &[LayoutFile<'_>], output: &Path, context: &Context) -> anyhow::Result<()> {
    let staged = tempfile::Builder::new().prefix(".opm-").suffix(".tmp").tempdir_in(output)?;
    for file in files {
        ensure!(!context.stop().is_asked(), crate::context::Interrupted);
        let path = staged.path().join(&file.path);
        let write = || -> anyhow::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(staged.path()))?;
            let mut out = BufWriter::new(File::create(&path)?);
            file.write(context.stop(), &mut out)?;
            Ok(out.flush()?)
        };
        write().with_context(|| format!("write {}", file.path.display()))?;
    }
    for entry in fs::read_dir(staged.path())? {
        let entry = entry?;
        fs::rename(entry.path(), output.join(entry.file_name()))?;
    }
    Ok(())
}
