//! Images gathered in a directory, one blob after the other, by whoever comes: an OCI image layout, or a tree as `oc image
//! mirror` writes it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use oci_distribution::manifest::ImageIndexEntry;

use super::draft::{draft, lock, settle, write};
use super::oci::{Order, VERSION, blob_path, described, index, indexed, names};
use super::tree_path;
use crate::build::Document;
use crate::digest::{Digest, Hasher};
use crate::error::ErrorKind;

/// Of an old `index.json`, so much is read: it names thousands of images.
const LARGEST_INDEX: u64 = 256 << 20;

/// A directory with images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stock {
    dir: PathBuf,
    form: Form,
}

/// How they lie there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The OCI image layout 1.0.
    Layout,
    /// A repository of a tree: `blobs/ALGORITHM:HEX`, links to those that are manifests, and links that are tags.
    Tree(String),
}

/// A blob of which not all is there yet. Only one process has it.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    /// How much of it there is, in bytes.
    pub(crate) length: u64,
    hasher: Hasher,
}

impl Stock {
    /// An OCI image layout. Makes the directory if it is not there.
    pub(crate) fn layout(dir: &Path) -> Result<Self, ErrorKind> {
        let stock = Self { dir: dir.to_owned(), form: Form::Layout };
        if dir.exists()
            && !dir.join("oci-layout").exists()
            && fs::read_dir(dir).is_ok_and(|mut all| all.next().is_some())
        {
            return Err(ErrorKind::layout(dir, "it holds other things than an image layout"));
        }
        fs::create_dir_all(dir.join("blobs")).map_err(ErrorKind::io(dir))?;
        let version = dir.join("oci-layout");
        if !version.exists() {
            write(&version, VERSION.as_bytes())?;
        }
        Ok(stock)
    }

    /// A repository of a tree.
    pub(crate) fn tree(root: &Path, repository: &str) -> Self {
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        Self { dir: root.to_owned(), form: Form::Tree(repository.to_owned()) }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(match &self.form {
            Form::Layout => blob_path(digest),
            Form::Tree(repository) => tree_path(repository, digest),
        })
    }

    /// Whether a blob is there. It was checked when it was put there, so that its size tells.
    pub(crate) fn has(&self, digest: &Digest, size: u64) -> bool {
        fs::metadata(self.path(digest)).is_ok_and(|meta| meta.is_file() && meta.len() == size)
    }

    /// Takes a blob from a file whose content is known to be what `digest` says.
    pub(crate) fn take(&self, digest: &Digest, from: &Path) -> Result<(), ErrorKind> {
        let mut file = File::open(from).map_err(ErrorKind::io(from))?;
        self.fill(digest, |to| io::copy(&mut file, to).map(|_| ()))
    }

    /// Takes a blob that another repository of the tree has.
    pub(crate) fn take_beside(&self, digest: &Digest, other: &Self) -> Result<(), ErrorKind> {
        let (from, path) = (other.path(digest), self.path(digest));
        directory_of(&path)?;
        match fs::hard_link(&from, &path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // Not every file system has links.
            Err(_) => self.take(digest, &from),
        }
    }

    /// Opens what there is of a blob. `None` when another process has it.
    pub(crate) fn part(&self, digest: &Digest, size: u64) -> Result<Option<Part>, ErrorKind> {
        let whole = self.path(digest);
        directory_of(&whole)?;
        let mut name = whole.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let path = whole.with_file_name(name);
        let failed = |error| ErrorKind::io(&path)(error);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(&path).map_err(failed)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        if file.metadata().map_err(failed)?.len() > size {
            file.set_len(0).map_err(failed)?;
        }
        let (hasher, length) = hashed(&mut file, digest).map_err(failed)?;
        Ok(Some(Part { file, path, length, hasher }))
    }

    /// Gives a part that has become whole, and is what `digest` says, its name.
    pub(crate) fn whole(&self, part: &Part, digest: &Digest) -> Result<(), ErrorKind> {
        part.file.sync_all().map_err(ErrorKind::io(&part.path))?;
        let path = self.path(digest);
        fs::rename(&part.path, &path).map_err(ErrorKind::io(&path))
    }

    /// Takes a manifest.
    pub(crate) fn put(&self, document: &Document) -> Result<(), ErrorKind> {
        if !self.has(&document.digest, document.bytes.len() as u64) {
            self.fill(&document.digest, |to| to.write_all(&document.bytes))?;
        }
        let Form::Tree(repository) = &self.form else { return Ok(()) };
        let link = self.dir.join(format!("v2/{repository}/manifests/{}", document.digest));
        directory_of(&link)?;
        match fs::hard_link(self.path(&document.digest), &link) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(ErrorKind::io(&link)(error)),
            _ => Ok(()),
        }
    }

    fn fill(&self, digest: &Digest, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), ErrorKind> {
        let path = self.path(digest);
        let mut file = draft(directory_of(&path)?)?;
        write(file.as_file_mut()).map_err(ErrorKind::io(&path))?;
        settle(file, &path)
    }

    /// The images of a layout by their names.
    pub(crate) fn names(dir: &Path) -> Result<BTreeMap<String, ImageIndexEntry>, ErrorKind> {
        index(dir, LARGEST_INDEX)?.map_or_else(|| Ok(BTreeMap::new()), |index| names(&index))
    }

    /// The digest of what a tag of a tree leads to, or of what has a digest, if that is complete.
    pub(crate) fn tagged(&self, name: &str) -> Option<Digest> {
        let Form::Tree(repository) = &self.form else { return None };
        let path = self.dir.join(format!("v2/{repository}/manifests/{name}"));
        match name.parse::<Digest>() {
            Ok(digest) => path.is_file().then_some(digest),
            Err(_) => fs::read_link(path).ok()?.to_str()?.parse().ok(),
        }
    }

    /// Makes what `document` is an image called `name`. Only then are its blobs an image.
    pub(crate) fn name(&self, document: &Document, name: &str) -> Result<(), ErrorKind> {
        if let Form::Tree(repository) = &self.form {
            return self.tag(document, repository, name);
        }
        let _lock = lock(&self.dir)?;
        let old = index(&self.dir, LARGEST_INDEX)?;
        let index = indexed(old.as_deref(), described(document, Some(name)), Order::ByName)
            .map_err(|why| ErrorKind::layout(&self.dir, format!("index.json: {why}")))?;
        if old.is_some_and(|old| old == index) {
            return Ok(());
        }
        write(&self.dir.join("index.json"), &index)
    }

    fn tag(&self, document: &Document, repository: &str, name: &str) -> Result<(), ErrorKind> {
        if name.contains(':') || self.tagged(name).as_ref() == Some(&document.digest) {
            return Ok(());
        }
        let place = self.dir.join(format!("v2/{repository}/manifests/{name}"));
        let dir = directory_of(&place)?;
        // A link cannot be replaced but by another one that is renamed.
        let temporary = tempfile::Builder::new().prefix(".opm-").tempdir_in(dir).map_err(ErrorKind::io(dir))?;
        let link = temporary.path().join("tag");
        std::os::unix::fs::symlink(document.digest.as_str(), &link)
            .and_then(|()| fs::rename(&link, &place))
            .map_err(ErrorKind::io(&place))
    }
}

impl Part {
    /// Adds what comes next.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.file.write_all(bytes).map_err(ErrorKind::io(&self.path))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The digest of all there is.
    pub(crate) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Forgets all there is, which turned out to be wrong.
    pub(crate) fn clear(&mut self, kind: &Digest) -> Result<(), ErrorKind> {
        self.file.set_len(0).map_err(ErrorKind::io(&self.path))?;
        (self.length, self.hasher) = (0, kind.hasher());
        Ok(())
    }

    /// Removes it.
    pub(crate) fn discard(self) {
        // It only takes room.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the directory that a file is to be in.
fn directory_of(path: &Path) -> Result<&Path, ErrorKind> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(ErrorKind::io(dir))?;
    Ok(dir)
}

/// Hashes the rest of a file, as `kind` is hashed, and counts its bytes.
pub(crate) fn hashed(file: &mut File, kind: &Digest) -> io::Result<(Hasher, u64)> {
    let (mut hasher, mut buffer, mut length) = (kind.hasher(), vec![0; 256 << 10], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher, length));
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_part_is_continued_where_it_ended_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let stock = Stock::layout(dir.path()).unwrap();
        let digest = Digest::of(b"one two");
        let mut part = stock.part(&digest, 7).unwrap().unwrap();
        part.add(b"one").unwrap();
        assert!(stock.part(&digest, 7).unwrap().is_none());
        drop(part);
        let mut part = stock.part(&digest, 7).unwrap().unwrap();
        assert_eq!(part.length, 3);
        part.add(b" two").unwrap();
        assert_eq!(part.digest(), digest);
        stock.whole(&part, &digest).unwrap();
        assert!(stock.has(&digest, 7));
        drop(part);
        // What is longer than the blob is none of it.
        let mut part = stock.part(&digest, 7).unwrap().unwrap();
        part.add(b"much longer").unwrap();
        drop(part);
        assert_eq!(stock.part(&digest, 7).unwrap().unwrap().length, 0);
    }
}
