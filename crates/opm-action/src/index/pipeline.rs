//! What all edits of an index share: the database or the catalog out of the index image before, the edit, and what it becomes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use opm_catalog::edit::{Difference, Edit as CatalogEdit, EditError};
use opm_image::build::{Change, Contents, Output};
use opm_image::{Client, Keep};
use opm_sqlite::{Edit, StoreError};
use tempfile::NamedTempFile;

use crate::build::{BuildOptions, BuildTool, Builder, Built, Native};
use crate::index::catalog_image::CatalogImage;
use crate::index::file_catalog::{Concerned, FileCatalog};
use crate::local::LocalImage;
use crate::tool::inside;
use crate::{Context, ImageOptions, PullTool, bundles};

/// The image that an index is built on where no other is named.
pub const DEFAULT_BINARY_IMAGE: &str = "quay.io/operator-framework/opm:latest";

/// The label that says where in an index image its database is.
pub(super) const DATABASE_LABEL: &str = "operators.operatorframework.io.index.database.v1";
/// The label that says where in a catalog image its file-based catalog is.
pub(super) const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";
/// Where an index image keeps its database.
const DATABASE_IN_IMAGE: &str = "/database/index.db";
/// Where the database is put, below the directory of the build context.
const DATABASE: &str = "database/index.db";

/// The name of the Dockerfile, where no other is asked for.
pub(super) const DOCKERFILE: &str = "index.Dockerfile";
/// What container tools name the image, where no other name is asked for.
pub(super) const DEFAULT_TAG: &str = "operator-registry-index:latest";

/// Where an index comes from, and what becomes of it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The index to begin with: an image, or the directory of a file-based catalog, which stays as it is. A new index where there
    /// is none.
    pub from_index: Option<String>,
    /// A file-based catalog that is edited where it is, instead.
    pub catalog: Option<PathBuf>,
    /// Whether only to tell what would change in a file-based catalog.
    pub dry_run: bool,
    /// The image that the index is built on. Without one, tools take [`DEFAULT_BINARY_IMAGE`], and an image that we build has
    /// this program in it.
    pub binary_image: Option<String>,
    /// What is made.
    pub product: Product,
    /// How to pull and push images.
    pub images: ImageOptions,
    /// The tool to pull the index with.
    pub tool: PullTool,
}

/// What is made of an edited index.
#[derive(Clone, Debug)]
pub enum Product {
    /// Nothing but an edited catalog.
    Catalog,
    /// What an image is built from: a database and a Dockerfile.
    Files {
        /// The directory of the build context: where `database/index.db` is put.
        directory: PathBuf,
        /// The Dockerfile, if it is not `index.Dockerfile` in that directory.
        dockerfile: Option<PathBuf>,
    },
    /// An image.
    Image(BuildOptions),
}

impl Default for Product {
    fn default() -> Self {
        Self::Image(BuildOptions::default())
    }
}

/// What an edit of an index came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What a permissive run went on with.
    pub findings: Vec<anyhow::Error>,
    /// What changed in the upgrade graphs of a file-based catalog.
    pub difference: Option<Difference>,
    /// The image, where one was built.
    pub built: Option<Built>,
}

/// An index that is being edited.
pub(crate) struct Index<'a> {
    target: &'a Target,
    /// What builds the image, if one is built.
    builder: Option<Builder>,
    before: Before,
}

/// The index before.
enum Before {
    Nothing,
    /// A database, in a private directory.
    Database {
        path: PathBuf,
        #[expect(dead_code, reason = "goes with what is in it")]
        directory: tempfile::TempDir,
    },
    Catalog(FileCatalog),
}

/// What an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Database,
    Catalog,
}

impl Target {
    /// Checks what can be checked before any work, and gets the index to begin with.
    pub(crate) async fn begin(&self, context: &Context) -> anyhow::Result<Index<'_>> {
        let builder = match &self.product {
            _ if self.dry_run => None,
            Product::Catalog | Product::Files { .. } => None,
            Product::Image(options) => {
                let builder = options.builder(DEFAULT_TAG, "write what it is built from with --generate")?;
                builder.check(self.binary_image.as_deref())?;
                Some(builder)
            }
        };
        LocalImage::check(&self.from_index)?;
        let before = match (&self.catalog, &self.from_index) {
            (Some(catalog), _) => Before::Catalog(FileCatalog::in_place(catalog)?),
            (None, Some(directory)) if Path::new(directory).is_dir() => {
                Before::Catalog(FileCatalog::copied(Path::new(directory))?)
            }
            (None, Some(reference)) => {
                let fetched = fetch(reference, &self.images, self.tool, context);
                match context.unless_interrupted(fetched).await? {
                    (Form::Database, directory, path) => Before::Database { path, directory },
                    (Form::Catalog, dir, path) => Before::Catalog(FileCatalog::private(dir, path, reference)),
                }
            }
            (None, None) => Before::Nothing,
        };
        let index = Index { target: self, builder, before };
        ensure!(index.is_catalog() || !self.dry_run, "only edits of file-based catalogs can be tried with --dry-run");
        Ok(index)
    }
}

/// Pulls the database of an index image into a private directory; returns the directory and the path of the database in it.
pub(crate) async fn fetch_database(
    reference: &str,
    images: &ImageOptions,
    tool: PullTool,
    context: &Context,
) -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    match fetch(reference, images, tool, context).await? {
        (Form::Database, dir, path) => Ok((dir, path)),
        (Form::Catalog, ..) => bail!(
            "index image {reference} holds a file-based catalog (label {CONFIGS_LABEL}), and this command reads databases: \
            see `opm render` and `opm migrate`"
        ),
    }
}

/// Pulls what an index image holds into a private directory; returns its form, the directory and its path there.
async fn fetch(
    reference: &str,
    images: &ImageOptions,
    tool: PullTool,
    context: &Context,
) -> anyhow::Result<(Form, tempfile::TempDir, PathBuf)> {
    let dir = bundles::private_dir()?;
    if tool.for_reference(reference) != PullTool::None {
        let labels = tool.pull(reference, images).await?;
        let (form, location) = location(reference, &labels)?;
        tool.unpack(reference, dir.path()).await?;
        let path = inside(dir.path(), location).with_context(|| format!("index image {reference}"))?;
        return Ok((form, dir, path));
    }
    let client = Client::new(images.clone(), context.environment.clone())?;
    let image = bundles::resolve(&client, reference, context).await?;
    let (form, location) = location(reference, image.labels())?;
    let keep = Keep::under([location.trim_start_matches('/')]);
    let unpacked = client.unpack(&image, &dir.path().join("image"), &keep, context.progress.as_ref()).await?;
    let (what, label) = match form {
        Form::Database => ("database", DATABASE_LABEL),
        Form::Catalog => ("catalog", CONFIGS_LABEL),
    };
    match unpacked.path(location).filter(|path| if form == Form::Database { path.is_file() } else { path.is_dir() }) {
        Some(path) => Ok((form, dir, path)),
        None => bail!("index image {reference}: there is no {what} at {location}, where its label {label} says it is"),
    }
}

/// What an index image holds, and where, as its labels say.
fn location<'a>(reference: &str, labels: &'a BTreeMap<String, String>) -> anyhow::Result<(Form, &'a str)> {
    let (form, label, location) = match (labels.get(CONFIGS_LABEL), labels.get(DATABASE_LABEL)) {
        (Some(location), database) => {
            if database.is_some() {
                tracing::warn!(
                    "index image {reference} has a file-based catalog and a database: the catalog is taken, and the \
                    database goes"
                );
            }
            (Form::Catalog, CONFIGS_LABEL, location)
        }
        (None, Some(location)) => (Form::Database, DATABASE_LABEL, location),
        (None, None) => bail!("index image {reference} missing label {DATABASE_LABEL}"),
    };
    let leads_out = Path::new(location).components().any(|c| c == std::path::Component::ParentDir);
    ensure!(
        !leads_out,
        "index image {reference}: its label {label} has the path {location:?}, which leads out of the image"
    );
    Ok((form, location))
}

impl Index<'_> {
    /// Whether it is a catalog of files that is edited, and not a database.
    pub(crate) fn is_catalog(&self) -> bool {
        matches!(self.before, Before::Catalog(_))
    }

    /// Edits the database, and makes of it what is wanted.
    pub(crate) async fn finish(
        self,
        context: &Context,
        work: impl FnOnce(&Edit<'_>) -> Result<Vec<anyhow::Error>, StoreError>,
    ) -> anyhow::Result<Outcome> {
        match (&self.target.product, &self.builder) {
            (Product::Files { directory, dockerfile }, _) => {
                let dockerfile = dockerfile.clone().unwrap_or_else(|| directory.join(DOCKERFILE));
                let findings = self.files(directory, &dockerfile, context, work)?;
                Ok(Outcome { findings, ..Outcome::default() })
            }
            (Product::Catalog, _) | (Product::Image(_), None) => bail!("an index was begun without what it becomes"),
            (Product::Image(_), Some(builder)) => {
                let place = bundles::private_dir()?;
                let findings = self.files(place.path(), &place.path().join(DOCKERFILE), context, work)?;
                let built = self.build(builder, place.path(), context).await?;
                Ok(Outcome { findings, difference: None, built: Some(built) })
            }
        }
    }

    /// Edits the database, and writes it and the Dockerfile. Both appear once the edit has succeeded, or neither does.
    fn files<T>(
        &self,
        directory: &Path,
        dockerfile: &Path,
        context: &Context,
        work: impl FnOnce(&Edit<'_>) -> Result<T, StoreError>,
    ) -> anyhow::Result<T> {
        // Whether the Dockerfile can be written is known before the database is.
        let draft = self.draft_dockerfile(dockerfile)?;
        let database = directory.join(DATABASE);
        let parent = directory.join("database");
        let is_new = !parent.exists();
        fs::create_dir_all(&parent).with_context(|| format!("create {}", parent.display()))?;
        let result = tokio::task::block_in_place(|| {
            let from = match &self.before {
                Before::Database { path, .. } => Some(path.as_path()),
                Before::Nothing | Before::Catalog(_) => None,
            };
            opm_sqlite::create(&database, from, context.stop(), work)
        });
        match result {
            Ok(answer) => {
                draft.persist(dockerfile).with_context(|| format!("write {}", dockerfile.display()))?;
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

    /// Edits the catalog of files, and makes of it what is wanted.
    pub(crate) async fn finish_catalog(
        self,
        concerned: Concerned,
        context: &Context,
        work: impl FnOnce(&mut CatalogEdit) -> Result<Vec<EditError>, EditError>,
    ) -> anyhow::Result<Outcome> {
        let Before::Catalog(catalog) = &self.before else { bail!("a database was taken for a catalog of files") };
        let (edited, findings) = tokio::task::block_in_place(|| catalog.edit(&concerned, context.stop(), work))?;
        let mut outcome = Outcome {
            findings: findings.into_iter().map(|finding| anyhow!(finding)).collect(),
            difference: Some(edited.difference()),
            built: None,
        };
        if self.target.dry_run {
            return Ok(outcome);
        }
        ensure!(!context.stop().is_asked(), crate::context::Interrupted);
        tokio::task::block_in_place(|| catalog.write(&edited.plan(&catalog.root)?))?;
        let image = CatalogImage {
            catalog: &catalog.root,
            base: self.target.binary_image.as_deref(),
            with_pack: self.builder.as_ref().is_some_and(Builder::is_native) && self.target.binary_image.is_none(),
            images: &self.target.images,
        };
        match (&self.target.product, &self.builder) {
            (Product::Catalog, _) => {}
            (Product::Files { directory, dockerfile }, _) => {
                let dockerfile = dockerfile.clone().unwrap_or_else(|| directory.join(DOCKERFILE));
                tokio::task::block_in_place(|| image.write(directory, &dockerfile, context))?;
            }
            (Product::Image(_), Some(builder)) => outcome.built = Some(image.build(builder, context).await?),
            (Product::Image(_), None) => bail!("an index was begun without what builds it"),
        }
        Ok(outcome)
    }

    /// The text of the Dockerfile under a temporary name beside it.
    fn draft_dockerfile(&self, path: &Path) -> anyhow::Result<NamedTempFile> {
        let base = self.target.binary_image.as_deref().unwrap_or(DEFAULT_BINARY_IMAGE);
        ensure!(!path.is_dir(), "write {}: it is a directory", path.display());
        draft(path, dockerfile(base).as_bytes()).with_context(|| format!("write {}", path.display()))
    }

    /// Builds the image of what was written to this directory.
    async fn build(&self, builder: &Builder, directory: &Path, context: &Context) -> anyhow::Result<Built> {
        let outputs = match builder {
            Builder::Native(outputs) => outputs,
            Builder::Tool(tool, tag) => {
                let verb: &[&str] = match tool {
                    BuildTool::Podman => &["build", "--format", "docker"],
                    BuildTool::Buildah => &["bud", "--format=docker"],
                    BuildTool::Docker | BuildTool::None => &["build"],
                };
                let arguments = [verb, &["-f", DOCKERFILE, "-t", tag, "."]].concat();
                tool.run(&arguments, directory, context).await?;
                return Ok(Built { name: tag.clone(), digest: None });
            }
        };
        let base = self.target.binary_image.as_deref();
        database_image(outputs, &directory.join(DATABASE), base, &self.target.images, context).await
    }
}

/// Builds the index image of a database by ourselves.
pub(crate) async fn database_image(
    outputs: &[Output],
    database: &Path,
    base: Option<&str>,
    images: &ImageOptions,
    context: &Context,
) -> anyhow::Result<Built> {
    let mut contents = Contents::default();
    contents.file(DATABASE, database, false)?;
    let change = Change {
        labels: BTreeMap::from([(DATABASE_LABEL.to_owned(), DATABASE_IN_IMAGE.to_owned())]),
        ports: vec!["50051/tcp".to_owned()],
        entrypoint: Some(vec!["/bin/opm".to_owned()]),
        cmd: Some(["registry", "serve", "--database", DATABASE_IN_IMAGE].map(str::to_owned).to_vec()),
        history: "opm index".to_owned(),
        ..Change::default()
    };
    Builder::native(outputs, Native { base, contents, change, images }, context).await
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
pub(crate) fn draft(path: &Path, mut content: impl Read) -> std::io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new()
        .prefix(".opm-")
        .suffix(".tmp")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(parent)?;
    std::io::copy(&mut content, &mut draft)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}
