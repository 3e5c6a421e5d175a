//! Building with a container tool.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

use crate::Context;
use crate::local::is_on_path;

/// What builds an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildTool {
    /// This program itself.
    None,
    /// docker, which must be installed.
    Docker,
    /// podman, which must be installed.
    Podman,
    /// buildah, which must be installed.
    Buildah,
}

impl std::fmt::Display for BuildTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl BuildTool {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    fn is_installed(self) -> bool {
        is_on_path(self.name())
    }

    /// The tool, if it is installed; where none is named, podman or docker. `instead` is what one may do without any.
    pub(super) fn installed(named: Option<Self>, instead: &str) -> anyhow::Result<Self> {
        match named {
            Some(tool) => {
                ensure!(
                    tool.is_installed(),
                    "{tool} is not installed, or not on the PATH: install it, or leave out the flag that names it"
                );
                Ok(tool)
            }
            None => match [Self::Podman, Self::Docker].into_iter().find(|tool| tool.is_installed()) {
                Some(tool) => Ok(tool),
                None => bail!(
                    "neither podman nor docker is on the PATH: build without a tool, with --push or --output, or {instead}"
                ),
            },
        }
    }

    /// Runs the tool with these arguments in a directory; its output is ours.
    pub(crate) async fn run(self, arguments: &[&str], directory: &Path, context: &Context) -> anyhow::Result<()> {
        let line = || format!("{self} {}", arguments.join(" "));
        let work = async {
            let mut command = Command::new(self.name());
            command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
            let status = command.status().await.with_context(line)?;
            ensure!(status.success(), "`{}` failed ({status})", line());
            Ok(())
        };
        context.unless_interrupted(work).await
    }
}
