//! Input from a file, or from stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{Context, render};

/// What `work` makes of a file, whose name it gets, or of stdin, which has none, where there is no file or it is `-`. What
/// comes from a pipe or a terminal may take for ever: it is not waited for when the deed is ended early.
pub(super) async fn read<T: Send + 'static>(
    file: Option<&Path>,
    context: &Context,
    work: impl FnOnce(Box<dyn Read>, Option<&Path>) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let file: Option<PathBuf> = file.filter(|file| *file != "-").map(Path::to_path_buf);
    let open = move || match file {
        None => work(Box::new(io::stdin().lock()), None),
        Some(file) => {
            let opened =
                File::open(&file).with_context(|| format!("unable to open {:?}", file.display().to_string()))?;
            work(Box::new(opened), Some(&file))
        }
    };
    render::on_a_thread(context, open).await
}
