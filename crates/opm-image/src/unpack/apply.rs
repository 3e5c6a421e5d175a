//! One layer, or one archive, put upon a [`Tree`].

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::keep::Keep;
use super::meter::{Meter, Metered};
use super::path::{Name, clean, join, show};
use super::tree::{Astray, Content, Node, Tree};
use crate::error::ErrorKind;
use crate::options::Limits;

/// The prefix of a whiteout's name.
const WHITEOUT: &[u8] = b".wh.";
/// Hides all lower content of its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Bookkeeping of union file systems.
const RESERVED: &[u8] = b".wh..wh.";

/// What archives are: layers have whiteouts, others have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Layer,
    Archive,
}

/// A tree and the content of its files.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) tree: Tree,
    pub(crate) spool: Arc<Spool>,
    meter: Meter,
    pub(crate) contents: Content,
    /// Hard links that want the content of files that were not wanted: the paths of those files.
    pub(crate) lacking: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

/// A temporary directory that disappears with everything in it, together with the directory made to hold it.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    made: Option<PathBuf>,
    filled: AtomicBool,
}

impl Spool {
    pub(crate) fn new(within: &Path, made: Option<PathBuf>) -> Result<Self, ErrorKind> {
        let dir = tempfile::Builder::new().prefix(".opm-image-").tempdir_in(within).map_err(ErrorKind::io(within))?;
        Ok(Self { path: dir.path().to_owned(), dir: Some(dir), made, filled: AtomicBool::new(false) })
    }

    /// Where temporary things are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that holds this one has got its content and is to stay.
    pub(crate) fn set_filled(&self) {
        self.filled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn file(&self, content: Content) -> PathBuf {
        self.path.join(content.to_string())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.dir.take().map(tempfile::TempDir::close) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove temporary files");
        }
        if let Some(made) = &self.made
            && !self.filled.load(Ordering::Relaxed)
        {
            let _ = std::fs::remove_dir(made);
        }
    }
}

impl Work {
    pub(crate) fn new(spool: Arc<Spool>, limits: &Limits) -> Self {
        Self {
            tree: Tree::new(),
            spool,
            meter: Meter::new(limits),
            contents: 0,
            lacking: Vec::new(),
            buffer: vec![0; 128 << 10],
        }
    }

    /// Puts the tar stream upon the tree. Stops at the end of the archive, which may be before the end of the stream.
    pub(crate) fn apply(&mut self, stream: &mut dyn Read, kind: Kind, keep: &Keep) -> Result<(), ErrorKind> {
        self.tree.next_layer();
        let meter = std::mem::replace(&mut self.meter, Meter::new(&Limits::default()));
        let result = self.entries(&mut Metered { inner: stream, meter: &meter }, &meter, kind, keep);
        let hit = meter.take_hit();
        self.meter = meter;
        hit.map_or(result, Err)
    }

    /// Reads the rest of a stream, under the same bounds.
    pub(crate) fn drain(&mut self, stream: &mut dyn Read) -> Result<(), ErrorKind> {
        let mut stream = Metered { inner: stream, meter: &self.meter };
        while stream
            .read(&mut self.buffer)
            .map_err(|error| self.meter.take_hit().unwrap_or_else(|| unreadable(&error)))?
            > 0
        {}
        Ok(())
    }

    fn entries(&mut self, stream: &mut dyn Read, meter: &Meter, kind: Kind, keep: &Keep) -> Result<(), ErrorKind> {
        let mut archive = tar::Archive::new(stream);
        let mut entries = archive.entries().map_err(|error| unreadable(&error))?;
        loop {
            meter.expect_headers();
            let Some(entry) = entries.next() else { return Ok(()) };
            let mut entry = entry.map_err(|error| unreadable(&error))?;
            let path = entry.path_bytes().into_owned();
            meter.entry(path.len(), entry.size()).map_err(|error| unreadable(&error))?;
            let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
            meter.link(target.len()).map_err(|error| unreadable(&error))?;
            self.entry(&mut entry, &path, &target, kind, keep)?;
            // What follows must be headers only, so that the meter can bound them.
            while entry.read(&mut self.buffer).map_err(|error| unreadable(&error))? > 0 {}
        }
    }

    fn entry<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        path: &[u8],
        target: &[u8],
        kind: Kind,
        keep: &Keep,
    ) -> Result<(), ErrorKind> {
        let astray = |why: Astray| ErrorKind::Archive(format!("{}: {why}", show(path)));
        if path.contains(&0) || target.contains(&0) {
            return Err(ErrorKind::Archive(format!("{}: a name holds a zero byte", show(path))));
        }
        let names = clean(path);
        if kind == Kind::Layer && self.whiteout(&names) {
            return Ok(());
        }
        let clean_path = join(&names);
        match entry.header().entry_type().as_byte() {
            b'5' => self.tree.insert_dir(&clean_path).map_err(astray),
            b'0' | 0 | b'7' | b'S' if path.ends_with(b"/") => self.tree.insert_dir(&clean_path).map_err(astray),
            b'0' | 0 | b'7' | b'S' => {
                refuse_pax_sparse(entry, path)?;
                let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
                let content = if self.wants(&names, keep) { Some(self.store(entry, executable)?) } else { None };
                self.tree.insert(&clean_path, Node::File { content, executable }).map_err(astray)
            }
            b'1' => {
                let node = self.link_to(&names, path, target, keep)?;
                self.tree.insert(&clean_path, node).map_err(astray)
            }
            b'2' => self.tree.insert(&clean_path, Node::Link(target.into())).map_err(astray),
            b'3' | b'4' | b'6' => {
                tracing::debug!(path = %show(path), "device or pipe left out");
                self.tree.unlink(&clean_path);
                Ok(())
            }
            other => {
                tracing::debug!(path = %show(path), kind = other, "entry of unknown kind left out");
                Ok(())
            }
        }
    }

    /// Obeys a whiteout; whether the entry was one.
    fn whiteout(&mut self, names: &[Name]) -> bool {
        let Some((last, parents)) = names.split_last() else { return false };
        if **last == *OPAQUE {
            self.tree.make_opaque(&join(parents));
            return true;
        }
        if names.iter().any(|name| name.starts_with(RESERVED)) {
            return true;
        }
        match last.strip_prefix(WHITEOUT) {
            Some(b"" | b"." | b"..") => true,
            Some(hidden) => {
                let hidden = Name::from(hidden);
                self.tree.whiteout(&join(parents.iter().chain([&hidden])));
                true
            }
            None => false,
        }
    }

    /// Whether the content of a file is wanted, by where its parents really are.
    fn wants(&self, names: &[Name], keep: &Keep) -> bool {
        if keep.paths().is_none() {
            return true;
        }
        let Some((last, parents)) = names.split_last() else { return false };
        let mut path = join(parents);
        if let Ok((_, canonical)) = self.tree.find(&path) {
            path = canonical;
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(last);
        keep.covers(&path)
    }

    fn link_to(&mut self, names: &[Name], path: &[u8], target: &[u8], keep: &Keep) -> Result<Node, ErrorKind> {
        let bad = |why: &str| ErrorKind::Archive(format!("{}: hard link to {}: {why}", show(path), show(target)));
        let (id, at) = self.tree.find_last(&join(&clean(target))).map_err(|why| bad(&why.to_string()))?;
        match self.tree.node(id) {
            Node::File { content, executable } => {
                let node = Node::File { content: *content, executable: *executable };
                if content.is_none() && self.wants(names, keep) {
                    self.lacking.push(at);
                }
                Ok(node)
            }
            Node::Link(target) => Ok(Node::Link(target.clone())),
            Node::Dir(_) => Err(bad("it is a directory")),
        }
    }

    /// Spools the content of an entry, with the modes that every file here has.
    fn store(&mut self, entry: &mut impl Read, executable: bool) -> Result<Content, ErrorKind> {
        let content = self.contents;
        self.contents += 1;
        let path = self.spool.file(content);
        let mut file = File::create_new(&path).map_err(ErrorKind::io(&path))?;
        loop {
            let amount = match entry.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(amount) => amount,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(&error)),
            };
            file.write_all(&self.buffer[..amount]).map_err(ErrorKind::io(&path))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = if executable { 0o755 } else { 0o644 };
            file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(ErrorKind::io(&path))?;
        }
        #[cfg(not(unix))]
        let _ = executable;
        Ok(content)
    }
}

/// Sparse files of GNU tar's newer formats hide a map in front of their data; no image builder writes them.
fn refuse_pax_sparse<R: Read>(entry: &mut tar::Entry<'_, R>, path: &[u8]) -> Result<(), ErrorKind> {
    let Ok(Some(extensions)) = entry.pax_extensions() else { return Ok(()) };
    if extensions.flatten().any(|extension| extension.key_bytes().starts_with(b"GNU.sparse.")) {
        return Err(ErrorKind::Archive(format!("{}: sparse files in PAX format are not supported", show(path))));
    }
    Ok(())
}

/// A stream that is no archive, or a broken one.
pub(crate) fn unreadable(error: &io::Error) -> ErrorKind {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    ErrorKind::Archive(text.escape_debug().to_string())
}
