//! Writing several files as one: all of them, or none.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

/// Files under temporary names beside their places. What is not committed goes away, with the directories made for it.
#[derive(Default)]
pub(super) struct Staged {
    files: Vec<(NamedTempFile, PathBuf)>,
    links: Vec<(PathBuf, PathBuf)>,
    made: Vec<PathBuf>,
}

impl Staged {
    /// Makes a directory and those above it, where they are missing.
    pub(super) fn directory(&mut self, dir: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> =
            dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
        for dir in missing.into_iter().rev() {
            fs::create_dir(dir).with_context(|| format!("create {}", dir.display()))?;
            self.made.push(dir.to_owned());
        }
        anyhow::ensure!(dir.as_os_str().is_empty() || dir.is_dir(), "{} is not a directory", dir.display());
        Ok(())
    }

    fn draft(&mut self, path: &Path, fill: impl FnOnce(&mut fs::File) -> io::Result<()>) -> anyhow::Result<()> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.directory(parent)?;
        anyhow::ensure!(!path.is_dir(), "write {}: it is a directory", path.display());
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".opm-").suffix(".tmp").permissions(Permissions::from_mode(0o666));
        let mut draft = builder.tempfile_in(parent).with_context(|| format!("write {}", path.display()))?;
        fill(draft.as_file_mut()).with_context(|| format!("write {}", path.display()))?;
        self.files.push((draft, path.to_owned()));
        Ok(())
    }

    /// A file with this content and the usual mode.
    pub(super) fn file(&mut self, path: &Path, content: &[u8]) -> anyhow::Result<()> {
        self.draft(path, |file| file.write_all(content))
    }

    /// A copy of everything in a directory. Files keep their modes, links lead where they led; what leads out of `root` is an
    /// error.
    pub(super) fn copy(&mut self, from: &Path, to: &Path, root: &Path) -> anyhow::Result<()> {
        self.directory(to)?;
        let root = root.canonicalize().with_context(|| format!("read {}", root.display()))?;
        for entry in walkdir::WalkDir::new(from).sort_by_file_name().min_depth(1) {
            let entry = entry?;
            let source = entry.path();
            let target = to.join(source.strip_prefix(from)?);
            let kind = entry.file_type();
            if kind.is_dir() {
                self.directory(&target)?;
            } else if kind.is_symlink() {
                let real = source.canonicalize().with_context(|| format!("read {}", source.display()))?;
                let link = fs::read_link(source).with_context(|| format!("read {}", source.display()))?;
                anyhow::ensure!(
                    real.starts_with(&root) && link.is_relative(),
                    "{} is a link that leads out of the bundle",
                    source.display()
                );
                self.links.push((link, target));
            } else {
                anyhow::ensure!(kind.is_file(), "{} is neither a file nor a directory", source.display());
                let mut content = fs::File::open(source).with_context(|| format!("read {}", source.display()))?;
                let mode = content.metadata()?.permissions();
                self.draft(&target, |file| {
                    io::copy(&mut content, file)?;
                    file.set_permissions(mode)
                })?;
            }
        }
        Ok(())
    }

    /// Gives all files their names.
    pub(super) fn commit(mut self) -> anyhow::Result<()> {
        for (draft, path) in self.files.drain(..) {
            draft.persist(&path).map_err(|e| e.error).with_context(|| format!("write {}", path.display()))?;
        }
        for (link, path) in self.links.drain(..) {
            let make = || {
                if path.symlink_metadata().is_ok() {
                    fs::remove_file(&path)?;
                }
                std::os::unix::fs::symlink(&link, &path)
            };
            make().with_context(|| format!("write {}", path.display()))?;
        }
        self.made.clear();
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.files.clear();
        for dir in self.made.iter().rev() {
            // Where somebody has put something in it meanwhile, it stays.
            let _kept = fs::remove_dir(dir);
        }
    }
}
