//! The image of these programs: for pods, and as what catalog images are built on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use opm_image::build::{Change, Contents};

use crate::build::{Builder, Native, OPM, PROBE, alone};
use crate::{BuildOptions, Built, Context, ImageOptions, version};

/// What `opm` is called besides, and is then: links to it make it the other programs.
const LINKS: &[&str] = &["configmap-server", PROBE, "initializer", "registry-server"];
const DESCRIPTION: &str = "Tools for catalogs of Kubernetes operators";
/// The user that the programs run as, a number so that clusters see that it is not root.
const USER: &str = "1001";
/// Where they start, and whatever is temporary is: the one directory that everybody may write to.
const TEMPORARY: &str = "tmp";

/// What to build, and where it goes.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The statically linked `opm` that the image holds; without one, this very program.
    pub opm: Option<PathBuf>,
    /// Labels besides those that the image has by itself, or in their place.
    pub labels: BTreeMap<String, String>,
    /// The name of the image, and its outputs; a tool has no part in it.
    pub build: BuildOptions,
    /// How to push the image.
    pub images: ImageOptions,
}

/// Builds the image.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Built> {
    let outputs = options.build.outputs()?;
    let own = || std::env::current_exe().context("cannot find the file of this program");
    let opm = options.opm.clone().map_or_else(own, Ok)?;
    alone(&opm, "use")?;
    let mut contents = Contents::default();
    contents.file(OPM, opm, true)?;
    for name in LINKS {
        contents.link(&format!("bin/{name}"), "opm")?;
    }
    contents.directory(TEMPORARY, true)?;
    let native = Native { base: Some("scratch"), contents, change: change(&options.labels), images: &options.images };
    Builder::native(&outputs, native, context).await
}

/// What the `Dockerfile` says, too.
fn change(labels: &BTreeMap<String, String>) -> Change {
    let version = version::run();
    let own = [
        ("title", "opm"),
        ("description", DESCRIPTION),
        ("source", env!("CARGO_PKG_REPOSITORY")),
        ("licenses", env!("CARGO_PKG_LICENSE")),
        ("version", version.opm_version),
        ("revision", version.git_commit),
    ];
    let own = own.into_iter().filter(|(_, value)| !value.is_empty());
    let mut all: BTreeMap<_, _> =
        own.map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.to_owned())).collect();
    all.extend(labels.clone());
    Change {
        labels: all,
        ports: vec!["50051/tcp".to_owned()],
        entrypoint: Some(vec!["/bin/opm".to_owned()]),
        user: Some(USER.to_owned()),
        working_dir: Some(format!("/{TEMPORARY}")),
        history: "opm image".to_owned(),
        ..Change::default()
    }
}
