//! Generating the Dockerfile of a catalog's image.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use opm_catalog::Dockerfile;

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
    write_new(&absolute.with_file_name(format!("{name}.Dockerfile")), text.as_bytes())
}

/// Writes a file that must not exist yet, under a temporary name first.
fn write_new(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".opm-").suffix(".tmp").permissions(Permissions::from_mode(0o666));
        let mut draft = builder.tempfile_in(parent)?;
        draft.write_all(content)?;
        draft.persist_noclobber(path).map_err(|error| error.error)
    };
    match write() {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("path {:?}: file already exists", path.display().to_string())
        }
        written => written.map(drop).with_context(|| format!("write {}", path.display())),
    }
}
