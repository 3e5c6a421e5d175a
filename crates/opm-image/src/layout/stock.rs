//! An OCI image layout that images are gathered in, one blob after the other, by whoever comes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::draft::{draft, settle};
use super::oci::{VERSION, blob_path, described, indexed};
use crate::build::Document;
use crate::digest::Digest;
use crate::error::ErrorKind;

/// Of an old `index.json`, so much is read: it names thousands of images.
const LARGEST_INDEX: u64 = 256 << 20;

/// A directory with a layout.
#[derive(Debug, Clone)]
pub(crate) struct Stock {
    dir: PathBuf,
}

impl Stock {
    /// Makes the directory if it is not there.
    pub(crate) fn at(dir: &Path) -> Result<Self, ErrorKind> {
        let stock = Self { dir: dir.to_owned() };
        if dir.exists()
            && !dir.join("oci-layout").exists()
            && fs::read_dir(dir).is_ok_and(|mut all| all.next().is_some())
        {
            return Err(ErrorKind::layout(dir, "it holds other things than an image layout"));
        }
        fs::create_dir_all(dir.join("blobs")).map_err(ErrorKind::io(dir))?;
        let version = dir.join("oci-layout");
        if !version.exists() {
            let mut file = draft(dir)?;
            file.write_all(VERSION.as_bytes()).map_err(ErrorKind::io(&version))?;
            settle(file, &version)?;
        }
        Ok(stock)
    }

    /// Whether a blob is there. It was checked when it was put there, so that its size tells.
    pub(crate) fn has(&self, digest: &Digest, size: u64) -> bool {
        fs::metadata(self.dir.join(blob_path(digest))).is_ok_and(|meta| meta.is_file() && meta.len() == size)
    }

    /// Takes a blob from a file whose content is known to be what `digest` says.
    pub(crate) fn take(&self, digest: &Digest, from: &Path) -> Result<(), ErrorKind> {
        let mut file = File::open(from).map_err(ErrorKind::io(from))?;
        self.fill(digest, |to| io::copy(&mut file, to).map(|_| ()))
    }

    /// Takes a manifest.
    pub(crate) fn put(&self, document: &Document) -> Result<(), ErrorKind> {
        if self.has(&document.digest, document.bytes.len() as u64) {
            return Ok(());
        }
        self.fill(&document.digest, |to| to.write_all(&document.bytes))
    }

    fn fill(&self, digest: &Digest, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), ErrorKind> {
        let path = self.dir.join(blob_path(digest));
        let parent = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(parent).map_err(ErrorKind::io(parent))?;
        let mut file = draft(parent)?;
        write(file.as_file_mut()).map_err(ErrorKind::io(&path))?;
        settle(file, &path)
    }

    /// Makes what `document` is an image called `name`. Only then are its blobs an image.
    pub(crate) fn name(&self, document: &Document, name: &str) -> Result<(), ErrorKind> {
        // Who else writes to this layout waits, or an image would be lost between reading and writing `index.json`.
        let lock = File::open(&self.dir).map_err(ErrorKind::io(&self.dir))?;
        if let Err(error) = lock.lock()
            && error.kind() != io::ErrorKind::Unsupported
        {
            return Err(ErrorKind::io(&self.dir)(error));
        }
        let place = self.dir.join("index.json");
        let old = match File::open(&place) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(LARGEST_INDEX).read_to_end(&mut bytes).map_err(ErrorKind::io(&place))?;
                Some(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ErrorKind::io(&place)(error)),
        };
        let index = indexed(old.as_deref(), described(document, Some(name)))
            .map_err(|why| ErrorKind::layout(&self.dir, format!("index.json: {why}")))?;
        if old.is_some_and(|old| old == index) {
            return Ok(());
        }
        let mut file = draft(&self.dir)?;
        file.write_all(&index).map_err(ErrorKind::io(&place))?;
        settle(file, &place)
    }
}
