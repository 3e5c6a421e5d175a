//! Files to catalogs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opm_document::{Documents, yaml};
use rayon::prelude::*;

use crate::blob::{Blob, Catalog};
use crate::fields::Fault;
use crate::{Error, Origin, decode, walk};

/// Reads the whole catalog at `root`, a directory (see [`crate::files`]) or a single file. Blobs are in the order of
/// their files and, within a file, of their documents.
pub fn load(root: impl AsRef<Path>) -> Result<Catalog, Error> {
    let files = walk::files(root)?;
    let parts: Vec<Result<Catalog, Error>> = files.par_iter().map(|file| load_file(file)).collect();
    parts.into_iter().collect()
}

/// Reads one file of a catalog.
fn load_file(path: &Path) -> Result<Catalog, Error> {
    let input = read(path)?;
    let mut catalog = Catalog::default();
    each(&input, Some(path), |blob, _| catalog.push(blob))?;
    Ok(catalog)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}

/// The catalog in a stream of documents. `name` is what errors call it.
pub fn parse(input: &[u8], name: Option<&Path>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    each(input, name, |blob, _| catalog.push(blob))?;
    Ok(catalog)
}

/// Hands every blob of a stream of documents to `take`, with the text of its document.
pub(crate) fn each(input: &[u8], name: Option<&Path>, mut take: impl FnMut(Blob, &[u8])) -> Result<(), Error> {
    let file: Option<Arc<Path>> = name.map(Arc::from);
    for document in Documents::new(input) {
        let document = document.map_err(|source| syntax(name, source))?;
        let origin = Origin { file: file.clone(), line: document.line };
        match decode::blob(document.value, origin.clone()) {
            Ok(Some(blob)) => take(blob, &document.text),
            Ok(None) => {}
            Err(fault) => return Err(located(&fault, origin, &document.text)),
        }
    }
    Ok(())
}

pub(crate) fn syntax(name: Option<&Path>, source: opm_document::SyntaxError) -> Error {
    Error::Syntax { file: name.map_or_else(|| PathBuf::from("the input"), Path::to_path_buf), source }
}

/// The error for a fault in the document that begins at `origin`.
pub(crate) fn located(fault: &Fault, mut origin: Origin, text: &[u8]) -> Error {
    let mut column = None;
    let path = fault.path();
    if !path.is_empty()
        && let Some((line, at)) = yaml::locate(text, &path)
    {
        origin.line += line - 1;
        column = Some(at);
    }
    Error::Document { origin, column, message: fault.to_string() }
}
