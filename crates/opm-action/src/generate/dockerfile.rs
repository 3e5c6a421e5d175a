//! Generating the Dockerfile of a catalog's image.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_catalog::Dockerfile;

use crate::index::pipeline::write_atomically;

pub use opm_catalog::DEFAULT_SERVER_IMAGE;

/// Which catalog, and what its image is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the catalog.
    pub catalog: PathBuf,
    /// The image that it is built on.
    pub base_image: String,
    /// The image in which its cache is made.
    pub builder_image: String,
    /// Further labels, as `key=value`.
    pub labels: Vec<String>,
}

/// Writes `NAME.Dockerfile` beside the directory of the catalog, where `NAME` is the directory's own. It must not exist.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let directory = &options.catalog;
    let shown = directory.display();
    let found = std::fs::metadata(directory).with_context(|| format!("stat {shown}"))?;
    ensure!(found.is_dir(), "provided root path {:?} is not a directory", shown.to_string());
    // A path such as `.` has a name only once it is made absolute.
    let absolute = match directory.file_name() {
        Some(_) => directory.clone(),
        None => directory.canonicalize().with_context(|| format!("stat {shown}"))?,
    };
    let name = absolute.file_name().with_context(|| format!("directory {shown} has no name"))?.to_string_lossy();
    let text = Dockerfile {
        directory: &name,
        base_image: &options.base_image,
        builder_image: &options.builder_image,
        labels: &options.labels,
    }
    .text()?;
    let path = absolute.parent().unwrap_or(Path::new("")).join(format!("{name}.Dockerfile"));
    ensure!(path.symlink_metadata().is_err(), "path {:?}: file already exists", path.display().to_string());
    write_atomically(&path, text.as_bytes()).with_context(|| format!("write {}", path.display()))
}
