//! Input from a file, or from stdin.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::Context as _;

/// The content of a file, and its name; of stdin, which has no name, where the file is `-` or not given.
pub(crate) fn read(file: Option<&str>) -> anyhow::Result<(Vec<u8>, Option<PathBuf>)> {
    let mut content = Vec::new();
    match file {
        None | Some("-") => {
            io::stdin().lock().read_to_end(&mut content).context("read stdin")?;
            Ok((content, None))
        }
        Some(file) => {
            let content = fs::read(file).with_context(|| format!("unable to open {file:?}"))?;
            Ok((content, Some(file.into())))
        }
    }
}
