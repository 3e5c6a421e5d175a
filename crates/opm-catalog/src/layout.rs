//! The files that a catalog is laid out in.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use opm_model::Stop;

use crate::index::Entry;
use crate::{Error, Format, Index};

/// One file of a catalog that is being laid out.
pub struct LayoutFile<'a> {
    /// Its path below the directory of the catalog.
    pub path: PathBuf,
    index: &'a Index,
    entries: Vec<&'a Entry>,
    format: Format,
}

impl LayoutFile<'_> {
    /// Writes the content of the file. Ends early with [`Error::Stopped`] when `stop` is asked for.
    pub fn write(&self, stop: &Stop, out: &mut impl Write) -> Result<(), Error> {
        self.index.write_entries(&self.entries, self.format, stop, out)
    }
}

impl Index {
    /// Lays the catalog out: each package in a directory of its name, `PACKAGE/catalog.json` (or `.yaml`), and what belongs to
    /// no package in `catalog.json`. A package name must be a path that stays below the directory.
    pub fn layout(&self, format: Format) -> Result<Vec<LayoutFile<'_>>, Error> {
        let name = format!("catalog.{}", format.extension());
        let mut files = Vec::new();
        for package in self.packages() {
            if !Path::new(package).components().all(|part| matches!(part, Component::Normal(_)))
                || package.contains('\0')
            {
                return Err(Error::Usage(format!(
                    "invalid package name {package:?}: must be a single local path element"
                )));
            }
            let path = Path::new(package).join(&name);
            files.push(LayoutFile { path, index: self, entries: self.sorted(package), format });
        }
        let loose = self.sorted("");
        if !loose.is_empty() {
            files.push(LayoutFile { path: name.into(), index: self, entries: loose, format });
        }
        Ok(files)
    }
}
