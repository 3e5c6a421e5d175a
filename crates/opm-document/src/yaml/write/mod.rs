//! YAML as `yaml.v2` writes it, byte for byte.

mod scalars;
mod style;

use serde_json::{Map, Value};

use super::order;
use super::scalar::{self, Scalar};
use crate::{SyntaxError, json, number};

/// Appends a document in block style: keys in the natural order of the reference, two columns of indentation, sequences
/// in the column of their key, long scalars folded after column 80. There is no `---` before it.
///
/// The reference parses the JSON form of the value as YAML before it writes that. Where this makes a difference it is
/// done here too: a string with a control character from U+007F on is an error, U+0085 is folded like a line break.
pub fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
    let start = out.len();
    if document(value, Manner::Strict, out).is_some() {
        return Ok(());
    }
    out.truncate(start);
    let mut text = Vec::new();
    json::write_plain(value, &mut text);
    let value = super::parse_any(&text)?;
    document(&value, Manner::Detoured, out);
    Ok(())
}

/// Appends a document in the layout of [`write()`] in which all readers of YAML 1.1 and 1.2 find the same value.
///
/// Whatever some reader takes for a number, a time, a truth value, null, a merge or a default is in double quotes as a
/// string, and so are line separators and control characters, which are escaped. No value is refused or changed.
pub fn write_portably(value: &Value, out: &mut Vec<u8>) {
    // Only what is strict stops.
    let _complete = document(value, Manner::Portable, out);
}

/// For whom a document is written.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As the reference writes, but for what needs its detour through JSON.
    Strict,
    /// As the reference writes what has made that detour.
    Detoured,
    /// For all readers.
    Portable,
}

/// Writes a document; `None` if that is to be strict and it needs the detour through JSON.
fn document(value: &Value, manner: Manner, out: &mut Vec<u8>) -> Option<()> {
    let mut emitter = Emitter { out, column: 0, whitespace: true, indention: true, manner };
    emitter.node(value, None, Place::Entry)?;
    emitter.new_line(0);
    Some(())
}

/// Columns by which a child is indented.
const STEP: usize = 2;

struct Emitter<'a> {
    out: &'a mut Vec<u8>,
    /// Characters on the current line.
    column: usize,
    /// Whether what was written last separates like a space.
    whitespace: bool,
    /// Whether only spaces and indicators like dashes stand on the current line, so that a collection may begin on it.
    indention: bool,
    manner: Manner,
}

/// What a node follows.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Nothing, a dash, a `?` or the `:` that belongs to one.
    Entry,
    /// A key on the same line.
    Member,
}

impl Emitter<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.bytes().filter(|byte| *byte & 0xC0 != 0x80).count();
    }

    fn line_break(&mut self) {
        self.out.push(b'\n');
        self.column = 0;
    }

    /// Goes to column `indent` of a line with nothing but indicators before it.
    fn new_line(&mut self, indent: usize) {
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.line_break();
        }
        let missing = indent.saturating_sub(self.column);
        self.out.extend(std::iter::repeat_n(b' ', missing));
        self.column += missing;
        self.whitespace = true;
        self.indention = true;
    }

    /// A space, unless there is one.
    fn separate(&mut self) {
        if !self.whitespace {
            self.put(" ");
            self.whitespace = true;
        }
    }

    /// A dash, or what marks a complex key and its value: collections may follow on the same line.
    fn indicator(&mut self, indicator: &str) {
        self.separate();
        self.put(indicator);
        self.whitespace = false;
    }

    /// A scalar of one word.
    fn word(&mut self, word: &str) {
        self.separate();
        self.put(word);
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes a node below a collection in column `parent`.
    fn node(&mut self, value: &Value, parent: Option<usize>, place: Place) -> Option<()> {
        match value {
            Value::Object(members) if members.is_empty() => self.word("{}"),
            Value::Object(members) => return self.mapping(members, parent),
            Value::Array(items) if items.is_empty() => self.word("[]"),
            Value::Array(items) => return self.sequence(items, parent, place),
            Value::String(text) => return self.string(text, parent.map_or(STEP, |parent| parent + STEP), true),
            Value::Number(number) => self.word(&spelling(number)),
            Value::Bool(true) => self.word("true"),
            Value::Bool(false) => self.word("false"),
            Value::Null => self.word("null"),
        }
        Some(())
    }

    fn sequence(&mut self, items: &[Value], parent: Option<usize>, place: Place) -> Option<()> {
        let indent = match (parent, place) {
            (None, _) => 0,
            (Some(parent), Place::Member) => parent,
            (Some(parent), Place::Entry) => parent + STEP,
        };
        for item in items {
            self.new_line(indent);
            self.indicator("-");
            self.node(item, Some(indent), Place::Entry)?;
        }
        Some(())
    }

    fn mapping(&mut self, members: &Map<String, Value>, parent: Option<usize>) -> Option<()> {
        let indent = parent.map_or(0, |parent| parent + STEP);
        for (key, value) in order::members(members) {
            if self.manner == Manner::Strict && key.len() > LONGEST_KEY {
                return None;
            }
            self.new_line(indent);
            if style::is_simple_key(key) {
                self.string(key, indent + STEP, false)?;
                self.put(":");
                self.whitespace = false;
                self.indention = false;
                self.node(value, Some(indent), Place::Member)?;
            } else {
                self.indicator("?");
                self.string(key, indent + STEP, true)?;
                self.new_line(indent);
                self.indicator(":");
                self.node(value, Some(indent), Place::Entry)?;
            }
        }
        Some(())
    }
}

/// Longer keys may be too long for a YAML parser that reads JSON.
const LONGEST_KEY: usize = 1000;

/// A number as YAML has it after its JSON form was resolved once more: an integral double below 1e21 is an integer.
fn spelling(number: &serde_json::Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let mut text = Vec::new();
    number::write_json_float(float, &mut text);
    let text = String::from_utf8_lossy(&text);
    match scalar::resolve(&text) {
        Scalar::Int(integer) => integer.to_string(),
        Scalar::Uint(integer) => integer.to_string(),
        _ => number::general(float),
    }
}
