//! Files to catalogs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opm_document::{Document, Documents, Value, yaml};
use rayon::prelude::*;

use crate::blob::Catalog;
use crate::fields::{Fault, Read};
use crate::{Error, Origin, decode, walk};

/// Reads the whole catalog at `root`, a directory (see [`crate::files`]) or a single file. Blobs are in the order of
/// their files and, within a file, of their documents.
pub fn load(root: impl AsRef<Path>) -> Result<Catalog, Error> {
    let files = walk::files(root)?;
    let parts: Vec<Result<Catalog, Error>> =
        files.par_iter().map(|file| parse(&read(file)?, Some(file.as_path()))).collect();
    parts.into_iter().collect()
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}

/// The catalog in a stream of documents, of which null ones are passed over. `name` is what errors call the stream.
pub fn parse(input: &[u8], name: Option<&Path>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    each(input, name, |value, origin, _| {
        catalog.push(decode::blob(value, origin)?);
        Ok(())
    })?;
    Ok(catalog)
}

/// Hands every document of a stream that is not null to `take`, with its place and its text.
pub(crate) fn each(
    input: &[u8],
    name: Option<&Path>,
    mut take: impl FnMut(Value, Origin, &[u8]) -> Read<()>,
) -> Result<(), Error> {
    let file: Option<Arc<Path>> = name.map(Arc::from);
    for document in Documents::new(input) {
        let Document { value, line, text } = document.map_err(|source| syntax(name, source))?;
        let origin = Origin { file: file.clone(), line };
        if !value.is_null() {
            take(value, origin.clone(), &text).map_err(|fault| located(&fault, origin, &text))?;
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
