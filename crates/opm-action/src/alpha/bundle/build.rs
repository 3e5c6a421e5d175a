//! Building bundle images.

use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

use super::generate::{self, DOCKERFILE, generate};
use crate::Context;

/// What builds an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// docker, which must be installed.
    Docker,
    /// podman, which must be installed.
    Podman,
    /// buildah, which must be installed.
    Buildah,
}

impl Builder {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    /// The arguments that build an image from the Dockerfile in the working directory.
    fn arguments(self, tag: &str) -> Vec<&str> {
        let verb = if self == Self::Buildah { &["bud", "--format=docker"][..] } else { &["build"] };
        [verb, &["-f", DOCKERFILE, "-t", tag, "."]].concat()
    }

    fn is_installed(self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(self.name()).is_file())
    }
}

/// What to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the bundle is made of.
    pub generate: generate::Options,
    /// The tag of the image.
    pub tag: String,
    /// What builds it; without one podman where it is installed, else docker.
    pub builder: Option<Builder>,
    /// Whether to replace annotations and a Dockerfile that are there.
    pub overwrite: bool,
}

/// Generates a bundle's files and builds its image from them.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<()> {
    ensure!(!options.tag.is_empty(), "a tag for the image is needed");
    ensure!(!options.tag.starts_with('-'), "tag {:?} looks like a flag", options.tag);
    let builder = match options.builder {
        Some(builder) => {
            ensure!(
                builder.is_installed(),
                "{} is not installed, or not on the PATH: install it, or name another --image-builder",
                builder.name()
            );
            builder
        }
        None => match [Builder::Podman, Builder::Docker].into_iter().find(|builder| builder.is_installed()) {
            Some(builder) => builder,
            None => bail!(
                "neither podman nor docker is on the PATH: install one, or run `opm alpha bundle generate` and build the \
                 image from {DOCKERFILE} elsewhere"
            ),
        },
    };
    tokio::task::block_in_place(|| generate(&options.generate, options.overwrite))?;
    let arguments = builder.arguments(&options.tag);
    let line = || format!("{} {}", builder.name(), arguments.join(" "));
    let work = async {
        let mut command = Command::new(builder.name());
        let status =
            command.args(&arguments).stdin(Stdio::null()).kill_on_drop(true).status().await.with_context(line)?;
        ensure!(status.success(), "`{}` failed ({status})", line());
        Ok(())
    };
    context.unless_interrupted(work).await
}
