//! Pulling with a container tool instead of our own client: what a tool has pulled or built may not be in any registry.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use opm_image::{Options, Tls};
use tokio::process::Command;

use crate::local::LocalImage;

/// A tool that pulls images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullTool {
    /// Our own client.
    #[default]
    None,
    /// docker, which must be installed.
    Docker,
    /// podman, which must be installed.
    Podman,
}

impl std::fmt::Display for PullTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Docker => "docker",
            Self::Podman => "podman",
        })
    }
}

impl PullTool {
    /// What gets the image of a reference: the storage of a container tool is read in one way, whatever tool pulls.
    pub(crate) fn for_reference(self, reference: &str) -> Self {
        if LocalImage::of(reference).is_some() { Self::None } else { self }
    }

    async fn run(self, args: &[&str]) -> anyhow::Result<String> {
        let name = self.to_string();
        let line = || format!("{name} {}", args.join(" "));
        let output = Command::new(&name).args(args).stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = match output {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                bail!("{name} is not installed, or not on the PATH: install it, or leave out the flag that names it")
            }
            output => output.with_context(line)?,
        };
        if !output.status.success() {
            bail!("`{}` failed ({}): {}", line(), output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Pulls an image; returns its labels.
    pub(crate) async fn pull(self, image: &str, options: &Options) -> anyhow::Result<BTreeMap<String, String>> {
        let mut args = vec!["pull"];
        if self == Self::Podman && options.tls != Tls::Verify {
            args.push("--tls-verify=false");
        }
        args.push(image);
        self.run(&args).await?;
        let about = self.run(&["inspect", image]).await?;
        let about: serde_json::Value =
            serde_json::from_str(&about).with_context(|| format!("{self} inspect {image}"))?;
        let labels = about.pointer(if self == Self::Docker { "/0/Config/Labels" } else { "/0/Labels" });
        Ok(labels.map(|labels| serde_json::from_value(labels.clone()).unwrap_or_default()).unwrap_or_default())
    }

    /// Copies the file system of a pulled image into an empty directory.
    pub(crate) async fn unpack(self, image: &str, into: &Path) -> anyhow::Result<()> {
        let container = self.run(&["create", image, ""]).await?;
        let copied = self.run(&["cp", &format!("{container}:/."), &into.to_string_lossy()]).await;
        let removed = self.run(&["rm", &container]).await;
        copied.and(removed).map(|_| ())
    }
}

/// The path of something in an unpacked image, with all links followed; an error where that leads out of the image.
pub(crate) fn inside(root: &Path, path: &str) -> anyhow::Result<std::path::PathBuf> {
    let root = root.canonicalize().with_context(|| format!("read {}", root.display()))?;
    let found =
        root.join(path.trim_start_matches('/')).canonicalize().with_context(|| format!("read /{path} of the image"))?;
    anyhow::ensure!(found.starts_with(&root), "/{path} of the image is a link that leads out of it");
    Ok(found)
}
