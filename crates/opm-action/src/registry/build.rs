//! Making an index of an organisation's packages in an app-registry, or of a directory of manifests.

mod download;
mod outputs;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use opm_appregistry::{Organisation, Wanted};
use opm_image::{Client, Event};
use opm_model::Query as _;
use opm_sqlite::{Catalog, Content, SchemaUpgrade};
use tempfile::NamedTempFile;

pub use opm_appregistry::Token;

use crate::build::Builder;
use crate::failure::Incomplete;
use crate::index::pipeline::{database_image, draft};
use crate::{Built, Context, ImageOptions, bundles, initializer};
use outputs::Outputs;

/// What to make an index of, and where it goes.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The manifests.
    pub source: Source,
    /// The image that the index is built on. Without one it has this program in it.
    pub base: Option<String>,
    /// Where the image is pushed to: `REGISTRY/REPOSITORY:TAG`, or another place such as `oci:DIR`.
    pub to: Option<String>,
    /// The file that the image is written to: an OCI archive, if no prefix such as `docker-archive:` says otherwise.
    pub save: Option<String>,
    /// The file that the database is written to.
    pub database: Option<PathBuf>,
    /// Whether to go on with what there is when packages cannot be had or stored.
    pub best_effort: bool,
    /// How to talk to image registries, and by what certificates to know the app-registry.
    pub images: ImageOptions,
}

/// Where manifests come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A directory of bundles and package manifests, in any nesting.
    Directory(PathBuf),
    /// An organisation of an app-registry.
    AppRegistry {
        /// `ORG` or `HOST/ORG`.
        organisation: String,
        /// The address below which the protocol is spoken; goes with no host.
        endpoint: Option<String>,
        /// The packages, `NAME[:RELEASE]`; elements may be lists, separated by commas. All where none is named.
        packages: Vec<String>,
        /// For organisations that are not everybody's.
        token: Option<Token>,
    },
}

impl Default for Source {
    fn default() -> Self {
        Self::Directory(PathBuf::from("manifests"))
    }
}

/// What became of an index.
#[derive(Debug)]
#[must_use]
pub struct Outcome {
    /// The image, where one was built.
    pub built: Option<Built>,
    /// What best efforts could not help.
    findings: Vec<anyhow::Error>,
}

impl Outcome {
    /// An error if something is missing in the index.
    pub fn complete(self) -> anyhow::Result<()> {
        if self.findings.is_empty() {
            return Ok(());
        }
        let summary = "the index was made without what could not be had or stored";
        Err(Incomplete(format!("{}\n{summary}", lines(&self.findings))).into())
    }
}

/// Makes the index. Unless best efforts are enough, anything that cannot be had or stored is an error, told after all has been
/// tried; then nothing is written.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    let outputs = Outputs::new(options)?;
    let (place, mut findings) = (bundles::private_dir()?, Vec::new());
    let (manifests, name) = match &options.source {
        Source::Directory(directory) => (directory.clone(), directory.display().to_string()),
        Source::AppRegistry { organisation, endpoint, packages, token } => {
            let organisation = Organisation::new(organisation, endpoint.as_deref())?;
            let packages = Wanted::list(packages)?;
            let manifests = place.path().join("manifests");
            let images = Client::new(options.images.clone(), context.environment.clone())?;
            let download = download::Download { organisation: &organisation, packages: &packages, into: &manifests };
            findings = context.unless_interrupted(download.run(token.clone(), images, context)).await?;
            if !options.best_effort {
                ensure!(findings.is_empty(), lines(&findings));
            }
            (manifests, organisation.to_string())
        }
    };
    tell(context, &format!("building database of {name}..."));
    let database = place.path().join("index.db");
    let loaded = tokio::task::block_in_place(|| load(&manifests, &database, options.best_effort, context));
    // Nobody can look into a private directory that is gone.
    let private = format!("{}/", place.path().join("manifests").display());
    let named = |error: &anyhow::Error| anyhow!(lines([error]).replace(&private, &format!("{name}/")));
    findings.extend(loaded.map_err(|error| named(&error))?.iter().map(named));

    // The database has its place before the image is built, so that no place that cannot be written to is found too late.
    let draft = options.database.as_deref().map(|path| Draft::new(path, &database)).transpose()?;
    let built = if outputs.is_empty() {
        None
    } else {
        if let Some(to) = &options.to {
            tell(context, &format!("mirroring {name} to {to}..."));
        }
        let base = options.base.as_deref();
        Some(database_image(&outputs.0, &database, base, &options.images, context).await?)
    };
    if let Some(draft) = draft {
        draft.keep()?;
    }
    if let Some(to) = &options.to {
        tell(context, &format!("{name} mirrored to {to}"));
    }
    Ok(Outcome { built, findings })
}

/// Loads the manifests into a new database. Returns what could not be stored, if best efforts are enough.
fn load(manifests: &Path, database: &Path, best_effort: bool, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let options = initializer::Options {
        manifests: manifests.to_owned(),
        output: database.to_owned(),
        append: false,
        permissive: best_effort,
    };
    let findings = initializer::run(&options, context)?;
    let catalog = Catalog::open(database, Content::Always, SchemaUpgrade::Copy)?;
    if catalog.list_packages(context.stop())?.is_empty() {
        let all = if findings.is_empty() { String::new() } else { format!("{}\n", lines(&findings)) };
        return Err(anyhow!("{all}{}: there is no package in the manifests", manifests.display()));
    }
    Ok(findings)
}

fn tell(context: &Context, line: &str) {
    context.progress.event(Event::Step { line });
}

/// The lines that tell of errors.
fn lines<'a>(errors: impl IntoIterator<Item = &'a anyhow::Error>) -> String {
    errors.into_iter().flat_map(crate::report).collect::<Vec<_>>().join("\n")
}

/// A copy of a file under a temporary name beside the place that it is for.
struct Draft {
    copy: NamedTempFile,
    place: PathBuf,
}

impl Draft {
    fn new(place: &Path, from: &Path) -> anyhow::Result<Self> {
        let doing = || format!("write {}", place.display());
        ensure!(!place.is_dir(), "{}: it is a directory", doing());
        // A link stays one: what it leads to is replaced.
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let copy = File::open(from).and_then(|from| draft(&place, from)).with_context(doing)?;
        if let Ok(before) = fs::metadata(&place) {
            copy.as_file().set_permissions(before.permissions()).with_context(doing)?;
        }
        Ok(Self { copy, place })
    }

    fn keep(self) -> anyhow::Result<()> {
        self.copy.persist(&self.place).with_context(|| format!("write {}", self.place.display()))?;
        Ok(())
    }
}

/// Checks what an image without a base would be made of.
fn check_base(builder: &Builder, base: Option<&str>) -> anyhow::Result<()> {
    builder.check(base).context("base image required (--from)")
}
