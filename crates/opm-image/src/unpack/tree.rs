//! The file system of an image, in memory. Only the content of files is on disk.
//!
//! No path of an image ever reaches the host's file system while layers are applied: links, `..` and whiteouts are resolved
//! here, between nodes, so there is nothing to escape through.

use std::collections::BTreeMap;

use super::path::{Name, clean, join};

/// The most directories in directories.
const DEEPEST: usize = 256;
/// The longest path of a node, in bytes. No system takes longer ones.
const LONGEST: usize = 4096;
/// The most links followed on the way to one path.
const MOST_LINKS: usize = 40;
/// The most names looked at on the way to one path, links included.
const MOST_STEPS: usize = 8192;

pub(crate) type NodeId = usize;

/// The root of every tree.
pub(crate) const ROOT: NodeId = 0;

/// Where the content of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    /// Nowhere: there is none.
    Empty,
    /// In the spool, in the file that has this number for a name.
    Spooled(u32),
}

#[derive(Debug)]
pub(crate) enum Node {
    Dir(BTreeMap<Name, NodeId>),
    /// A file, and its content unless it was not wanted.
    File {
        content: Option<Content>,
        executable: bool,
    },
    /// A symbolic link and its target as given.
    Link(Name),
}

#[derive(Debug)]
struct Slot {
    node: Node,
    /// The last layer that made or touched it.
    layer: usize,
    /// The last layer that hid lower content in it. It has none any more, so that once is enough.
    cleared: usize,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Astray {
    #[error("it does not exist")]
    Missing,
    #[error("a parent is not a directory")]
    NotADirectory,
    #[error("too many links or directories on the way")]
    TooDeep,
}

/// Nodes and their names from the root to a path.
#[derive(Debug, Default)]
struct Trail {
    at: Vec<(NodeId, Name)>,
    /// Of the path to here, in bytes.
    length: usize,
    /// Names still to go, the next one last.
    ahead: Vec<Name>,
    links: usize,
    steps: usize,
}

impl Trail {
    fn to(path: &[u8]) -> Self {
        let mut trail = Self::default();
        trail.push_ahead(path);
        trail
    }

    fn push_ahead(&mut self, path: &[u8]) {
        let names = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        self.ahead.extend(names.rev().map(Name::from));
    }

    /// Goes down to a child.
    fn enter(&mut self, child: NodeId, name: Name) -> Result<(), Astray> {
        self.length += name.len() + 1;
        if self.length > LONGEST {
            return Err(Astray::TooDeep);
        }
        self.at.push((child, name));
        Ok(())
    }

    fn leave(&mut self) {
        if let Some((_, name)) = self.at.pop() {
            self.length -= name.len() + 1;
        }
    }

    fn restart(&mut self) {
        self.at.clear();
        self.length = 0;
    }

    fn node(&self) -> NodeId {
        self.at.last().map_or(ROOT, |(node, _)| *node)
    }

    fn path(&self) -> Vec<u8> {
        join(self.at.iter().map(|(_, name)| name))
    }
}

#[derive(Debug)]
pub(crate) struct Tree {
    slots: Vec<Slot>,
    /// The layer being applied.
    layer: usize,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { slots: vec![Slot { node: Node::Dir(BTreeMap::new()), layer: 0, cleared: 0 }], layer: 0 }
    }

    /// Everything up to now becomes lower content, which whiteouts may remove.
    pub(crate) fn next_layer(&mut self) {
        self.layer += 1;
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.slots[id].node
    }

    /// How many nodes were made, the root included.
    pub(crate) fn made(&self) -> usize {
        self.slots.len()
    }

    /// Follows `path` with all links, the last included. Answers the node and its canonical path.
    pub(crate) fn find(&self, path: &[u8]) -> Result<(NodeId, Vec<u8>), Astray> {
        let trail = self.walk(Trail::to(path), true)?;
        Ok((trail.node(), trail.path()))
    }

    /// Like [`find`](Self::find), but a link at the end is the answer itself.
    pub(crate) fn find_last(&self, path: &[u8]) -> Result<(NodeId, Vec<u8>), Astray> {
        let trail = self.walk(Trail::to(path), false)?;
        Ok((trail.node(), trail.path()))
    }

    fn walk(&self, mut trail: Trail, follow: bool) -> Result<Trail, Astray> {
        while let Some(name) = trail.ahead.pop() {
            if self.advance(&mut trail, &name, follow)?.is_none() {
                return Err(Astray::Missing);
            }
        }
        Ok(trail)
    }

    /// Goes one name further; `None` when there is none of that name here.
    fn advance(&self, trail: &mut Trail, name: &Name, follow: bool) -> Result<Option<()>, Astray> {
        trail.steps += 1;
        if trail.steps > MOST_STEPS || trail.at.len() > DEEPEST {
            return Err(Astray::TooDeep);
        }
        if **name == *b".." {
            trail.leave();
            return Ok(Some(()));
        }
        let Node::Dir(children) = self.node(trail.node()) else { return Err(Astray::NotADirectory) };
        let Some(child) = children.get(name).copied() else { return Ok(None) };
        match self.node(child) {
            Node::Link(target) if follow || !trail.ahead.is_empty() => {
                trail.links += 1;
                if trail.links > MOST_LINKS {
                    return Err(Astray::TooDeep);
                }
                if target.starts_with(b"/") {
                    trail.restart();
                }
                trail.push_ahead(target);
            }
            _ => trail.enter(child, name.clone())?,
        }
        Ok(Some(()))
    }

    /// The directory for `names`, through links, made as far as it is missing and marked as touched by this layer.
    fn make_dirs(&mut self, names: &[Name]) -> Result<NodeId, Astray> {
        let mut trail = Trail { ahead: names.iter().rev().cloned().collect(), ..Trail::default() };
        while let Some(name) = trail.ahead.pop() {
            if self.advance(&mut trail, &name, true)?.is_none() {
                let made = self.put(trail.node(), name.clone(), Node::Dir(BTreeMap::new()));
                trail.enter(made, name)?;
            }
            self.slots[trail.node()].layer = self.layer;
        }
        match self.node(trail.node()) {
            Node::Dir(_) => Ok(trail.node()),
            _ => Err(Astray::NotADirectory),
        }
    }

    fn put(&mut self, parent: NodeId, name: Name, node: Node) -> NodeId {
        let id = self.slots.len();
        self.slots.push(Slot { node, layer: self.layer, cleared: 0 });
        if let Node::Dir(children) = &mut self.slots[parent].node {
            children.insert(name, id);
        }
        id
    }

    /// Puts a file or link at a path, in place of whatever is there.
    pub(crate) fn insert(&mut self, path: &[u8], node: Node) -> Result<(), Astray> {
        if let Some((parent, name)) = self.place(path)? {
            self.put(parent, name, node);
        }
        Ok(())
    }

    /// Makes a directory; one that exists keeps what is in it.
    pub(crate) fn insert_dir(&mut self, path: &[u8]) -> Result<(), Astray> {
        let Some((parent, name)) = self.place(path)? else { return Ok(()) };
        match self.child(parent, &name) {
            Some(id) if matches!(self.node(id), Node::Dir(_)) => self.slots[id].layer = self.layer,
            _ => {
                self.put(parent, name, Node::Dir(BTreeMap::new()));
            }
        }
        Ok(())
    }

    /// Removes what lower layers have at `path` (`.wh.NAME`).
    pub(crate) fn whiteout(&mut self, path: &[u8]) {
        if let Ok((id, _)) = self.find_last(path)
            && id != ROOT
            && self.drop_lower(id)
        {
            self.unlink(path);
        }
    }

    /// Removes what lower layers have in the directory at `path` (`.wh..wh..opq`).
    pub(crate) fn make_opaque(&mut self, path: &[u8]) {
        if let Ok((id, _)) = self.find(path) {
            self.drop_lower_children(id);
        }
    }

    /// Removes a node, as something that is not kept takes its place.
    pub(crate) fn unlink(&mut self, path: &[u8]) {
        let names = clean(path);
        let Some((name, parents)) = names.split_last() else { return };
        if let Ok((parent, _)) = self.find(&join(parents))
            && let Node::Dir(children) = &mut self.slots[parent].node
        {
            children.remove(name);
        }
    }

    fn place(&mut self, path: &[u8]) -> Result<Option<(NodeId, Name)>, Astray> {
        let mut names = clean(path);
        if names.len() > DEEPEST {
            return Err(Astray::TooDeep);
        }
        let Some(name) = names.pop() else { return Ok(None) };
        Ok(Some((self.make_dirs(&names)?, name)))
    }

    fn child(&self, parent: NodeId, name: &Name) -> Option<NodeId> {
        match self.node(parent) {
            Node::Dir(children) => children.get(name).copied(),
            _ => None,
        }
    }

    /// Whether nothing of this layer remains, so that the node itself must go.
    fn drop_lower(&mut self, id: NodeId) -> bool {
        if self.slots[id].layer < self.layer {
            return true;
        }
        self.drop_lower_children(id);
        false
    }

    fn drop_lower_children(&mut self, id: NodeId) {
        if std::mem::replace(&mut self.slots[id].cleared, self.layer) == self.layer {
            return;
        }
        let Node::Dir(children) = &mut self.slots[id].node else { return };
        let mut kept = std::mem::take(children);
        kept.retain(|_, child| !self.drop_lower(*child));
        self.slots[id].node = Node::Dir(kept);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn file() -> Node {
        Node::File { content: None, executable: false }
    }

    fn link(target: &str) -> Node {
        Node::Link(target.as_bytes().into())
    }

    fn canonical(tree: &Tree, path: &str) -> Result<String, Astray> {
        tree.find(path.as_bytes()).map(|(_, path)| String::from_utf8(path).unwrap())
    }

    #[test]
    fn links_stay_inside() {
        let mut tree = Tree::new();
        tree.insert(b"a/file", file()).unwrap();
        tree.insert(b"abs", link("/a")).unwrap();
        tree.insert(b"a/up", link("../../../../a/file")).unwrap();
        tree.insert(b"loop", link("loop")).unwrap();
        tree.insert(b"out", link("/etc/passwd")).unwrap();
        for (path, expected) in [
            ("abs/file", Ok("a/file")),
            ("abs/up", Ok("a/file")),
            ("../abs/../abs/file", Ok("a/file")),
            ("loop", Err(Astray::TooDeep)),
            ("out", Err(Astray::Missing)),
            ("a/file/x", Err(Astray::NotADirectory)),
        ] {
            assert_eq!(canonical(&tree, path), expected.map(str::to_owned), "{path}");
        }
        // A path below a link to the outside is made inside.
        tree.insert(b"out/x", file()).unwrap();
        assert_eq!(canonical(&tree, "etc/passwd/x").unwrap(), "etc/passwd/x");
    }

    #[test]
    fn whiteouts_hide_only_lower_layers() {
        let mut tree = Tree::new();
        for path in ["d/low", "d/both", "e/low", "f"] {
            tree.insert(path.as_bytes(), file()).unwrap();
        }
        tree.next_layer();
        tree.insert(b"d/both", file()).unwrap();
        tree.insert(b"d/new", file()).unwrap();
        tree.make_opaque(b"d");
        tree.insert(b"e/new", file()).unwrap();
        tree.whiteout(b"e");
        tree.whiteout(b"f");
        tree.whiteout(b"missing/deep");
        for (path, there) in [
            ("d/low", false),
            ("d/both", true),
            ("d/new", true),
            ("e/low", false),
            ("e/new", true),
            ("f", false),
            ("missing", false),
        ] {
            assert_eq!(tree.find(path.as_bytes()).is_ok(), there, "{path}");
        }
    }

    /// Whiteouts and opaque directories, over and over, look at each node once.
    #[test]
    fn hiding_again_costs_nothing() {
        let mut tree = Tree::new();
        tree.insert(b"d/e/low", file()).unwrap();
        tree.next_layer();
        for n in 0..20_000 {
            tree.insert(format!("d/e/{n}").as_bytes(), file()).unwrap();
            tree.make_opaque(b"d");
            tree.whiteout(b"d/e");
        }
        assert!(tree.find(b"d/e/low").is_err() && tree.find(b"d/e/0").is_ok() && tree.find(b"d/e/19999").is_ok());
        tree.next_layer();
        tree.make_opaque(b"d");
        assert!(tree.find(b"d/e").is_err() && tree.find(b"d").is_ok());
    }

    #[test]
    fn a_directory_replaces_a_link_and_keeps_a_directory() {
        let mut tree = Tree::new();
        tree.insert(b"d/x", file()).unwrap();
        tree.insert(b"l", link("d")).unwrap();
        tree.next_layer();
        tree.insert_dir(b"d").unwrap();
        tree.insert_dir(b"l").unwrap();
        assert!(tree.find(b"d/x").is_ok());
        assert_eq!(tree.find(b"l/x"), Err(Astray::Missing));
        assert_eq!(tree.insert(&b"x/".repeat(DEEPEST + 2), file()), Err(Astray::TooDeep));
    }
}
