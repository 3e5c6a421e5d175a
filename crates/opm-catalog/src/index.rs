//! Large catalogs, a package at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use opm_document::{json, yaml};
use rayon::prelude::*;

use crate::blob::Catalog;
use crate::load::{each, located, read, syntax};
use crate::{Error, Origin, decode, walk};

/// Where the blobs of each package of a catalog are, so that packages can be read one after the other: memory then grows
/// with the largest package (and, while the index is made, with the largest files), not with the catalog.
///
/// ```no_run
/// let index = opm_catalog::Index::scan("configs")?;
/// for package in index.packages() {
///     let part = index.load(package)?;
///     println!("{package}: {} bundles", part.bundles.len());
/// }
/// # Ok::<(), opm_catalog::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Index {
    files: Vec<Arc<Path>>,
    /// The documents of each package, in order; those that belong to none under the empty name.
    packages: BTreeMap<String, Vec<Place>>,
}

/// Where a document is.
#[derive(Debug)]
struct Place {
    /// An index into [`Index::files`].
    file: usize,
    offset: u64,
    length: usize,
    line: u64,
    is_json: bool,
}

impl Index {
    /// Reads the catalog at `root`, a directory (see [`crate::files`]) or a single file, and notes where its blobs are. Of
    /// these only what every schema has is checked yet.
    pub fn scan(root: impl AsRef<Path>) -> Result<Self, Error> {
        let files = walk::files(root)?;
        let parts: Vec<_> = files.par_iter().enumerate().map(|(file, path)| scan_file(file, path)).collect();
        let mut index = Self { files: files.into_iter().map(Arc::from).collect(), packages: BTreeMap::new() };
        for part in parts {
            for (package, place) in part? {
                index.packages.entry(package).or_default().push(place);
            }
        }
        Ok(index)
    }

    /// The names of the packages to which blobs belong, sorted by bytes.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The files of the catalog, in the order in which they are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(AsRef::as_ref)
    }

    /// The blobs of a package, or with the empty name those that belong to none, in the order of the catalog. None where
    /// there is no such package.
    pub fn load(&self, package: &str) -> Result<Catalog, Error> {
        let mut catalog = Catalog::default();
        let mut open: Option<(usize, File)> = None;
        for place in self.packages.get(package).into_iter().flatten() {
            let path = &self.files[place.file];
            let fault = |source| Error::Read { path: path.to_path_buf(), source };
            let file = match &mut open {
                Some((index, file)) if *index == place.file => file,
                _ => &mut open.insert((place.file, File::open(path).map_err(fault)?)).1,
            };
            let mut text = vec![0; place.length];
            file.seek(SeekFrom::Start(place.offset)).map_err(fault)?;
            file.read_exact(&mut text).map_err(fault)?;
            let value = if place.is_json { json::parse(&text) } else { yaml::parse(&text) };
            let value = value.map_err(|mut source| {
                source.line = source.line.map(|line| line + place.line - 1);
                syntax(Some(path), source)
            })?;
            let origin = Origin { file: Some(path.clone()), line: place.line };
            let blob = decode::blob(value, origin.clone()).map_err(|fault| located(&fault, origin, &text))?;
            if blob.package() != package {
                return Err(fault(std::io::Error::other("it was changed while it was read")));
            }
            catalog.push(blob);
        }
        Ok(catalog)
    }
}

fn scan_file(file: usize, path: &Path) -> Result<Vec<(String, Place)>, Error> {
    let input = read(path)?;
    let mut places = Vec::new();
    each(&input, Some(path), |value, origin, text| {
        let head = decode::Head::of(&value)?;
        head.check_schema(&value)?;
        // Only the text of the last document may be a copy, with a line feed that the file lacks.
        let start = (text.as_ptr() as usize).wrapping_sub(input.as_ptr() as usize);
        let is_part = start.checked_add(text.len()).is_some_and(|end| end <= input.len());
        let (start, length) =
            if is_part { (start, text.len()) } else { (input.len() - (text.len() - 1), text.len() - 1) };
        // Documents of YAML end with their line, those of JSON with their value.
        let is_json = !text.ends_with(b"\n");
        places.push((head.owner(), Place { file, offset: start as u64, length, line: origin.line, is_json }));
        Ok(())
    })?;
    Ok(places)
}
