//! What of a mirror is done already, so that one that was interrupted asks nothing twice of where images come from.
//!
//! A line is added for each image that arrived: a JSON object with its place and its digest. Another one is added for each blob: its
//! digest, and an image of the repository that has it, so that blobs which images share are mounted from there by later runs, too. A
//! line that was cut off counts for nothing, so that the file is right whenever the process ends. It goes when all has arrived: tags
//! may lead elsewhere by the next time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use opm_image::{Digest, Event, Progress, Reference};
use serde::{Deserialize, Serialize};

/// What is done, and the file that it is added to.
pub(super) struct State<'a> {
    path: PathBuf,
    done: Done,
    /// One line at a time.
    adding: Mutex<()>,
    progress: &'a dyn Progress,
}

/// What arrived.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line<'a> {
    Image { place: Cow<'a, str>, digest: Digest },
    Blob { blob: Digest, at: Cow<'a, str> },
}

/// All that arrived: images by their places, and where blobs are.
#[derive(Default)]
struct Done {
    images: BTreeMap<String, Digest>,
    blobs: BTreeMap<Digest, Vec<Reference>>,
}

impl<'a> State<'a> {
    /// Reads what is there, or forgets it unless it is to be heeded.
    pub(super) fn open(path: PathBuf, heeded: bool, progress: &'a dyn Progress) -> anyhow::Result<Self> {
        let state = Self { path, done: Done::default(), adding: Mutex::new(()), progress };
        if !heeded {
            state.remove_file().with_context(|| format!("remove {}", state.path.display()))?;
            return Ok(state);
        }
        let done = match fs::read(&state.path) {
            Ok(bytes) => read(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Done::default(),
            Err(error) => return Err(error).with_context(|| format!("read {}", state.path.display())),
        };
        Ok(Self { done, ..state })
    }

    /// The digest of what was put at a place.
    pub(super) fn digest(&self, place: &str) -> Option<&Digest> {
        self.done.images.get(place)
    }

    /// Where blobs were put.
    pub(super) fn blobs(&self) -> &BTreeMap<Digest, Vec<Reference>> {
        &self.done.blobs
    }

    fn add(&self, line: &Line<'_>) -> std::io::Result<()> {
        let line = serde_json::to_string(line)?;
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

fn read(text: &str) -> Done {
    let mut done = Done::default();
    for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Image { place, digest } => {
                done.images.insert(place.into_owned(), digest);
            }
            Line::Blob { blob, at } => done.blobs.entry(blob).or_default().extend(at.parse::<Reference>().ok()),
        }
    }
    done
}

impl Progress for State<'_> {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::Written { output, digest } => Some(Line::Image { place: output.into(), digest: digest.clone() }),
            Event::Placed { digest, at } => Some(Line::Blob { blob: digest.clone(), at: at.to_string().into() }),
            _ => None,
        };
        if let Some(line) = line
            && let Err(error) = self.add(&line)
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
        let at = "r.io/a:1".parse().unwrap();
        state.event(Event::Placed { digest: &digest, at: &at });
        assert_eq!(*open().blobs(), BTreeMap::from([(digest.clone(), vec![at])]));
        assert!(open().digest("r.io/c:1").is_some());
        assert!(State::open(path.clone(), false, &Silent).unwrap().digest("r.io/c:1").is_none());
        assert!(!path.exists());
        open().remove();
    }
}
