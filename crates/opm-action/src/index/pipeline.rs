//! What all edits of an index share: the database out of the index image before, the edit, the build context.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use opm_image::{Client, Keep};
use opm_sqlite::{Edit, StoreError};
use tempfile::NamedTempFile;

use crate::tool::inside;
use crate::{Context, ImageOptions, PullTool, bundles};

/// The image that an index is built on where no other is named.
pub const DEFAULT_BINARY_IMAGE: &str = "quay.io/operator-framework/opm:latest";

/// The label that says where in an index image its database is.
const DATABASE_LABEL: &str = "operators.operatorframework.io.index.database.v1";
/// The label that says where in a catalog image its file-based catalog is.
const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";
/// Where an index image keeps its database.
const DATABASE_IN_IMAGE: &str = "/database/index.db";
/// Where the database is put, below the directory of the build context.
const DATABASE: &str = "database/index.db";

/// Where an index comes from, and what becomes of it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The index image to begin with; a new index where there is none.
    pub from_index: Option<String>,
    /// The image that the index is built on.
    pub binary_image: Option<String>,
    /// Whether only the database and the Dockerfile are written.
    pub generate: bool,
    /// The name of the Dockerfile.
    pub dockerfile: Option<PathBuf>,
    /// The directory of the build context: where `database/index.db` is put.
    pub directory: PathBuf,
    /// How to pull the index.
    pub images: ImageOptions,
    /// The tool to pull the index with.
    pub tool: PullTool,
}

/// An index that is being edited.
pub(crate) struct Index<'a> {
    target: &'a Target,
    /// The database of the index before, in a private directory.
    before: Option<(tempfile::TempDir, PathBuf)>,
}

impl Target {
    /// Checks what can be checked before any work, and gets the index to begin with.
    pub(crate) async fn begin(&self, context: &Context) -> anyhow::Result<Index<'_>> {
        if !self.generate {
            bail!(
                "building index images is not part of this version: run the command with --generate, and build the image \
                from the Dockerfile and database that it writes"
            );
        }
        let before = match &self.from_index {
            Some(reference) => Some(self.fetch(reference, context).await?),
            None => None,
        };
        Ok(Index { target: self, before })
    }

    /// Pulls the database of an index image.
    async fn fetch(&self, reference: &str, context: &Context) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
        context.unless_interrupted(fetch_database(reference, &self.images, self.tool, context)).await
    }
}

/// Pulls the database of an index image into a private directory; returns the directory and the path of the database in it.
pub(crate) async fn fetch_database(
    reference: &str,
    images: &ImageOptions,
    tool: PullTool,
    context: &Context,
) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    let dir = bundles::private_dir()?;
    if tool != PullTool::None {
        let labels = tool.pull(reference, images).await?;
        let location = database_location(reference, &labels)?;
        tool.unpack(reference, dir.path()).await?;
        let path = inside(dir.path(), location).with_context(|| format!("index image {reference}"))?;
        return Ok((dir, path));
    }
    let client = Client::new(images.clone(), context.environment.clone())?;
    let image = bundles::resolve(&client, reference, context).await?;
    let location = database_location(reference, image.labels())?;
    let keep = Keep::under([location.trim_start_matches('/')]);
    let unpacked = client.unpack(&image, &dir.path().join("image"), &keep, context.progress.as_ref()).await?;
    match unpacked.path(location).filter(|path| path.is_file()) {
        Some(path) => Ok((dir, path)),
        None => bail!(
            "index image {reference}: there is no database at {location}, where its label {DATABASE_LABEL} says it is"
        ),
    }
}

/// Where in an index image its labels say that the database is.
fn database_location<'a>(reference: &str, labels: &'a BTreeMap<String, String>) -> anyhow::Result<&'a str> {
    let Some(location) = labels.get(DATABASE_LABEL) else {
        if labels.contains_key(CONFIGS_LABEL) {
            bail!(
                "index image {reference} holds a file-based catalog (label {CONFIGS_LABEL}); this command edits SQLite catalogs only"
            );
        }
        bail!("index image {reference} missing label {DATABASE_LABEL}");
    };
    if Path::new(location).components().any(|c| c == std::path::Component::ParentDir) {
        bail!(
            "index image {reference}: its label {DATABASE_LABEL} has the path {location:?}, which leads out of the image"
        );
    }
    Ok(location)
}

impl Index<'_> {
    /// Edits the database, and writes it and the Dockerfile. Both appear once the edit has succeeded, or neither does.
    pub(crate) fn finish<T>(
        self,
        context: &Context,
        work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
    ) -> anyhow::Result<T> {
        // Whether the Dockerfile can be written is known before the database is.
        let (dockerfile, draft) = self.draft_dockerfile()?;
        let database = self.target.directory.join(DATABASE);
        let parent = self.target.directory.join("database");
        let is_new = !parent.exists();
        fs::create_dir_all(&parent).with_context(|| format!("create {}", parent.display()))?;
        let result = tokio::task::block_in_place(|| {
            let from = self.before.as_ref().map(|(_, path)| path.as_path());
            opm_sqlite::create(&database, from, context.stop(), work)
        });
        match result {
            Ok(answer) => {
                draft.persist(&dockerfile).with_context(|| format!("write {}", dockerfile.display()))?;
                Ok(answer)
            }
            Err(error) => {
                if is_new {
                    // Only where nothing was put there meanwhile.
                    let _not_empty = fs::remove_dir(&parent);
                }
                Err(error.into())
            }
        }
    }

    /// The path of the Dockerfile, and its text under a temporary name beside it.
    fn draft_dockerfile(&self) -> anyhow::Result<(PathBuf, NamedTempFile)> {
        let path = self.target.dockerfile.clone().unwrap_or_else(|| self.target.directory.join("index.Dockerfile"));
        let base = self.target.binary_image.as_deref().unwrap_or(DEFAULT_BINARY_IMAGE);
        anyhow::ensure!(!path.is_dir(), "write {}: it is a directory", path.display());
        let draft = draft(&path, dockerfile(base).as_bytes()).with_context(|| format!("write {}", path.display()))?;
        Ok((path, draft))
    }
}

/// The Dockerfile of an index image on this base image.
fn dockerfile(base: &str) -> String {
    format!(
        "FROM {base}\n\
        LABEL {DATABASE_LABEL}={DATABASE_IN_IMAGE}\n\
        ADD {DATABASE} {DATABASE_IN_IMAGE}\n\
        EXPOSE 50051\n\
        ENTRYPOINT [\"/bin/opm\"]\n\
        CMD [\"registry\", \"serve\", \"--database\", \"{DATABASE_IN_IMAGE}\"]\n"
    )
}

/// Writes a file under a temporary name beside it, and then gives it its own.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> std::io::Result<()> {
    draft(path, content)?.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Writes what is to become this file under a temporary name beside it; it goes away with the value unless it is persisted.
fn draft(path: &Path, content: &[u8]) -> std::io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new()
        .prefix(".opm-")
        .suffix(".tmp")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(parent)?;
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}
