//! The nodes of one YAML document, with their places. Any YAML 1.1 goes; nothing is resolved yet.

use std::borrow::Cow;
use std::collections::BTreeMap;

use libyaml_safer::{Encoding, Event, EventData, Mark, Parser, ScalarStyle};

use crate::error::position;
use crate::{MAX_DEPTH, SyntaxError};

/// An index into [`Tree::nodes`].
pub(crate) type NodeId = usize;

pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The explicit tag, written out in full.
    pub(crate) tag: Option<String>,
    /// Line and column, from 1.
    pub(crate) place: (u64, u64),
}

pub(crate) enum Kind {
    Scalar {
        text: String,
        /// Whether the text may mean something else than itself.
        plain: bool,
    },
    Sequence(Vec<NodeId>),
    /// Keys and values in turn.
    Mapping(Vec<NodeId>),
    Alias(NodeId),
}

/// A parsed document.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    /// `None` if there is no document at all.
    pub(crate) root: Option<NodeId>,
}

/// Parses the first document; whatever follows it is not looked at.
pub(crate) fn parse(document: &[u8]) -> Result<Tree, SyntaxError> {
    let text = check(document)?;
    refuse_tags_before_commas(text)?;
    let ended = if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    let mut parser = parser(&ended);
    let mut builder = Builder { text, tree: Tree::default(), open: Vec::new(), anchors: BTreeMap::new() };
    loop {
        let event = parser.parse().map_err(|error| syntax_error(&error))?;
        if builder.event(event)? {
            return Ok(builder.tree);
        }
    }
}

/// The text without its byte order mark. Anything that must not stand in a document at all is found here, because the
/// event parser would not say where it is.
fn check(document: &[u8]) -> Result<&str, SyntaxError> {
    let text = std::str::from_utf8(document)
        .map_err(|error| SyntaxError::at(document, error.valid_up_to(), "invalid UTF-8"))?;
    if let Some((offset, _)) = text.char_indices().find(|(_, character)| !is_allowed(*character)) {
        return Err(SyntaxError::at(document, offset, "control characters are not allowed"));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The event parser panics at a tag that a comma follows, as in `[!a, b]`, which is a mistake. Whether something that
/// looks like this is a tag at all, the event parser has to say: it gets the text up to there and then a character that
/// must not begin a token.
fn refuse_tags_before_commas(text: &str) -> Result<(), SyntaxError> {
    // Enough for any document that is not made to waste time.
    let mut budget = 32usize << 20;
    let suspects = memchr::memchr_iter(b'!', text.as_bytes()).filter(|at| {
        let within_text = text[..*at].ends_with(|before: char| {
            before.is_ascii_alphanumeric() || (before.is_ascii_punctuation() && !"[]{},:?\"'".contains(before))
        });
        let after = text[*at..].find(|after: char| after == ',' || after.is_ascii_whitespace());
        !within_text && after.is_some_and(|length| text[at + length..].starts_with(','))
    });
    for at in suspects {
        let message = if at > budget {
            "too many exclamation marks before commas"
        } else if begins_token(&text[..at]) {
            "did not find expected whitespace or line break, while scanning a tag"
        } else {
            budget -= at;
            continue;
        };
        return Err(SyntaxError::at(text.as_bytes(), at, message));
    }
    Ok(())
}

/// Whether what follows `before` is the beginning of a token.
fn begins_token(before: &str) -> bool {
    let text = format!("{before}@\n");
    let mut parser = parser(&text);
    let mut depth = 0;
    while depth <= MAX_DEPTH {
        match parser.parse().map(|event| event.data) {
            Ok(EventData::SequenceStart { .. } | EventData::MappingStart { .. }) => depth += 1,
            Ok(EventData::SequenceEnd | EventData::MappingEnd) => depth = depth.saturating_sub(1),
            Ok(EventData::StreamEnd) => return false,
            Ok(_) => {}
            Err(error) => {
                let there = error.problem_mark().is_some_and(|mark| mark.index == before.len() as u64);
                return there && error.problem() == "found character that cannot start any token";
            }
        }
    }
    false
}

fn parser(text: &str) -> Parser<&[u8]> {
    let mut parser = Parser::new();
    parser.set_input(text.as_bytes());
    parser.set_encoding(Encoding::Utf8);
    parser
}

pub(super) fn is_allowed(character: char) -> bool {
    !matches!(character, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{fffe}' | '\u{ffff}')
}

fn place(mark: Mark) -> (u64, u64) {
    (mark.line + 1, mark.column + 1)
}

pub(crate) fn error_at((line, column): (u64, u64), message: impl Into<String>) -> SyntaxError {
    SyntaxError { line: Some(line), column: Some(column), message: message.into() }
}

fn syntax_error(error: &libyaml_safer::Error) -> SyntaxError {
    let message = match error.context() {
        Some(context) => format!("{}, {context}", error.problem()),
        None => error.problem().to_owned(),
    };
    match error.problem_mark() {
        Some(mark) => error_at(place(mark), message),
        None => SyntaxError { line: None, column: None, message },
    }
}

struct Builder<'a> {
    text: &'a str,
    tree: Tree,
    open: Vec<NodeId>,
    anchors: BTreeMap<String, NodeId>,
}

impl Builder<'_> {
    /// Takes an event; says whether the document is complete.
    fn event(&mut self, event: Event) -> Result<bool, SyntaxError> {
        let (start, end) = (event.start_mark, event.end_mark);
        match event.data {
            EventData::StreamStart { .. } => {}
            EventData::DocumentStart { version_directive, .. } => {
                if version_directive.is_some_and(|version| (version.major, version.minor) != (1, 1)) {
                    return Err(error_at(place(start), "found incompatible YAML document"));
                }
            }
            EventData::StreamEnd | EventData::DocumentEnd { .. } => return Ok(true),
            EventData::Scalar { anchor, tag, mut value, plain_implicit, style, .. } => {
                match style {
                    ScalarStyle::DoubleQuoted => self.check_escapes(start, end)?,
                    ScalarStyle::Literal | ScalarStyle::Folded => self.drop_added_break(start, end, &mut value),
                    _ => {}
                }
                let plain = tag.is_some() || plain_implicit;
                self.add(Kind::Scalar { text: value, plain }, tag, anchor, start);
            }
            EventData::Alias { anchor } => {
                let Some(target) = self.anchors.get(&anchor) else {
                    return Err(error_at(place(start), format!("unknown anchor '{anchor}' referenced")));
                };
                self.add(Kind::Alias(*target), None, None, start);
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.enter(Kind::Sequence(Vec::new()), tag, anchor, start)?;
            }
            EventData::MappingStart { anchor, tag, .. } => self.enter(Kind::Mapping(Vec::new()), tag, anchor, start)?,
            EventData::SequenceEnd | EventData::MappingEnd => drop(self.open.pop()),
        }
        Ok(false)
    }

    fn add(&mut self, kind: Kind, tag: Option<String>, anchor: Option<String>, start: Mark) -> NodeId {
        let id = self.tree.nodes.len();
        self.tree.nodes.push(Node { kind, tag, place: place(start) });
        match self.open.last().map(|parent| &mut self.tree.nodes[*parent].kind) {
            Some(Kind::Sequence(children) | Kind::Mapping(children)) => children.push(id),
            _ => self.tree.root = Some(id),
        }
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn enter(
        &mut self,
        kind: Kind,
        tag: Option<String>,
        anchor: Option<String>,
        start: Mark,
    ) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error_at(place(start), format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let id = self.add(kind, tag, anchor, start);
        self.open.push(id);
        Ok(())
    }

    /// The event parser panics if a block scalar ends with the text, so [`parse`] adds a line feed to texts that lack
    /// it. This takes the line feed off a scalar that would not have it otherwise.
    fn drop_added_break(&self, start: Mark, end: Mark, value: &mut String) {
        let offset = |mark: Mark| usize::try_from(mark.index).unwrap_or(usize::MAX);
        if self.text.ends_with('\n') || offset(end) <= self.text.len() {
            return;
        }
        let Some((header, content)) = self.text.get(offset(start)..).and_then(|raw| raw.split_once('\n')) else {
            return;
        };
        let header = header.split('#').next().unwrap_or(header);
        let last = content.rsplit('\n').next().unwrap_or(content);
        let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let blank = |line: &&str| spaces(line) == line.len();
        let first = content.lines().find(|line| !blank(line)).unwrap_or("");
        let found = content.lines().take_while(blank).map(str::len).max().unwrap_or(0).max(spaces(first));
        let parent = self.open.last().map_or(0, |parent| self.tree.nodes[*parent].place.1 - 1);
        let increment = header.chars().find_map(|indicator| indicator.to_digit(10));
        let indent = increment.map_or(found, |increment| usize::try_from(parent).unwrap_or(0) + increment as usize);
        // A blank last line counts only if it is kept, one of more spaces than the indentation is content.
        if (!blank(&last) || last.len() > indent || header.contains('+')) && value.ends_with('\n') {
            value.pop();
        }
    }

    /// The reference, unlike the event parser, does not know the escape `\/`.
    fn check_escapes(&self, start: Mark, end: Mark) -> Result<(), SyntaxError> {
        let offset = |mark: Mark| usize::try_from(mark.index).unwrap_or(usize::MAX);
        let Some(raw) = self.text.as_bytes().get(offset(start)..offset(end)) else { return Ok(()) };
        let mut at = 0;
        while let Some(length) = memchr::memchr(b'\\', &raw[at.min(raw.len())..]) {
            at += length;
            if raw.get(at + 1) == Some(&b'/') {
                let place = position(self.text.as_bytes(), offset(start) + at);
                return Err(error_at(place, "found unknown escape character, while parsing a quoted scalar"));
            }
            at += 2;
        }
        Ok(())
    }
}
