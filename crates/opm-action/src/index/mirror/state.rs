//! What of a mirror is done already, so that one that was interrupted asks nothing twice of where images come from.
//!
//! A line is added for each image that arrived: a JSON object with its place and its digest. A line that was cut off counts for
//! nothing, so that the file is right whenever the process ends. It goes when all has arrived: tags may lead elsewhere by the next
//! time.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use opm_image::{Digest, Event, Progress};
use serde::{Deserialize, Serialize};

/// What is done, and the file that it is added to.
pub(super) struct State<'a> {
    path: PathBuf,
    done: BTreeMap<String, Digest>,
    /// One line at a time.
    adding: Mutex<()>,
    progress: &'a dyn Progress,
}

/// One that arrived.
#[derive(Serialize, Deserialize)]
struct Line {
    place: String,
    digest: Digest,
}

impl<'a> State<'a> {
    /// Reads what is there, or forgets it unless it is to be heeded.
    pub(super) fn open(path: PathBuf, heeded: bool, progress: &'a dyn Progress) -> anyhow::Result<Self> {
        let state = Self { path, done: BTreeMap::new(), adding: Mutex::new(()), progress };
        if !heeded {
            state.remove_file().with_context(|| format!("remove {}", state.path.display()))?;
            return Ok(state);
        }
        let done = match fs::read(&state.path) {
            Ok(bytes) => read(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("read {}", state.path.display())),
        };
        Ok(Self { done, ..state })
    }

    /// The digest of what was put at a place.
    pub(super) fn digest(&self, place: &str) -> Option<&Digest> {
        self.done.get(place)
    }

    fn add(&self, place: &str, digest: &Digest) -> std::io::Result<()> {
        let line = serde_json::to_string(&Line { place: place.to_owned(), digest: digest.clone() })?;
        let _alone = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // What was cut off before stays a line of its own.
        file.write_all(format!("\n{line}\n").as_bytes())
    }

    fn remove_file(&self) -> std::io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// All is done.
    pub(super) fn remove(self) {
        if let Err(error) = self.remove_file() {
            tracing::warn!("{} cannot be removed: {error}", self.path.display());
        }
    }
}

fn read(text: &str) -> BTreeMap<String, Digest> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.map(|line| (line.place, line.digest)).collect()
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
        let path = dir.path().join("state");
        let open = || State::open(path.clone(), true, &Silent).unwrap();
        open().event(wrote("r.io/a:1"));
        let mut torn = fs::read(&path).unwrap();
        torn.extend_from_slice(br#"{"place":"r.io/b:1","digest":"sha256:aaaa"#);
        fs::write(&path, torn).unwrap();
        let state = open();
        assert_eq!((state.digest("r.io/a:1"), state.digest("r.io/b:1")), (Some(&digest), None));
        state.event(wrote("r.io/c:1"));
        assert!(open().digest("r.io/c:1").is_some());
        assert!(State::open(path.clone(), false, &Silent).unwrap().digest("r.io/c:1").is_none());
        assert!(!path.exists());
        open().remove();
    }
}
