use super::decode;
use super::tree::{self, Kind, NodeId, Tree};

/// One step on the way from a document to a value in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSegment<'a> {
    /// The member of a mapping with this key, as it is in the value.
    Key(&'a str),
    /// The item of a sequence, from 0.
    Index(usize),
}

/// Line and column, both from 1, at which a value of a document stands.
///
/// This parses the document again and is meant for error messages. `None` if there is no such value, if it comes from a
/// merged mapping, or if the document cannot be parsed.
pub fn locate(document: &[u8], path: &[PathSegment<'_>]) -> Option<(u64, u64)> {
    let tree = tree::parse(document).ok()?;
    let mut id = tree.root?;
    for segment in path {
        id = child(&tree, target(&tree, id), *segment)?;
    }
    Some(tree.nodes[id].place)
}

/// The node itself, or the one that it is an alias of.
fn target(tree: &Tree, id: NodeId) -> NodeId {
    match tree.nodes[id].kind {
        Kind::Alias(target) => target,
        _ => id,
    }
}

fn child(tree: &Tree, id: NodeId, segment: PathSegment<'_>) -> Option<NodeId> {
    match (&tree.nodes[id].kind, segment) {
        (Kind::Sequence(items), PathSegment::Index(index)) => items.get(index).copied(),
        // Of duplicate keys the last one counts.
        (Kind::Mapping(children), PathSegment::Key(key)) => {
            let mut pairs = children.chunks_exact(2).rev();
            pairs.find(|pair| decode::key(tree, pair[0]).as_deref() == Some(key)).map(|pair| pair[1])
        }
        _ => None,
    }
}
