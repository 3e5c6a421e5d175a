//! What of a mirror is done already, so that one that was interrupted asks nothing twice of where images come from.
//!
//! A line is added for each image that arrived: its place and its digest. A line that was cut off counts for nothing, so that
//! the file is right whenever the process ends. It goes when all has arrived: tags may lead elsewhere by the next time.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use opm_image::{Digest, Event, Progress};

/// The file, beside the manifests.
const FILE: &str = ".opm-mirror-state";

/// What is done, and the file that it is added to.
pub(super) struct State<'a> {
    path: PathBuf,
    done: BTreeMap<String, Digest>,
    /// One line at a time.
    adding: Mutex<()>,
    progress: &'a dyn Progress,
}

impl<'a> State<'a> {
    /// Reads what is there.
    pub(super) fn open(dir: &Path, progress: &'a dyn Progress) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        let done = match fs::read(&path) {
            Ok(bytes) => read(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        Ok(Self { path, done, adding: Mutex::new(()), progress })
    }

    /// The digest of what was put at a place.
    pub(super) fn digest(&self, place: &str) -> Option<&Digest> {
        self.done.get(place)
    }

    fn add(&self, place: &str, digest: &Digest) -> std::io::Result<()> {
        let _alone = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // What was cut off before stays a line of its own.
        file.write_all(format!("\n{place} {digest}\n").as_bytes())
    }

    /// All is done.
    pub(super) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!("{} cannot be removed: {error}", self.path.display());
        }
    }
}

fn read(text: &str) -> BTreeMap<String, Digest> {
    let line = |line: &str| {
        let (place, digest) = line.split_once(' ')?;
        Some((place.to_owned(), digest.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

impl Progress for State<'_> {
    fn event(&self, event: Event<'_>) {
        if let Event::Written { output, digest } = event
            && let Err(error) = self.add(output, digest)
        {
            tracing::warn!("{} cannot be written: {error}", self.path.display());
        }
        self.progress.event(event);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use opm_image::Silent;

    use super::*;

    #[test]
    fn a_line_that_was_cut_off_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let wrote = |output| Event::Written { output, digest: &digest };
        let open = || State::open(dir.path(), &Silent).unwrap();
        open().event(wrote("r.io/a:1"));
        let path = dir.path().join(FILE);
        let mut torn = fs::read(&path).unwrap();
        torn.extend_from_slice(b"r.io/b:1 sha256:aaaa");
        fs::write(&path, torn).unwrap();
        let state = open();
        assert_eq!((state.digest("r.io/a:1"), state.digest("r.io/b:1")), (Some(&digest), None));
        state.event(wrote("r.io/c:1"));
        assert!(open().digest("r.io/c:1").is_some());
        open().remove();
        assert!(!path.exists());
    }
}
