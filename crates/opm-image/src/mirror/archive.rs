//! Layouts in files, for media: one tar file, or volumes of a certain size that are one tar file one after the other.
//!
//! The volumes of `store.tar` are `store.tar.001`, `store.tar.002` and so on; `store.tar.sha256` lists them with their checksums, as
//! `sha256sum -c` reads it. `cat store.tar.??? | tar -x` unpacks them as well.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::digest::{Digest, Hasher};
use crate::error::{ErrorKind, ImageError};
use crate::layout::{draft, settle};

/// Where blobs are in a layout.
const BLOBS: &str = "blobs";

/// How much is copied at once.
const CHUNK: usize = 256 << 10;

/// Whoever wants work to end.
type Stop<'a> = &'a dyn Fn() -> bool;

/// Writes the layout in `dir` into `file`, or into volumes of at most `most` bytes; `more` names a file beside `oci-layout` that is
/// written as well, first of all. What the archive consists of gets its names when all is written; volumes of an earlier one are
/// removed. The bytes depend on the layout alone. Answers with the files.
pub fn fold(
    dir: &Path,
    file: &Path,
    most: Option<u64>,
    more: &str,
    stop: Stop<'_>,
) -> Result<Vec<PathBuf>, ImageError> {
    let mut volumes = Volumes::new(file, most);
    fold_into(dir, more, &mut volumes, stop)
        .map_err(|kind| ImageError::of(format!("archive {}", file.display()), kind))?;
    Ok(volumes.finish()?)
}

fn fold_into(dir: &Path, more: &str, volumes: &mut Volumes, stop: Stop<'_>) -> Result<(), ErrorKind> {
    let mut names = vec![more.to_owned(), "oci-layout".to_owned(), "index.json".to_owned()];
    let listed = |at: &Path| -> Result<Vec<String>, ErrorKind> {
        let mut names = Vec::new();
        for entry in fs::read_dir(at).map_err(ErrorKind::io(at))? {
            names.push(entry.map_err(ErrorKind::io(at))?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    };
    for algorithm in listed(&dir.join(BLOBS))? {
        let blobs = listed(&dir.join(BLOBS).join(&algorithm))?;
        let whole = blobs.into_iter().filter(|hex| format!("{algorithm}:{hex}").parse::<Digest>().is_ok());
        names.extend(whole.map(|hex| format!("{BLOBS}/{algorithm}/{hex}")));
    }
    let place = volumes.file.clone();
    let written = |error| ErrorKind::io(&place)(error);
    let mut archive = tar::Builder::new(BufWriter::with_capacity(CHUNK, volumes));
    for name in names {
        if stop() {
            return Err(ErrorKind::Stopped);
        }
        let path = dir.join(&name);
        let file = File::open(&path).map_err(ErrorKind::io(&path))?;
        let size = file.metadata().map_err(ErrorKind::io(&path))?.len();
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        archive.append_data(&mut header, &name, file.take(size)).map_err(written)?;
    }
    let mut out = archive.into_inner().map_err(written)?;
    out.flush().map_err(written)
}

/// Unpacks what [`fold`] made of a layout into `dir`: the layout and the file called `more`, and nothing else. Checks the volumes
/// if their list is there.
pub fn unfold(file: &Path, dir: &Path, more: &str, stop: Stop<'_>) -> Result<(), ImageError> {
    unfold_into(file, dir, more, stop).map_err(|kind| ImageError::of(format!("archive {}", file.display()), kind))
}

fn unfold_into(file: &Path, dir: &Path, more: &str, stop: Stop<'_>) -> Result<(), ErrorKind> {
    let bad = |error: io::Error| ErrorKind::layout(file, error.to_string());
    let mut archive = tar::Archive::new(Pieces::of(file)?);
    for entry in archive.entries().map_err(bad)? {
        if stop() {
            return Err(ErrorKind::Stopped);
        }
        let mut entry = entry.map_err(bad)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name);
        let blob = name.strip_prefix("blobs/").and_then(|name| name.split_once('/'));
        let known = [more, "oci-layout", "index.json"].contains(&name)
            || blob.is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok());
        if !known || !entry.header().entry_type().is_file() {
            continue;
        }
        let path = dir.join(name);
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent).map_err(ErrorKind::io(parent))?;
        let mut to = File::create(&path).map_err(ErrorKind::io(&path))?;
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = entry.read(&mut buffer).map_err(bad)?;
            if read == 0 {
                break;
            }
            to.write_all(&buffer[..read]).map_err(ErrorKind::io(&path))?;
            if stop() {
                return Err(ErrorKind::Stopped);
            }
        }
    }
    archive.into_inner().end()
}

fn volume(file: &Path, number: usize) -> PathBuf {
    beside(file, &format!(".{number:03}"))
}

fn list(file: &Path) -> PathBuf {
    beside(file, ".sha256")
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}

/// An archive being written.
struct Volumes {
    file: PathBuf,
    most: Option<u64>,
    done: Vec<(NamedTempFile, Digest)>,
    current: Option<(NamedTempFile, Hasher, u64)>,
}

impl Volumes {
    fn new(file: &Path, most: Option<u64>) -> Self {
        Self { file: file.to_owned(), most, done: Vec::new(), current: None }
    }

    fn close(&mut self) {
        if let Some((draft, hasher, _)) = self.current.take() {
            self.done.push((draft, hasher.finish()));
        }
    }

    /// Gives everything its name.
    fn finish(mut self) -> Result<Vec<PathBuf>, ErrorKind> {
        self.close();
        let mut files = Vec::new();
        let mut sums = String::new();
        for (number, (draft, digest)) in (1..).zip(self.done) {
            let path = if self.most.is_some() { volume(&self.file, number) } else { self.file.clone() };
            settle(draft, &path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            sums.extend([digest.hex(), "  ", &name, "\n"]);
            files.push(path);
        }
        let gone = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ErrorKind::io(path)(error)),
            removed => Ok(removed.is_ok()),
        };
        // What is left of an earlier archive would be taken for a part of this one.
        let first = if self.most.is_some() { files.len() + 1 } else { 1 };
        for number in first.. {
            if !gone(&volume(&self.file, number))? {
                break;
            }
        }
        let path = list(&self.file);
        gone(if self.most.is_some() { &self.file } else { &path })?;
        if self.most.is_some() {
            let mut sheet = draft(directory(&self.file))?;
            sheet.write_all(sums.as_bytes()).map_err(ErrorKind::io(&path))?;
            settle(sheet, &path)?;
            files.push(path);
        }
        Ok(files)
    }
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for &mut Volumes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.current.as_ref().is_some_and(|(_, _, length)| Some(*length) == self.most) {
            self.close();
        }
        let (mut volume, mut hasher, length) = if let Some(current) = self.current.take() {
            current
        } else {
            (draft(directory(&self.file)).map_err(io::Error::other)?, Hasher::sha256(), 0)
        };
        let room = self.most.map_or(u64::MAX, |most| most - length);
        let taken = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        volume.as_file_mut().write_all(&bytes[..taken])?;
        hasher.update(&bytes[..taken]);
        self.current = Some((volume, hasher, length + taken as u64));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive being read: a file, or its volumes one after the other.
struct Pieces {
    file: PathBuf,
    /// The volumes still to come, the next one last.
    ahead: Vec<PathBuf>,
    current: Option<(PathBuf, File, Hasher)>,
    sums: BTreeMap<String, String>,
}

impl Pieces {
    fn of(file: &Path) -> Result<Self, ErrorKind> {
        if file.is_file() {
            return Ok(Self {
                file: file.to_owned(),
                ahead: vec![file.to_owned()],
                current: None,
                sums: BTreeMap::new(),
            });
        }
        let mut ahead: Vec<PathBuf> =
            (1..usize::MAX).map(|number| volume(file, number)).take_while(|path| path.is_file()).collect();
        if ahead.is_empty() {
            let why = format!("there is neither this file nor its first volume, {}", volume(file, 1).display());
            return Err(ErrorKind::NotFound(why));
        }
        let path = list(file);
        let sums: BTreeMap<String, String> = match fs::read_to_string(&path) {
            Ok(text) => {
                let line = |line: &str| {
                    let (sum, name) = line.split_once(char::is_whitespace)?;
                    Some((name.trim_start_matches([' ', '*']).to_owned(), sum.to_owned()))
                };
                text.lines().filter_map(line).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(ErrorKind::io(&path)(error)),
        };
        let lacking: Vec<&str> =
            sums.keys().map(String::as_str).filter(|name| !file.with_file_name(name).is_file()).collect();
        if !lacking.is_empty() {
            return Err(ErrorKind::NotFound(format!(
                "{} lists {}, which is not there",
                path.display(),
                lacking.join(", ")
            )));
        }
        ahead.reverse();
        Ok(Self { file: file.to_owned(), ahead, current: None, sums })
    }

    /// Reads what is left, so that all volumes are checked.
    fn end(mut self) -> Result<(), ErrorKind> {
        let file = self.file.clone();
        io::copy(&mut self, &mut io::sink()).map(|_| ()).map_err(|error| ErrorKind::layout(&file, error.to_string()))
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some((path, file, hasher)) = &mut self.current else {
                let Some(path) = self.ahead.pop() else { return Ok(0) };
                let file = File::open(&path)?;
                self.current = Some((path, file, Hasher::sha256()));
                continue;
            };
            let read = file.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                if !self.sums.is_empty() {
                    hasher.update(&buffer[..read]);
                }
                return Ok(read);
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some(sum) = self.sums.get(&*name)
                && hasher.clone().finish().hex() != sum
            {
                return Err(io::Error::other(format!("{name} is damaged: it has another checksum than listed")));
            }
            self.current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A layout with one blob.
    fn layout(dir: &Path) -> Digest {
        let blob = b"x".repeat(5000);
        let digest = Digest::of(&blob);
        fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        fs::write(dir.join("blobs/sha256").join(digest.hex()), &blob).unwrap();
        fs::write(dir.join("blobs/sha256").join(format!("{}.part", digest.hex())), "part").unwrap();
        for name in ["list.json", "oci-layout", "index.json"] {
            fs::write(dir.join(name), name).unwrap();
        }
        digest
    }

    fn go() -> bool {
        false
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_layout_comes_back_from_a_file_and_from_volumes() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, out) = (temp.path().join("dir"), temp.path().join("out"));
        let digest = layout(&dir);
        fs::create_dir(&out).unwrap();
        let file = out.join("store.tar");
        for (most, files) in [
            (None, vec!["store.tar"]),
            (Some(3000), vec!["store.tar.001", "store.tar.002", "store.tar.003", "store.tar.004", "store.tar.sha256"]),
            (Some(6000), vec!["store.tar.001", "store.tar.002", "store.tar.sha256"]),
            (None, vec!["store.tar"]),
        ] {
            fold(&dir, &file, most, "list.json", &go).unwrap();
            assert_eq!(names(&out), files);
            let back = tempfile::tempdir().unwrap();
            unfold(&file, back.path(), "list.json", &go).unwrap();
            assert_eq!(fs::read(back.path().join("blobs/sha256").join(digest.hex())).unwrap().len(), 5000);
            assert_eq!(names(back.path()), ["blobs", "index.json", "list.json", "oci-layout"]);
            assert_eq!(names(&back.path().join("blobs/sha256")), [digest.hex()]);
        }
    }

    #[test]
    fn damaged_and_lacking_volumes_are_named() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, file) = (temp.path().join("dir"), temp.path().join("s.tar"));
        layout(&dir);
        fold(&dir, &file, Some(3000), "list.json", &go).unwrap();
        let unfolded = || {
            let back = tempfile::tempdir().unwrap();
            unfold(&file, back.path(), "list.json", &go).map_err(|error| error.to_string())
        };
        unfolded().unwrap();
        let second = temp.path().join("s.tar.002");
        let good = fs::read(&second).unwrap();
        let mut bad = good.clone();
        bad[2000] ^= 1;
        fs::write(&second, bad).unwrap();
        assert!(unfolded().unwrap_err().contains("s.tar.002 is damaged"));
        fs::write(&second, &good[..100]).unwrap();
        assert!(unfolded().is_err());
        fs::write(&second, good).unwrap();
        fs::remove_file(temp.path().join("s.tar.004")).unwrap();
        assert!(unfolded().unwrap_err().contains("s.tar.004, which is not there"));
        assert!(unfold(&temp.path().join("none.tar"), &dir, "list.json", &go).is_err());
        assert!(fold(&dir, &file, None, "list.json", &|| true).is_err());
        assert!(!file.exists());
    }
}
