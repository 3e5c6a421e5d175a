//! Editing a file-based catalog: one that was unpacked from an image, or a directory in place.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_catalog::edit::{Edit, EditError, Edited, FileChange};
use opm_catalog::{Index, Purpose};
use opm_model::Stop;
use tempfile::{NamedTempFile, TempDir};

use crate::bundles;
use crate::index::pipeline::draft;

/// A catalog of files that is being edited.
#[derive(Debug)]
pub(crate) struct FileCatalog {
    /// The directory or file.
    pub(crate) root: PathBuf,
    /// What people call it.
    name: String,
    /// Where it is, if nobody else sees it.
    private: Option<TempDir>,
}

/// Which packages an edit is about.
#[derive(Clone, Debug)]
pub(crate) enum Concerned {
    All,
    /// These; they need not be there yet.
    Packages(Vec<String>),
}

impl FileCatalog {
    /// A catalog that is edited where it is.
    pub(crate) fn in_place(root: &Path) -> anyhow::Result<Self> {
        fs::metadata(root).with_context(|| format!("cannot read {}", root.display()))?;
        Ok(Self { root: root.to_owned(), name: root.display().to_string(), private: None })
    }

    /// A catalog in a private directory.
    pub(crate) fn private(directory: TempDir, root: PathBuf, name: &str) -> Self {
        Self { root, name: name.to_owned(), private: Some(directory) }
    }

    /// A private copy of what is read of a catalog.
    pub(crate) fn copied(from: &Path) -> anyhow::Result<Self> {
        let place = bundles::private_dir()?;
        let root = place.path().join("configs");
        fs::create_dir(&root).with_context(|| format!("create {}", root.display()))?;
        for file in opm_catalog::files(from)? {
            let below = file.strip_prefix(from)?;
            let name = if below.as_os_str().is_empty() { file.file_name().unwrap_or_default().as_ref() } else { below };
            let to = root.join(name);
            fs::create_dir_all(to.parent().unwrap_or(&root)).with_context(|| format!("create {}", to.display()))?;
            fs::copy(&file, &to).with_context(|| format!("copy {} to {}", file.display(), to.display()))?;
        }
        Ok(Self::private(place, root, &from.display().to_string()))
    }

    /// Edits the catalog in memory. Its files stay as they are.
    pub(crate) fn edit(
        &self,
        concerned: &Concerned,
        stop: &Stop,
        work: impl FnOnce(&mut Edit) -> Result<Vec<EditError>, EditError>,
    ) -> anyhow::Result<(Edited, Vec<EditError>)> {
        let mut index = Index::default();
        index.read(&self.root, Purpose::Take, stop)?;
        let mut edit = match concerned {
            Concerned::All => Edit::new(index.load_all()?),
            Concerned::Packages(packages) => Edit::of_packages(&index, packages)?,
        };
        let findings = work(&mut edit).with_context(|| format!("catalog {}", self.name))?;
        Ok((edit.finish(), findings))
    }

    /// Writes what an edit changed: all files under temporary names, which then become theirs.
    pub(crate) fn write(&self, changes: &[FileChange]) -> anyhow::Result<()> {
        let mut drafts: Vec<(PathBuf, NamedTempFile)> = Vec::new();
        for FileChange { path, content } in changes {
            let Some(content) = content else { continue };
            // What a link leads to is edited, and the link stays; but not where the links are those of an image.
            let real = if self.private.is_none() { fs::canonicalize(path).ok() } else { None };
            let path = real.unwrap_or_else(|| path.clone());
            let parent = path.parent().unwrap_or(&self.root);
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
            let draft = draft(&path, content.as_slice()).with_context(|| format!("write {}", path.display()))?;
            if let Ok(about) = fs::metadata(&path) {
                ensure!(about.is_file(), "{} is not a file", path.display());
                fs::set_permissions(draft.path(), about.permissions())
                    .with_context(|| format!("write {}", path.display()))?;
            }
            drafts.push((path, draft));
        }
        for (path, draft) in drafts {
            draft.persist(&path).with_context(|| format!("write {}", path.display()))?;
        }
        for FileChange { path, .. } in changes.iter().filter(|change| change.content.is_none()) {
            fs::remove_file(path).with_context(|| format!("remove {}", path.display()))?;
            // Directories that held nothing else go, too.
            let mut parent = path.parent();
            while let Some(directory) = parent.filter(|directory| **directory != self.root)
                && fs::remove_dir(directory).is_ok()
            {
                parent = directory.parent();
            }
        }
        Ok(())
    }
}
