//! Files and directories that go away again, unless all goes well.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::ErrorKind;

/// A file under a temporary name in `dir`, readable by whom the process lets read its files.
pub(crate) fn draft(dir: &Path) -> Result<NamedTempFile, ErrorKind> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".opm-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir).map_err(ErrorKind::io(dir))
}

/// Gives a draft its name.
pub(crate) fn settle(draft: NamedTempFile, path: &Path) -> Result<(), ErrorKind> {
    draft.as_file().sync_all().map_err(ErrorKind::io(path))?;
    draft.persist(path).map(|_| ()).map_err(|error| ErrorKind::io(path)(error.error))
}

/// Writes a file in one step.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), ErrorKind> {
    settle(written(path, bytes)?, path)
}

/// A draft of a file, beside its place.
pub(super) fn written(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, ErrorKind> {
    let mut file = draft(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes).map_err(ErrorKind::io(path))?;
    Ok(file)
}

/// Makes all others who write to the layout in `dir` wait while the file is open, or an image would be lost between reading and
/// writing `index.json`.
pub(super) fn lock(dir: &Path) -> Result<File, ErrorKind> {
    let lock = File::open(dir).map_err(ErrorKind::io(dir))?;
    match lock.lock() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(ErrorKind::io(dir)(error)),
        _ => Ok(lock),
    }
}

/// What was made. It is removed with this value, the last first, unless it is [kept](Self::keep).
#[derive(Debug, Default)]
pub(super) struct Traces {
    files: Vec<PathBuf>,
    dirs: Vec<PathBuf>,
}

impl Traces {
    /// Makes a directory and those above it.
    pub(super) fn directory(&mut self, path: &Path) -> Result<(), ErrorKind> {
        let lacking: Vec<&Path> =
            path.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists()).collect();
        for at in lacking.into_iter().rev() {
            match fs::create_dir(at) {
                Ok(()) => self.dirs.push(at.to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(ErrorKind::io(at)(error)),
            }
        }
        Ok(())
    }

    /// Gives a draft a name that is free.
    pub(super) fn file(&mut self, draft: NamedTempFile, path: PathBuf) -> Result<(), ErrorKind> {
        settle(draft, &path)?;
        self.files.push(path);
        Ok(())
    }

    pub(super) fn keep(mut self) {
        self.files.clear();
        self.dirs.clear();
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for dir in self.dirs.iter().rev() {
            let _ = fs::remove_dir(dir);
        }
    }
}
