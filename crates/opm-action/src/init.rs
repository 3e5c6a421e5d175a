//! Beginning a file-based catalog: the blob of a package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use opm_catalog::Catalog;

/// What the package is.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its name.
    pub package: String,
    /// The name of its default channel; empty for none.
    pub default_channel: String,
    /// A file with its icon.
    pub icon: Option<PathBuf>,
    /// A file with its description.
    pub description: Option<PathBuf>,
}

/// Makes a catalog of nothing but the package.
pub fn run(options: &Options) -> anyhow::Result<Catalog> {
    let read =
        |what: &str, path: &Path| fs::read(path).with_context(|| format!("cannot read {what} file {}", path.display()));
    let icon = options.icon.as_deref().map(|path| read("icon", path)).transpose()?;
    let description = options.description.as_deref().map(|path| read("description", path)).transpose()?;
    // The output is text; what is not is replaced, as in the reference.
    let description = String::from_utf8_lossy(description.as_deref().unwrap_or_default()).into_owned();
    let catalog = opm_catalog::init(&options.package, &options.default_channel, icon.as_deref(), &description);
    match &options.icon {
        Some(path) => catalog.with_context(|| format!("icon file {}", path.display())),
        None => Ok(catalog?),
    }
}
