//! Nodes to a value, by the rules of the reference.

use std::borrow::Cow;

use base64::Engine;
use serde_json::{Map, Value};

use super::scalar::{self, Scalar};
use super::timestamp::is_timestamp;
use super::tree::{Kind, Node, NodeId, Tree, error_at};
use crate::{MAX_DEPTH, SyntaxError};

/// Strings that aliases may copy, in bytes, however few nodes they are. The reference shares them instead.
const ALIASED_BYTES: usize = 64 << 20;

pub(crate) fn decode(tree: &Tree) -> Result<Value, SyntaxError> {
    let Some(root) = tree.root else { return Ok(Value::Null) };
    Decoder::new(tree).value(root, 0)
}

/// What a mapping key becomes; `None` if it cannot be one.
pub(crate) fn key(tree: &Tree, id: NodeId) -> Option<String> {
    Decoder::new(tree).key(id, 0).ok()
}

struct Decoder<'a> {
    tree: &'a Tree,
    /// The anchored nodes that are being expanded through an alias.
    expanding: Vec<NodeId>,
    decoded: usize,
    aliased: usize,
    aliased_bytes: usize,
}

fn fail<T>(node: &Node, message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(error_at(node.place, message))
}

impl<'a> Decoder<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self { tree, expanding: Vec::new(), decoded: 0, aliased: 0, aliased_bytes: 0 }
    }

    /// Counts a node against the limits on depth and on aliases.
    fn count(&mut self, node: &Node, depth: usize) -> Result<(), SyntaxError> {
        self.decoded += 1;
        if !self.expanding.is_empty() {
            self.aliased += 1;
            if let Kind::Scalar { text, .. } = &node.kind {
                self.aliased_bytes += text.len();
            }
        }
        let excessive = self.aliased > 100 && self.decoded > 1000 && exceeds(self.aliased, self.decoded);
        if excessive || self.aliased_bytes > ALIASED_BYTES {
            return fail(node, "document contains excessive aliasing");
        }
        if depth > MAX_DEPTH {
            return fail(node, format!("nested more than {MAX_DEPTH} levels deep"));
        }
        Ok(())
    }

    /// Runs `then` on the node that an alias stands for.
    fn follow<T>(
        &mut self,
        alias: &Node,
        target: NodeId,
        then: impl FnOnce(&mut Self, NodeId) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.expanding.contains(&target) {
            return fail(alias, "anchor value contains itself");
        }
        self.expanding.push(target);
        let result = then(self, target);
        self.expanding.pop();
        result
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, SyntaxError> {
        let node = &self.tree.nodes[id];
        self.count(node, depth)?;
        match &node.kind {
            Kind::Scalar { text, plain } => {
                let (scalar, text) = tagged(node, text, *plain)?;
                scalar::value(scalar, text).or_else(|message| fail(node, message))
            }
            Kind::Sequence(items) => {
                items.iter().map(|item| self.value(*item, depth + 1)).collect::<Result<_, _>>().map(Value::Array)
            }
            Kind::Mapping(_) => {
                let mut members = Map::new();
                self.members(id, depth, &mut members)?;
                Ok(Value::Object(members))
            }
            Kind::Alias(target) => self.follow(node, *target, |decoder, target| decoder.value(target, depth + 1)),
        }
    }

    /// Adds the members of a mapping, or of the mapping an alias stands for, to `members`.
    fn members(&mut self, id: NodeId, depth: usize, members: &mut Map<String, Value>) -> Result<(), SyntaxError> {
        let Kind::Mapping(children) = &self.tree.nodes[id].kind else { return Ok(()) };
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if self.is_merge(key) {
                self.merge(value, depth + 1, members)?;
                continue;
            }
            let key = self.key(key, depth + 1)?;
            let value = self.value(value, depth + 1)?;
            members.insert(key, value);
        }
        Ok(())
    }

    fn key(&mut self, id: NodeId, depth: usize) -> Result<String, SyntaxError> {
        let node = &self.tree.nodes[id];
        self.count(node, depth)?;
        match &node.kind {
            Kind::Scalar { text, plain } => {
                let (scalar, text) = tagged(node, text, *plain)?;
                scalar::key(scalar, text).or_else(|message| fail(node, message))
            }
            Kind::Alias(target) => self.follow(node, *target, |decoder, target| decoder.key(target, depth + 1)),
            Kind::Sequence(_) | Kind::Mapping(_) => fail(node, "a mapping key must be a scalar"),
        }
    }

    fn is_merge(&self, key: NodeId) -> bool {
        let node = &self.tree.nodes[key];
        match &node.kind {
            Kind::Scalar { text, plain } if text == "<<" => match node.tag.as_deref() {
                None => *plain,
                Some(tag) => tag == "!" || short(tag) == Some("merge"),
            },
            _ => false,
        }
    }

    /// Merges a mapping, or a list of them of which earlier ones win, over what is there already.
    fn merge(&mut self, id: NodeId, depth: usize, members: &mut Map<String, Value>) -> Result<(), SyntaxError> {
        match &self.tree.nodes[id].kind {
            Kind::Sequence(sources) => {
                for source in sources.iter().rev() {
                    self.merge_one(*source, depth, members)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, depth, members),
        }
    }

    fn merge_one(&mut self, id: NodeId, depth: usize, members: &mut Map<String, Value>) -> Result<(), SyntaxError> {
        let node = &self.tree.nodes[id];
        self.count(node, depth)?;
        match &node.kind {
            Kind::Mapping(_) => self.members(id, depth, members),
            Kind::Alias(target) if matches!(self.tree.nodes[*target].kind, Kind::Mapping(_)) => {
                self.follow(node, *target, |decoder, target| {
                    decoder.count(&decoder.tree.nodes[target], depth + 1)?;
                    decoder.members(target, depth + 1, members)
                })
            }
            _ => fail(node, "a merge key requires a mapping or a sequence of mappings as its value"),
        }
    }
}

/// How much of a document may come from aliases: 99 % of a small one, falling to 10 % of a large one.
#[expect(clippy::cast_precision_loss, reason = "counts of nodes stay far below 2^52")]
fn exceeds(aliased: usize, decoded: usize) -> bool {
    const SMALL: f64 = 400_000.0;
    const LARGE: f64 = 4_000_000.0;
    let decoded = decoded as f64;
    let beyond = ((decoded - SMALL) / (LARGE - SMALL)).clamp(0.0, 1.0);
    aliased as f64 / decoded > 0.99 - 0.89 * beyond
}

fn short(tag: &str) -> Option<&str> {
    tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!"))
}

/// The meaning and the text of a scalar that may have a tag. Unknown tags leave the text as it is.
fn tagged<'a>(node: &Node, text: &'a str, plain: bool) -> Result<(Scalar, Cow<'a, str>), SyntaxError> {
    let text = Cow::Borrowed(text);
    let Some(tag) = node.tag.as_deref() else {
        return Ok((if plain { scalar::resolve(&text) } else { Scalar::Text }, text));
    };
    let Some(kind) = short(tag) else { return Ok((Scalar::Text, text)) };
    let scalar = scalar::resolve(&text);
    let scalar = match (kind, scalar) {
        ("binary", _) => return Ok((Scalar::Text, Cow::Owned(binary(node, &text)?))),
        ("bool", Scalar::Bool(_))
        | ("int", Scalar::Int(_) | Scalar::Uint(_))
        | ("float", Scalar::Float(_))
        | ("null", Scalar::Null) => scalar,
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for it")]
        ("float", Scalar::Int(integer)) => Scalar::Float(integer as f64),
        ("timestamp", Scalar::Text) if is_timestamp(&text) => Scalar::Text,
        ("bool" | "int" | "float" | "null" | "timestamp", _) => {
            return fail(node, format!("cannot decode `{text}` as a !!{kind}"));
        }
        _ => Scalar::Text,
    };
    Ok((scalar, text))
}

/// The text of a `!!binary` scalar; bytes that are not text become U+FFFD, as they do on the way through JSON.
fn binary(node: &Node, text: &str) -> Result<String, SyntaxError> {
    let encoded: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    match base64::engine::general_purpose::STANDARD.decode(encoded) {
        Ok(bytes) => Ok(crate::json::lossy(&bytes).into_owned()),
        Err(_) => fail(node, "!!binary value contains invalid base64 data"),
    }
}
