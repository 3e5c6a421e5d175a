//! One layer, or one archive, put upon a [`Tree`].

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::keep::Keep;
use super::meter::{Meter, Metered};
use super::path::{Name, clean, join, show};
use super::tree::{Astray, Content, Node, Tree};
use super::worker::Stop;
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
    /// Where its spool is, which belongs to whoever waits for the work.
    pub(crate) spool: PathBuf,
    pub(crate) stop: Stop,
    meter: Meter,
    pub(crate) contents: u32,
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
}

impl Spool {
    pub(crate) fn new(within: &Path, made: Option<PathBuf>) -> Result<Self, ErrorKind> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".opm-image-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let dir = builder.tempdir_in(within).map_err(ErrorKind::io(within))?;
        Ok(Self { path: dir.path().to_owned(), dir: Some(dir), made })
    }

    /// Where temporary things are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that holds this one has got its content and is to stay.
    pub(crate) fn set_filled(&mut self) {
        self.made = None;
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.dir.take().map(tempfile::TempDir::close) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove temporary files");
        }
        if let Some(made) = &self.made {
            let _ = std::fs::remove_dir(made);
        }
    }
}

impl Work {
    pub(crate) fn new(spool: &Spool, limits: &Limits, stop: Stop) -> Self {
        Self {
            tree: Tree::new(),
            spool: spool.path().to_owned(),
            meter: Meter::new(limits, stop.clone()),
            stop,
            contents: 0,
            lacking: Vec::new(),
            buffer: vec![0; 128 << 10],
        }
    }

    /// Puts the tar stream upon the tree. Stops at the end of the archive, which may be before the end of the stream.
    pub(crate) fn apply(&mut self, stream: &mut dyn Read, kind: Kind, keep: &Keep) -> Result<(), ErrorKind> {
        self.tree.next_layer();
        let meter = std::mem::replace(&mut self.meter, Meter::new(&Limits::default(), Stop::default()));
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
            self.entry(&mut entry, meter, &path, &target, kind, keep)?;
            meter.nodes(self.tree.made()).map_err(|error| unreadable(&error))?;
            // What follows must be headers only, so that the meter can bound them.
            while entry.read(&mut self.buffer).map_err(|error| unreadable(&error))? > 0 {}
        }
    }

    fn entry<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        meter: &Meter,
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
        let is_wanted = self.wants(&names, keep);
        if is_wanted {
            meter.keep().map_err(|error| unreadable(&error))?;
        }
        match entry.header().entry_type().as_byte() {
            b'5' => self.tree.insert_dir(&clean_path).map_err(astray),
            b'0' | 0 | b'7' | b'S' if path.ends_with(b"/") => self.tree.insert_dir(&clean_path).map_err(astray),
            b'0' | 0 | b'7' | b'S' => {
                refuse_pax_sparse(entry, path)?;
                let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
                let content = if is_wanted { Some(self.store(entry, executable)?) } else { None };
                self.tree.insert(&clean_path, Node::File { content, executable }).map_err(astray)
            }
            b'1' => {
                let node = self.link_to(path, target, is_wanted)?;
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

    /// Whether an entry is wanted, by where its parents really are.
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

    fn link_to(&mut self, path: &[u8], target: &[u8], is_wanted: bool) -> Result<Node, ErrorKind> {
        let bad = |why: &str| ErrorKind::Archive(format!("{}: hard link to {}: {why}", show(path), show(target)));
        let (id, at) = self.tree.find_last(&join(&clean(target))).map_err(|why| bad(&why.to_string()))?;
        match self.tree.node(id) {
            Node::File { content, executable } => {
                let node = Node::File { content: *content, executable: *executable };
                if content.is_none() && is_wanted {
                    self.lacking.push(at);
                }
                Ok(node)
            }
            Node::Link(target) => Ok(Node::Link(target.clone())),
            Node::Dir(_) => Err(bad("it is a directory")),
        }
    }

    /// Spools the content of an entry, if it has any.
    fn store(&mut self, entry: &mut impl Read, executable: bool) -> Result<Content, ErrorKind> {
        let mut amount = self.fill(entry)?;
        if amount == 0 {
            return Ok(Content::Empty);
        }
        let number = self.contents;
        self.contents += 1;
        let path = spooled(&self.spool, number);
        let mut file = make_file(&path, executable)?;
        while amount > 0 {
            file.write_all(&self.buffer[..amount]).map_err(ErrorKind::io(&path))?;
            amount = self.fill(entry)?;
        }
        Ok(Content::Spooled(number))
    }

    fn fill(&mut self, entry: &mut impl Read) -> Result<usize, ErrorKind> {
        loop {
            match entry.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| unreadable(&error)),
            }
        }
    }
}

/// The file of a spool that has some content.
pub(crate) fn spooled(spool: &Path, number: u32) -> PathBuf {
    spool.join(number.to_string())
}

/// A new file with the mode that every file of an unpacked image has.
pub(crate) fn make_file(path: &Path, executable: bool) -> Result<File, ErrorKind> {
    let file = File::create_new(path).map_err(ErrorKind::io(path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if executable { 0o755 } else { 0o644 };
        file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(ErrorKind::io(path))?;
    }
    #[cfg(not(unix))]
    let _ = executable;
    Ok(file)
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
