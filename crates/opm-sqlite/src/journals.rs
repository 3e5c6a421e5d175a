//! Copies of databases whose last writer left something behind: a rollback journal of an edit that did not finish, or a
//! write-ahead log that was not yet taken over.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{StoreError, edit};

/// What may stand beside a database, by what is put behind its name.
const JOURNALS: [&str; 2] = ["-journal", "-wal"];
/// How often a copy is begun anew since somebody wrote to what was copied.
const ATTEMPTS: usize = 10;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether something stands beside the database that a plain copy of its file would lack.
pub(crate) fn any_of(path: &Path) -> bool {
    JOURNALS.iter().any(|suffix| std::fs::metadata(beside(path, suffix)).is_ok_and(|m| m.len() > 0))
}

/// Copies a database with its journals, and lets SQLite settle the copy: unfinished edits are undone, finished ones are
/// taken over. The original is not written.
pub(crate) fn settle_into(path: &Path, copy: &Path) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let before = stamps(path);
        for suffix in ["", JOURNALS[0], JOURNALS[1]] {
            let (from, to) = (beside(path, suffix), beside(copy, suffix));
            // Not `fs::copy`: the copy must be writable where the original is not.
            let copied = File::create(&to).and_then(|to| self::copy(&from, &to));
            match copied {
                Err(e) if !suffix.is_empty() && e.kind() == std::io::ErrorKind::NotFound => {
                    let _gone = std::fs::remove_file(&to);
                }
                Err(source) => return Err(StoreError::Io { doing: "copy", path: from, source }),
                Ok(()) => {}
            }
        }
        if stamps(path) == before {
            edit::open(copy)?.execute_batch("PRAGMA journal_mode = DELETE")?;
            return Ok(());
        }
    }
    Err(StoreError::Locked(path.to_owned()))
}

/// Sizes and times of a database and its journals.
fn stamps(path: &Path) -> [Option<(u64, Option<SystemTime>)>; 3] {
    let stamp = |suffix| std::fs::metadata(beside(path, suffix)).ok().map(|m| (m.len(), m.modified().ok()));
    [stamp(""), stamp(JOURNALS[0]), stamp(JOURNALS[1])]
}

/// Copies the bytes of a file.
pub(crate) fn copy(from: &Path, mut to: &File) -> std::io::Result<()> {
    std::io::copy(&mut File::open(from)?, &mut to).map(drop)
}
