//! Typed access to the members of a JSON object, by the rules of Go's `encoding/json`: the case of names does not matter,
//! unknown members are passed over, and null stands for the zero value.

use opm_document::yaml::PathSegment;
use serde_json::{Map, Value};

/// A value that is not what its place asks for. The path to it grows while the error goes up.
#[derive(Debug)]
pub(crate) struct Fault {
    /// From the innermost step outwards.
    path: Vec<Step>,
    reading: Option<&'static str>,
    message: String,
    is_type: bool,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

pub(crate) type Read<T> = Result<T, Fault>;

/// What a JSON value is, in words.
pub(crate) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), reading: None, message: message.into(), is_type: false }
    }

    /// The value has the wrong type.
    pub(crate) fn of_type(expected: &str, found: &Value) -> Self {
        Self { is_type: true, ..Self::new(format!("must be {expected}, not {}", describe(found))) }
    }

    /// A fault of the member with this key, whose message names that by itself or not at all.
    pub(crate) fn at_key(key: &str, message: impl Into<String>) -> Self {
        Self::new(message).below_key(key)
    }

    /// The same fault, seen from the object that has the value as a member.
    pub(crate) fn below_key(mut self, key: &str) -> Self {
        self.path.push(Step::Key(key.to_owned()));
        self
    }

    fn below_index(mut self, index: usize) -> Self {
        self.path.push(Step::Index(index));
        self
    }

    /// The same fault, met while this kind of blob was read.
    pub(crate) fn reading(mut self, what: &'static str) -> Self {
        self.reading = Some(what);
        self
    }

    /// The way from the document to the value.
    pub(crate) fn path(&self) -> Vec<PathSegment<'_>> {
        let steps = self.path.iter().rev();
        steps
            .map(|step| match step {
                Step::Key(key) => PathSegment::Key(key),
                Step::Index(index) => PathSegment::Index(*index),
            })
            .collect()
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(what) = self.reading {
            write!(f, "parse {what}: ")?;
        }
        if self.path.is_empty() {
            return f
                .write_str(if self.is_type { "the document " } else { "" })
                .and_then(|()| f.write_str(&self.message));
        }
        f.write_str("field ")?;
        for (index, step) in self.path.iter().rev().enumerate() {
            match step {
                Step::Key(key) if index > 0 => write!(f, ".{key}")?,
                Step::Key(key) => f.write_str(key)?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        if !self.is_type {
            f.write_str(":")?;
        }
        write!(f, " {}", self.message)
    }
}

/// A key without its case, so that keys that Go takes for the same are equal.
pub(crate) fn fold(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    // One character to one: the long s becomes an s and the Kelvin sign a k, but the sharp s stays.
    let single = |c: char, mut mapped: Box<dyn Iterator<Item = char>>| match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    };
    key.chars().map(|c| single(c, Box::new(c.to_uppercase()))).map(|c| single(c, Box::new(c.to_lowercase()))).collect()
}

/// The members of an object, taken out one by one.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The members of a value that must be an object.
    pub(crate) fn of(value: Value) -> Read<Self> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            Value::Null => Ok(Self(Map::new())),
            other => Err(Fault::of_type("an object", &other)),
        }
    }

    /// Takes out the member of this name, even if it is null.
    pub(crate) fn take_even_null(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.0.remove(name) {
            return Some(value);
        }
        let is_variant = |key: &&String| key.eq_ignore_ascii_case(name) || !key.is_ascii() && fold(key) == fold(name);
        let key = self.0.keys().rfind(is_variant)?.clone();
        self.0.remove(&key)
    }

    /// Takes out the member of this name.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.take_even_null(name).filter(|value| !value.is_null())
    }

    /// Takes out a string; empty where there is none.
    pub(crate) fn text(&mut self, name: &str) -> Read<String> {
        self.take(name).map_or_else(|| Ok(String::new()), |value| text(value).map_err(|f| f.below_key(name)))
    }

    /// Takes out a boolean; false where there is none.
    pub(crate) fn flag(&mut self, name: &str) -> Read<bool> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(Fault::of_type("a boolean", &other).below_key(name)),
        }
    }

    /// Takes out a list, each item read by `read`.
    pub(crate) fn list<T>(&mut self, name: &str, read: impl Fn(Value) -> Read<T>) -> Read<Option<Vec<T>>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| read(item).map_err(|f| f.below_index(index)))
                .collect::<Read<_>>()
                .map(Some)
                .map_err(|f| f.below_key(name)),
            Some(other) => Err(Fault::of_type("a list", &other).below_key(name)),
        }
    }

    /// Takes out an object, read by `read`.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl Fn(Self) -> Read<T>) -> Read<Option<T>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        Self::of(value).and_then(read).map(Some).map_err(|f| f.below_key(name))
    }

    /// The keys of the members that nobody took out.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A string; empty for null.
pub(crate) fn text(value: Value) -> Read<String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        other => Err(Fault::of_type("a string", &other)),
    }
}

/// Reads items of a list that are objects.
pub(crate) fn list_of_objects<T>(read: impl Fn(Fields) -> Read<T>) -> impl Fn(Value) -> Read<T> {
    move |item| read(Fields::of(item)?)
}
