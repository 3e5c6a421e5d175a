//! A directory for what is only read from files, made anew for each input. `tools/fuzz` puts it into memory.

use std::path::{Path, PathBuf};

pub struct Place(PathBuf);

#[allow(dead_code, reason = "each target uses a part of it")]
impl Place {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("opm-fuzz-{}", std::process::id()));
        let _left = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, with the directories above it.
    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.0)).expect("a temporary directory");
        std::fs::write(&path, content).expect("a temporary file");
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
