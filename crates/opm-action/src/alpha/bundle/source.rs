//! Where a bundle comes from.

use std::path::{Path, PathBuf};

use opm_image::{Client, Keep, Options};
use tempfile::TempDir;

use crate::{Context, PullTool, bundles};

/// A bundle on disk.
pub(super) struct Local {
    root: PathBuf,
    /// Goes away with the value, and what was unpacked into it.
    _unpacked: Option<TempDir>,
}

impl Local {
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

/// Gets a bundle from a directory, a registry, a layout or an archive.
pub(super) async fn get(
    reference: &str,
    keep: &Keep,
    images: &Options,
    tool: PullTool,
    context: &Context,
) -> anyhow::Result<Local> {
    let path = PathBuf::from(reference);
    if path.is_dir() {
        return Ok(Local { root: path, _unpacked: None });
    }
    let dir = bundles::private_dir()?;
    // An empty place within the private directory, which is dropped with all that is in it.
    let root = dir.path().join("image");
    let pull = async {
        if tool.for_reference(reference) == PullTool::None {
            let client = Client::new(images.clone(), context.environment.clone())?;
            let image = bundles::resolve(&client, reference, context).await?;
            client.unpack(&image, &root, keep, context.progress.as_ref()).await?;
        } else {
            tool.pull(reference, images).await?;
            std::fs::create_dir_all(&root)?;
            tool.unpack(reference, &root).await?;
        }
        Ok(())
    };
    context.unless_interrupted(pull).await?;
    Ok(Local { root, _unpacked: Some(dir) })
}
