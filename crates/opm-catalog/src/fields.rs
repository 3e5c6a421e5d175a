//! Typed access to the members of a JSON object, by the rules of Go's `encoding/json`: the case of names does not matter,
//! unknown members are passed over, and null stands for the zero value.

use std::borrow::Cow;

use opm_document::json::{self, Cursor, Normal};
use opm_document::yaml::PathSegment;

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
pub(crate) fn describe(value: Raw<'_>) -> &'static str {
    match value.as_bytes().first() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        Some(b'"') => "a string",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        _ => "a number",
    }
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), reading: None, message: message.into(), is_type: false }
    }

    /// The value has the wrong type.
    pub(crate) fn of_type(expected: &str, found: Raw<'_>) -> Self {
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

/// A value in its normal form, as it is in the text of a blob.
pub(crate) type Raw<'a> = &'a str;

/// The members of an object, taken out one by one.
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'a> Fields<'a> {
    /// The members of a document that must be an object.
    pub(crate) fn of(document: &'a Normal) -> Read<Self> {
        match document.members() {
            Some(members) => Ok(Self(members.map(|(key, value)| (json::text(key), value)).collect())),
            None if document.text() == "null" => Ok(Self(Vec::new())),
            None => Err(Fault::of_type("an object", document.text())),
        }
    }

    /// The members of the value that comes next, which must be an object.
    pub(crate) fn next(cursor: &mut Cursor<'a>) -> Read<Self> {
        match cursor.peek() {
            Some(b'{') => {
                let mut members = Vec::new();
                let mut is_first = true;
                while cursor.step(b'{', b'}', &mut is_first) {
                    members.push((json::text(cursor.key()), cursor.raw()));
                }
                Ok(Self(members))
            }
            Some(b'n') => {
                cursor.raw();
                Ok(Self(Vec::new()))
            }
            _ => Err(Fault::of_type("an object", cursor.raw())),
        }
    }

    /// Takes out the member of this name, even if it is null.
    pub(crate) fn take_even_null(&mut self, name: &str) -> Option<Raw<'a>> {
        let is_variant = |(key, _): &(Cow<'a, str>, Raw<'a>)| {
            key.eq_ignore_ascii_case(name) || !key.is_ascii() && fold(key) == fold(name)
        };
        let exact = self.0.iter().position(|(key, _)| key == name);
        let index = exact.or_else(|| self.0.iter().rposition(is_variant))?;
        Some(self.0.remove(index).1)
    }

    /// Takes out the member of this name; none where it is null.
    pub(crate) fn take(&mut self, name: &str) -> Option<Raw<'a>> {
        self.take_even_null(name).filter(|value| *value != "null")
    }

    /// Takes out a string; empty where there is none.
    pub(crate) fn text(&mut self, name: &str) -> Read<String> {
        self.take(name).map_or_else(|| Ok(String::new()), |value| text(value).map_err(|f| f.below_key(name)))
    }

    /// Takes out a boolean; false where there is none.
    pub(crate) fn flag(&mut self, name: &str) -> Read<bool> {
        match self.take(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Fault::of_type("a boolean", other).below_key(name)),
        }
    }

    /// Takes out a list, each item read by `read`, which must step over all of it.
    pub(crate) fn list<T>(&mut self, name: &str, read: impl Fn(&mut Cursor<'a>) -> Read<T>) -> Read<Option<Vec<T>>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let mut cursor = Cursor::new(value);
        if cursor.peek() != Some(b'[') {
            return Err(Fault::of_type("a list", value).below_key(name));
        }
        let mut items = Vec::new();
        let mut is_first = true;
        while cursor.step(b'[', b']', &mut is_first) {
            items.push(read(&mut cursor).map_err(|f| f.below_index(items.len()).below_key(name))?);
        }
        Ok(Some(items))
    }

    /// Takes out an object, read by `read`.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl Fn(Self) -> Read<T>) -> Read<Option<T>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        Self::next(&mut Cursor::new(value)).and_then(read).map(Some).map_err(|f| f.below_key(name))
    }

    /// The keys of the members that nobody took out.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }
}

/// A string; empty for null.
pub(crate) fn text(value: Raw<'_>) -> Read<String> {
    match value.as_bytes().first() {
        Some(b'"') => Ok(json::text(value).into_owned()),
        Some(b'n') => Ok(String::new()),
        _ => Err(Fault::of_type("a string", value)),
    }
}

/// Reads items of a list that are strings.
pub(crate) fn next_text(cursor: &mut Cursor<'_>) -> Read<String> {
    text(cursor.raw())
}

/// Reads items of a list that are objects.
pub(crate) fn list_of_objects<'a, T>(read: impl Fn(Fields<'a>) -> Read<T>) -> impl Fn(&mut Cursor<'a>) -> Read<T> {
    move |cursor| read(Fields::next(cursor)?)
}
