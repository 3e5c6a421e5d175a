//! The files that a catalog is laid out in.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use crate::blob::Catalog;
use crate::encode::Encode;
use crate::write::{groups, write_blobs};
use crate::{Error, Format};

/// One file of a catalog that is being laid out.
pub struct LayoutFile<'a> {
    /// Its path below the directory of the catalog.
    pub path: PathBuf,
    blobs: Vec<&'a dyn Encode>,
    format: Format,
}

impl LayoutFile<'_> {
    /// Writes the content of the file.
    pub fn write(&self, out: &mut impl Write) -> Result<(), Error> {
        write_blobs(&self.blobs, self.format, out)
    }
}

/// Lays a catalog out: each package in a directory of its name, `PACKAGE/catalog.json` (or `.yaml`), and what belongs to no
/// package in `catalog.json`. A package name must be a path that stays below the directory.
pub fn layout(catalog: &Catalog, format: Format) -> Result<Vec<LayoutFile<'_>>, Error> {
    let file = format!("catalog.{}", format.extension());
    let mut groups = groups(catalog);
    let loose: Vec<&dyn Encode> =
        groups.remove("").map(|group| group.others).unwrap_or_default().into_iter().map(|m| m as &dyn Encode).collect();
    let mut files = Vec::new();
    for (package, mut group) in groups {
        if !Path::new(package).components().all(|part| matches!(part, Component::Normal(_))) || package.contains('\0') {
            return Err(Error::Usage(format!("invalid package name {package:?}: must be a single local path element")));
        }
        group.sort();
        let mut blobs = Vec::new();
        group.collect(&mut blobs);
        files.push(LayoutFile { path: Path::new(package).join(&file), blobs, format });
    }
    if !loose.is_empty() {
        files.push(LayoutFile { path: file.into(), blobs: loose, format });
    }
    Ok(files)
}
