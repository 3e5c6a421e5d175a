//! Throwing things out.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Directory;

/// What was being written so long ago is being written no more.
const ABANDONED: Duration = Duration::from_hours(24);

/// A file in the cache.
struct Found {
    used: SystemTime,
    size: u64,
    path: PathBuf,
}

/// Removes what was not used for the longest time until the cache is a tenth below its limit, if it is above. One process at
/// a time does so; the others trust it.
pub(super) fn make_room(directory: &Directory) {
    if let Err(error) = try_make_room(directory) {
        tracing::debug!(dir = %directory.root.display(), %error, "no room made in the cache");
    }
}

fn try_make_room(directory: &Directory) -> io::Result<()> {
    // Held until the file is closed, whatever becomes of this process.
    let lock = File::create(directory.root.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let now = SystemTime::now();
    for file in list(&directory.temporary())? {
        if now.duration_since(file.used).is_ok_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(&file.path);
        }
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(directory.blobs())? {
        files.extend(list(&entry?.path())?);
    }
    let mut size: u64 = files.iter().map(|file| file.size).sum();
    if size <= directory.limit {
        return Ok(());
    }
    files.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    let aim = directory.limit - directory.limit / 10;
    let mut removed = 0;
    for file in files {
        if size <= aim {
            break;
        }
        match fs::remove_file(&file.path) {
            Ok(()) => removed += 1,
            // Somebody else removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => continue,
        }
        size -= file.size;
    }
    tracing::debug!(removed, size, "made room in the cache");
    Ok(())
}

/// The files of a directory. What vanishes meanwhile is none.
fn list(dir: &Path) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_file() {
            files.push(Found { used: meta.modified()?, size: meta.len(), path: entry.path() });
        }
    }
    Ok(files)
}
