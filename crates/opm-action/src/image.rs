//! The image of these programs: for pods, and as what catalog images are built on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use opm_image::build::{Change, Contents};

use crate::build::{Builder, Native, add_programs, runs_alone, this_program};
use crate::{BuildOptions, Built, Context, ImageOptions, Platform, version};

const DESCRIPTION: &str = "Tools for catalogs of Kubernetes operators";
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
    let opm = options.opm.clone().map_or_else(this_program, Ok)?;
    let platform = options.images.platform.clone().unwrap_or_else(Platform::host);
    runs_alone(&opm, &platform, "use")?;
    let (mut contents, mut change) = (Contents::default(), change(&options.labels));
    add_programs(opm, &mut contents, &mut change)?;
    let native = Native { base: Some("scratch"), contents, change, images: &options.images };
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
    Change { labels: all, ports: vec!["50051/tcp".to_owned()], history: "opm image".to_owned(), ..Change::default() }
}
