//! Images in the storage of a container tool, which are in no registry: the tool writes them to an archive, and that is read.

use std::ops::Deref;
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use opm_image::{Image, Source};
use tempfile::TempDir;
use tokio::process::Command;

use crate::bundles;

/// An image in the storage of a container tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalImage<'a> {
    store: &'static Store,
    name: &'a str,
}

/// Where a tool keeps images.
#[derive(Debug)]
struct Store {
    prefix: &'static str,
    tool: &'static str,
    /// What makes the tool write an image to the file that comes next.
    save: &'static [&'static str],
    source: fn(std::path::PathBuf) -> Source,
}

const STORES: &[Store] = &[
    Store {
        prefix: "containers-storage:",
        tool: "podman",
        save: &["save", "--format", "oci-archive", "--output"],
        source: |file| Source::OciArchive { file, tag: None },
    },
    Store {
        prefix: "docker-daemon:",
        tool: "docker",
        save: &["save", "--output"],
        source: |file| Source::DockerArchive { file, tag: None },
    },
];

/// An image that was found, with the files that it is read from.
pub(crate) struct Found {
    pub(crate) image: Image,
    /// Goes away with the value.
    pub(crate) _saved: Option<TempDir>,
}

impl Deref for Found {
    type Target = Image;

    fn deref(&self) -> &Image {
        &self.image
    }
}

impl<'a> LocalImage<'a> {
    /// The image that a reference such as `containers-storage:NAME` names; `None` where it names something else.
    pub(crate) fn of(reference: &'a str) -> Option<Self> {
        STORES.iter().find_map(|store| Some(Self { store, name: reference.strip_prefix(store.prefix)? }))
    }

    /// Fails where the tool of one of these references is not there to ask.
    pub(crate) fn check<'r>(references: impl IntoIterator<Item = &'r String>) -> anyhow::Result<()> {
        references.into_iter().filter_map(|reference| LocalImage::of(reference)).try_for_each(LocalImage::check_one)
    }

    fn check_one(self) -> anyhow::Result<()> {
        let Store { prefix, tool, .. } = self.store;
        ensure!(!self.name.is_empty(), "{prefix}: a name must follow the colon");
        // It would be taken for an option.
        ensure!(!self.name.starts_with('-'), "{prefix}{}: a name of an image does not begin with -", self.name);
        ensure!(
            is_on_path(tool),
            "{prefix}{}: {tool} is not installed, or not on the PATH, and only {tool} can read its images: install it, or write \
            the image to an archive where it is (`{tool} save`)",
            self.name
        );
        Ok(())
    }

    /// Has the tool write the image to an archive in a private directory.
    pub(crate) async fn save(self) -> anyhow::Result<(TempDir, Source)> {
        self.check_one()?;
        let dir = bundles::private_dir()?;
        let file = dir.path().join("image.tar");
        let mut command = Command::new(self.store.tool);
        command.args(self.store.save).arg(&file).arg(self.whole_name()).stdin(Stdio::null()).kill_on_drop(true);
        let line = || format!("{} save {}", self.store.tool, self.name);
        let output = command.output().await.with_context(line)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed ({}): {}", line(), output.status, said.trim());
        }
        Ok((dir, (self.store.source)(file)))
    }

    /// The name with a tag: of a name without one, docker would save all images.
    fn whole_name(self) -> String {
        let last = self.name.rsplit_once('/').map_or(self.name, |(_, last)| last);
        let is_id = last.len() >= 12 && last.bytes().all(|b| b.is_ascii_hexdigit());
        if last.contains([':', '@']) || is_id { self.name.to_owned() } else { format!("{}:latest", self.name) }
    }
}

/// Whether a program is on the PATH.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
