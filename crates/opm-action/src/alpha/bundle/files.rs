//! Reading the files of a bundle, whatever they are.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use opm_bundle::{File, Files};

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 64 << 20;
/// The most that is read of all files of a directory, in bytes.
const LARGEST_DIRECTORY: u64 = 256 << 20;

/// The files of a bundle in a directory with `manifests/` and `metadata/`.
pub(super) fn bundle(root: &Path) -> anyhow::Result<Files> {
    let part = |name: &str| {
        let dir = root.join(name);
        if dir.is_dir() { directory(&dir, root).map(Some) } else { Ok(None) }
    };
    Ok(Files { manifests: part("manifests")?, metadata: part("metadata")? })
}

/// All entries of a directory by name; what is no file, leads out of `root` or is too large says so in place of its content.
pub(super) fn directory(dir: &Path, root: &Path) -> anyhow::Result<Vec<File>> {
    let shown = || format!("read {}", dir.display());
    let root = root.canonicalize().with_context(shown)?;
    let inside = dir.canonicalize().with_context(shown)?;
    anyhow::ensure!(inside.starts_with(&root), "{} is a link that leads out of the bundle", dir.display());
    let entries = fs::read_dir(dir).with_context(shown)?.collect::<Result<Vec<_>, _>>().with_context(shown)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut left = LARGEST_DIRECTORY;
    let read = paths.iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content = content(path, &root, LARGEST_FILE.min(left));
        left -= content.as_ref().map_or(0, |content| content.len() as u64);
        File { name, content }
    });
    Ok(read.collect())
}

fn content(path: &Path, root: &Path, most: u64) -> Result<Vec<u8>, String> {
    let real = path.canonicalize().map_err(|why| why.to_string())?;
    if !real.starts_with(root) {
        return Err("it is a link that leads out of the bundle".to_owned());
    }
    let about = fs::metadata(&real).map_err(|why| why.to_string())?;
    if about.is_dir() {
        return Err("it is a directory".to_owned());
    }
    if !about.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let too_large = || format!("it is larger than the {most} bytes that may be read of it");
    if about.len() > most {
        return Err(too_large());
    }
    let mut content = Vec::new();
    let file = fs::File::open(&real).map_err(|why| why.to_string())?;
    file.take(most + 1).read_to_end(&mut content).map_err(|why| why.to_string())?;
    if content.len() as u64 > most { Err(too_large()) } else { Ok(content) }
}
