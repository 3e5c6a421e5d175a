//! From a [`Work`] to a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::apply::{Work, make_file, spooled};
use super::keep::Keep;
use super::path::{host, join, show};
use super::tree::{Content, Node, NodeId, ROOT, Tree};
use crate::error::ErrorKind;

/// How often links may lead to links that were not wanted before.
const ROUNDS: usize = 16;

impl Work {
    /// What is wanted once the links in it are followed, and whether content is lacking for it.
    pub(crate) fn complete(&self, keep: &Keep) -> (Keep, bool) {
        let Some(asked) = keep.paths() else { return (keep.clone(), false) };
        let mut all = asked.clone();
        for _ in 0..ROUNDS {
            let wanted = Keep::of(all.clone());
            let mut found: BTreeSet<Vec<u8>> = self.lacking.iter().cloned().collect();
            found.extend(all.iter().filter_map(|path| Some(self.tree.find(path).ok()?.1)));
            visit(&self.tree, |id, path| {
                if matches!(self.tree.node(id), Node::Link(_))
                    && wanted.covers(path)
                    && let Ok((_, target)) = self.tree.find(path)
                {
                    found.insert(target);
                }
                wanted.covers(path) || wanted.leads_through(path)
            });
            // A link to the root does not ask for the whole image.
            found.retain(|path| !path.is_empty() && !wanted.covers(path));
            if found.is_empty() {
                break;
            }
            all.append(&mut found);
        }
        let keep = Keep::of(all);
        let mut lacking = false;
        visit(&self.tree, |id, path| {
            lacking |= matches!(self.tree.node(id), Node::File { content: None, .. }) && keep.covers(path);
            keep.covers(path) || keep.leads_through(path)
        });
        (keep, lacking)
    }

    /// Forgets all content, to begin anew in the same place.
    pub(crate) fn discard(self) -> Result<(), ErrorKind> {
        for number in 0..self.contents {
            let path = spooled(&self.spool, number);
            fs::remove_file(&path).map_err(ErrorKind::io(&path))?;
        }
        Ok(())
    }

    /// Moves what `keep` wants into `into`, all or nothing. Links are rewritten to lead to the canonical place of what they mean
    /// inside the image; those that mean nothing there are left out.
    pub(crate) fn write(&mut self, into: &Path, keep: &Keep) -> Result<(), ErrorKind> {
        let root = self.spool.join("tree");
        let mut plan =
            Plan { root: &root, work: self, contents: BTreeMap::new(), written: BTreeSet::new(), links: Vec::new() };
        plan.directories_and_files(keep)?;
        plan.links()?;
        let mut moved = Vec::new();
        let result = move_all(&root, into, &mut moved);
        if result.is_err() {
            for path in moved {
                let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            }
        }
        result
    }
}

fn move_all(from: &Path, into: &Path, moved: &mut Vec<PathBuf>) -> Result<(), ErrorKind> {
    for entry in fs::read_dir(from).map_err(ErrorKind::io(from))? {
        let entry = entry.map_err(ErrorKind::io(from))?;
        let target = into.join(entry.file_name());
        fs::rename(entry.path(), &target).map_err(ErrorKind::io(&target))?;
        moved.push(target);
    }
    Ok(())
}

struct Plan<'a> {
    root: &'a Path,
    work: &'a Work,
    /// Where the first file with some content is; further ones are hard links.
    contents: BTreeMap<u32, PathBuf>,
    written: BTreeSet<NodeId>,
    links: Vec<Vec<u8>>,
}

impl Plan<'_> {
    fn directories_and_files(&mut self, keep: &Keep) -> Result<(), ErrorKind> {
        let tree = &self.work.tree;
        let mut result = Ok(());
        visit(tree, |id, path| {
            if result.is_err() || !(keep.covers(path) || keep.leads_through(path)) {
                return false;
            }
            result = self.work.stop.check().and_then(|()| match tree.node(id) {
                Node::Link(_) => {
                    self.links.push(path.to_owned());
                    Ok(())
                }
                Node::Dir(_) => self.place(path).and_then(|at| make_dir(&at)).map(|()| {
                    self.written.insert(id);
                }),
                Node::File { content: Some(content), executable } => self.file(path, *content, *executable).map(|()| {
                    self.written.insert(id);
                }),
                Node::File { content: None, .. } => Ok(()),
            });
            result.is_ok()
        });
        result
    }

    fn place(&self, path: &[u8]) -> Result<PathBuf, ErrorKind> {
        let path = host(path)
            .ok_or_else(|| ErrorKind::Archive(format!("{}: the name is not possible on this system", show(path))))?;
        Ok(if path.as_os_str().is_empty() { self.root.to_owned() } else { self.root.join(path) })
    }

    fn file(&mut self, path: &[u8], content: Content, executable: bool) -> Result<(), ErrorKind> {
        let at = self.place(path)?;
        let number = match content {
            Content::Empty => return make_file(&at, executable).map(drop),
            Content::Spooled(number) => number,
        };
        if let Some(first) = self.contents.get(&number) {
            return fs::hard_link(first, &at).map_err(ErrorKind::io(&at));
        }
        fs::rename(spooled(&self.work.spool, number), &at).map_err(ErrorKind::io(&at))?;
        self.contents.insert(number, at);
        Ok(())
    }

    fn links(&self) -> Result<(), ErrorKind> {
        for path in &self.links {
            self.work.stop.check()?;
            let Ok((id, target)) = self.work.tree.find(path) else { continue };
            if !self.written.contains(&id) {
                continue;
            }
            let up = path.split(|byte| *byte == b'/').count() - 1;
            let mut steps: Vec<Box<[u8]>> = vec![b"..".as_slice().into(); up];
            steps.extend((!target.is_empty()).then(|| target.into_boxed_slice()));
            let mut relative = join(&steps);
            if relative.is_empty() {
                relative.push(b'.');
            }
            make_link(&relative, &self.place(path)?)?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn make_link(target: &[u8], at: &Path) -> Result<(), ErrorKind> {
    let Some(target) = host(target) else { return Ok(()) };
    std::os::unix::fs::symlink(target, at).map_err(ErrorKind::io(at))
}

/// Links need a privilege there; `Unpacked::path` follows them all the same.
#[cfg(not(unix))]
fn make_link(_target: &[u8], _at: &Path) -> Result<(), ErrorKind> {
    Ok(())
}

fn make_dir(at: &Path) -> Result<(), ErrorKind> {
    fs::create_dir(at).map_err(ErrorKind::io(at))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).map_err(ErrorKind::io(at))?;
    }
    Ok(())
}

/// Calls `enter` with every node and its path, parents first, in the order of names; `false` leaves out what is below.
fn visit(tree: &Tree, mut enter: impl FnMut(NodeId, &[u8]) -> bool) {
    visit_from(tree, ROOT, &mut Vec::new(), &mut enter);
}

/// Recursive, since a tree is not deep, and its paths together can be large.
fn visit_from(tree: &Tree, id: NodeId, path: &mut Vec<u8>, enter: &mut impl FnMut(NodeId, &[u8]) -> bool) {
    if !enter(id, path) {
        return;
    }
    let Node::Dir(children) = tree.node(id) else { return };
    let length = path.len();
    for (name, child) in children {
        if length > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        visit_from(tree, *child, path, enter);
        path.truncate(length);
    }
}
