//! The files of an archive.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::{AppRegistryError, flattened};

/// Files with their content, by their paths: relative, with `/` between components, of which none is empty, `.` or `..`. No path
/// is another's directory.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What an archive may come to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What it decompresses to, and the files in it taken together, in bytes. Default 128 MiB.
    pub unpacked: u64,
    /// Its entries. Default 20,000.
    pub entries: u64,
    /// One path in it, in bytes. Default 1024.
    pub path: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unpacked: 128 << 20, entries: 20_000, path: 1024 }
    }
}

/// The files of the archive of a release, a gzip-compressed tar file, in either of its two forms.
///
/// A *nested* archive has manifests in directories; its files are these. Links and devices are passed over, and of two entries
/// with the same path the last counts. A *flattened* archive has one file, whose `data` holds CRDs, CSVs and package manifests as
/// lists in YAML; these become files below a directory named after the first package. The one form is told from the other by
/// what the file holds: an archive of one manifest is a nested one.
pub fn decode(blob: &[u8], limits: &Limits) -> Result<Files, AppRegistryError> {
    let files = unpack(blob, limits)?;
    match files.first_key_value() {
        None => Err(AppRegistryError::Empty),
        Some((path, content)) if files.len() == 1 => match flattened::split(path, content)? {
            Some(split) => Ok(split),
            None => Ok(files),
        },
        Some(_) => Ok(files),
    }
}

/// A stream of which no more is read than it may have.
struct Bounded<'a, R> {
    inner: R,
    left: &'a Cell<u64>,
    exceeded: &'a Cell<bool>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let amount = self.inner.read(buf)?;
        let Some(left) = self.left.get().checked_sub(amount as u64) else {
            self.exceeded.set(true);
            return Err(io::Error::other("too large"));
        };
        self.left.set(left);
        Ok(amount)
    }
}

fn unpack(blob: &[u8], limits: &Limits) -> Result<Files, AppRegistryError> {
    let too_large = || AppRegistryError::Limit { what: "the unpacked size in bytes", limit: limits.unpacked };
    let (left, exceeded) = (Cell::new(limits.unpacked), Cell::new(false));
    let bad = |error: io::Error| {
        if exceeded.get() { too_large() } else { AppRegistryError::Archive(error.to_string()) }
    };
    let stream = Bounded { inner: MultiGzDecoder::new(blob), left: &left, exceeded: &exceeded };
    let mut archive = Archive::new(stream);
    let mut files = Files::new();
    let mut entries = 0;
    // The holes of a sparse file are no part of the stream.
    let mut room = limits.unpacked;
    for entry in archive.entries().map_err(bad)? {
        let entry = entry.map_err(bad)?;
        entries += 1;
        if entries > limits.entries {
            return Err(AppRegistryError::Limit { what: "the number of entries", limit: limits.entries });
        }
        let kind = entry.header().entry_type();
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
        if !is_file && kind != EntryType::Directory {
            continue;
        }
        let raw = entry.path_bytes();
        if raw.len() as u64 > limits.path {
            return Err(AppRegistryError::Limit { what: "the length of a path in bytes", limit: limits.path });
        }
        let path = clean(&raw)?;
        // Old archives have no other sign of a directory.
        if kind == EntryType::Directory || raw.ends_with(b"/") {
            continue;
        }
        let Some(path) = path else {
            return Err(AppRegistryError::Path { path: show(&raw), why: "has no name" });
        };
        let mut content = Vec::new();
        entry.take(room + 1).read_to_end(&mut content).map_err(bad)?;
        room = room.checked_sub(content.len() as u64).ok_or_else(too_large)?;
        files.insert(path, content);
    }
    // What follows counts as well: there the checksum is.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(bad)?;
    check_directories(&files)?;
    Ok(files)
}

/// A path without `.`, if anything is left of it.
fn clean(raw: &[u8]) -> Result<Option<String>, AppRegistryError> {
    let bad = |why| AppRegistryError::Path { path: show(raw), why };
    let text = std::str::from_utf8(raw).map_err(|_| bad("is not in UTF-8"))?;
    if text.starts_with('/') {
        return Err(bad("is absolute"));
    }
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return Err(bad("has characters that no name may have"));
    }
    let mut path = String::with_capacity(text.len());
    for name in text.split('/') {
        match name {
            "" | "." => {}
            ".." => return Err(bad("leads out of its directory")),
            name => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(name);
            }
        }
    }
    Ok((!path.is_empty()).then_some(path))
}

/// No file may be where another one needs a directory.
fn check_directories(files: &Files) -> Result<(), AppRegistryError> {
    for path in files.keys() {
        if let Some((at, _)) = path.match_indices('/').find(|(at, _)| files.contains_key(&path[..*at])) {
            let path = path[..at].to_owned();
            return Err(AppRegistryError::Path { path, why: "is a file, and the directory of others" });
        }
    }
    Ok(())
}

fn show(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).chars().take(200).collect()
}
