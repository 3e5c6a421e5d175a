//! The files of a catalog, in the order in which they are read.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::ignore::Matcher;

/// The file whose lines exclude others.
const IGNORE_FILE: &str = ".indexignore";
/// How deeply directories may be nested, so that walking them stays far from the end of the stack.
const DEEPEST: usize = 200;

/// The files that make up the catalog at `root`, which is a directory or a file: depth first, the entries of each
/// directory in the order of the bytes of their names.
///
/// Every file belongs to the catalog, whatever its name, but those named `.indexignore` and those that these exclude.
/// Symbolic links are followed; a directory that was entered already is not entered again. In a volume as Kubernetes
/// mounts it (with a link `..data`) names that begin with two dots are the store behind the links, and passed over.
pub fn files(root: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
    let root = root.as_ref();
    let kind = stat(root)?;
    if !kind.is_dir() {
        return Ok(vec![root.to_path_buf()]);
    }
    let mut walk = Walk::default();
    walk.entered.insert(identity(&kind, root));
    walk.enter_real(root, 0)?;
    walk.directory(root, &mut Vec::new())?;
    let Walk { found, ignore, .. } = walk;
    let kept = found.into_iter().filter(|(components, _)| !ignore.excludes(components)).map(|(_, entry)| entry);
    // Only what is not excluded needs to be readable.
    kept.map(|entry| match entry {
        Entry::File(path) => Ok(path),
        Entry::Unusable(path, source) => Err(Error::Read { path, source }),
    })
    .collect()
}

#[derive(Default)]
struct Walk {
    entered: BTreeSet<(u64, u64, PathBuf)>,
    found: Vec<(Vec<String>, Entry)>,
    ignore: Matcher,
}

enum Entry {
    File(PathBuf),
    Unusable(PathBuf, std::io::Error),
}

fn stat(path: &Path) -> Result<Metadata, Error> {
    fs::metadata(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}

fn check_depth(directory: &Path, depth: usize) -> Result<(), Error> {
    if depth <= DEEPEST {
        return Ok(());
    }
    let source = std::io::Error::other(format!("directories are nested more than {DEEPEST} levels deep"));
    Err(Error::Read { path: directory.to_path_buf(), source })
}

/// What tells one directory from another, however it was reached.
#[cfg(unix)]
fn identity(kind: &Metadata, _: &Path) -> (u64, u64, PathBuf) {
    use std::os::unix::fs::MetadataExt;
    (kind.dev(), kind.ino(), PathBuf::new())
}

#[cfg(not(unix))]
fn identity(_: &Metadata, path: &Path) -> (u64, u64, PathBuf) {
    (0, 0, path.canonicalize().unwrap_or_else(|_| path.to_path_buf()))
}

/// The names in a directory that count, sorted, with whether each is a link.
fn entries(directory: &Path) -> Result<Vec<(String, PathBuf, fs::FileType)>, Error> {
    let fault = |source| Error::Read { path: directory.to_path_buf(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let kind = entry.file_type().map_err(fault)?;
        entries.push((entry.file_name(), entry.path(), kind));
    }
    entries.sort_by(|a, b| a.0.as_encoded_bytes().cmp(b.0.as_encoded_bytes()));
    let is_volume = entries.iter().any(|(name, _, kind)| name == "..data" && kind.is_symlink());
    let entries = entries.into_iter().map(|(name, path, kind)| (name.to_string_lossy().into_owned(), path, kind));
    Ok(entries.filter(|(name, _, _)| !(is_volume && name.starts_with(".."))).collect())
}

impl Walk {
    /// Notes all directories that are reached without links, so that a link to one of them is not a second way in.
    fn enter_real(&mut self, directory: &Path, depth: usize) -> Result<(), Error> {
        check_depth(directory, depth)?;
        for (_, path, kind) in entries(directory)? {
            if kind.is_dir() {
                self.entered.insert(identity(&stat(&path)?, &path));
                self.enter_real(&path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn directory(&mut self, directory: &Path, components: &mut Vec<String>) -> Result<(), Error> {
        check_depth(directory, components.len())?;
        for (name, path, kind) in entries(directory)? {
            let is_ignore_file = name == IGNORE_FILE;
            components.push(name);
            match fs::metadata(&path) {
                Ok(target) if target.is_dir() => {
                    if !kind.is_symlink() || self.may_follow(&target, &path, components) {
                        self.directory(&path, components)?;
                    }
                }
                Ok(target) if target.is_file() && is_ignore_file => {
                    let content = fs::read(&path).map_err(|source| Error::Read { path, source })?;
                    let domain = &components[..components.len() - 1];
                    self.ignore.add(domain, &String::from_utf8_lossy(&content));
                }
                Ok(target) if target.is_file() => self.found.push((components.clone(), Entry::File(path))),
                // A pipe would be waited for, a device never ends.
                Ok(_) => {
                    let source = std::io::Error::other("it is neither a file nor a directory");
                    self.found.push((components.clone(), Entry::Unusable(path, source)));
                }
                Err(source) => self.found.push((components.clone(), Entry::Unusable(path, source))),
            }
            components.pop();
        }
        Ok(())
    }

    fn may_follow(&mut self, target: &Metadata, path: &Path, components: &[String]) -> bool {
        !self.ignore.excludes(components) && self.entered.insert(identity(target, path))
    }
}
