//! Values read as typed objects and written again, as a program does whose types are fixed: unknown fields go, fields that are
//! always written appear, names of fields are found whatever their case, and what has another type is an error.

mod types;

use std::fmt;

use serde_json::{Map, Number, Value};

pub(crate) use types::{CRD, METADATA};

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Type {
    Text,
    Flag,
    Integer,
    Float,
    /// Any value, which stays as it is.
    Any,
    List(&'static Type),
    Map(&'static Type),
    Struct(&'static [Field]),
    /// A schema, or a list of them.
    SchemaOrList,
    /// A schema, or whether anything is allowed.
    SchemaOrFlag,
    /// A schema, or a list of names.
    SchemaOrNames,
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    name: &'static str,
    of: &'static Type,
    written: Written,
}

/// When a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// Always; where there is no value, the empty one of its type.
    Always,
    /// Unless its value is the empty one of its type.
    Filled,
    /// Where there is a value other than null.
    Given,
}

/// A value of another type than its field has.
#[derive(Debug, thiserror::Error)]
pub struct TypeError {
    path: String,
    expected: &'static str,
    found: &'static str,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the whole of it" } else { self.path.trim_start_matches('.') };
        write!(f, "{path} must be {}, not {}", self.expected, self.found)
    }
}

impl TypeError {
    pub(crate) fn new(expected: &'static str, found: &Value) -> Self {
        Self { path: String::new(), expected, found: opm_document::describe(found) }
    }

    /// The same error seen from one level further up.
    pub(crate) fn below(mut self, step: impl fmt::Display) -> Self {
        self.path = format!("{step}{}", self.path);
        self
    }
}

/// The value as an object of this type would be written; null is the empty object.
pub(crate) fn round_trip(value: Value, of: &Type) -> Result<Value, TypeError> {
    let Value::Null = value else { return of.read(value) };
    Ok(of.empty())
}

impl Type {
    fn expected(&self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Flag => "a boolean",
            Self::Integer => "a whole number",
            Self::Float => "a number",
            Self::Any => "anything",
            Self::List(_) => "a list",
            Self::Map(_) | Self::Struct(_) => "an object",
            Self::SchemaOrList => "an object or a list",
            Self::SchemaOrFlag => "an object or a boolean",
            Self::SchemaOrNames => "an object or a list of strings",
        }
    }

    /// What is written where nothing was read.
    fn empty(&self) -> Value {
        match self {
            Self::Text => Value::String(String::new()),
            Self::Flag | Self::SchemaOrFlag => Value::Bool(false),
            Self::Integer | Self::Float => Value::Number(Number::from(0)),
            Self::Struct(fields) => {
                let always = fields.iter().filter(|field| field.written == Written::Always);
                Value::Object(always.map(|field| (field.name.to_owned(), field.of.empty())).collect())
            }
            Self::Any | Self::List(_) | Self::Map(_) | Self::SchemaOrList | Self::SchemaOrNames => Value::Null,
        }
    }

    fn read(&self, value: Value) -> Result<Value, TypeError> {
        match (self, value) {
            (Self::Any, value)
            | (Self::Text, value @ Value::String(_))
            | (Self::Flag | Self::SchemaOrFlag, value @ Value::Bool(_))
            | (Self::Float, value @ Value::Number(_)) => Ok(value),
            (Self::Integer, Value::Number(number)) if number.is_i64() => Ok(Value::Number(number)),
            (Self::List(of), Value::Array(items)) => list(of, items),
            (Self::SchemaOrList, Value::Array(items)) => list(&types::SCHEMA, items),
            (Self::SchemaOrNames, Value::Array(items)) => list(&Self::Text, items),
            (Self::Map(of), Value::Object(map)) => {
                let entry = |(key, value)| match round_trip(value, of) {
                    Ok(value) => Ok((key, value)),
                    Err(error) => Err(error.below(format_args!(".{key}"))),
                };
                Ok(Value::Object(map.into_iter().map(entry).collect::<Result<_, _>>()?))
            }
            (Self::Struct(fields), Value::Object(map)) => object(fields, map),
            (Self::SchemaOrList | Self::SchemaOrFlag | Self::SchemaOrNames, value @ Value::Object(_)) => {
                types::SCHEMA.read(value)
            }
            (_, value) => Err(TypeError::new(self.expected(), &value)),
        }
    }
}

fn list(of: &Type, items: Vec<Value>) -> Result<Value, TypeError> {
    let items = items.into_iter().enumerate();
    let item = |(i, item)| round_trip(item, of).map_err(|error| error.below(format_args!("[{i}]")));
    Ok(Value::Array(items.map(item).collect::<Result<_, _>>()?))
}

fn object(fields: &[Field], mut map: Map<String, Value>) -> Result<Value, TypeError> {
    let mut written = Map::new();
    for field in fields {
        let found = map.remove(field.name).or_else(|| {
            let name = map.keys().find(|name| name.eq_ignore_ascii_case(field.name))?.clone();
            map.remove(&name)
        });
        let value = match found {
            None | Some(Value::Null) if field.written == Written::Always => field.of.empty(),
            None | Some(Value::Null) => continue,
            Some(value) => field.of.read(value).map_err(|error| error.below(format_args!(".{}", field.name)))?,
        };
        if field.written != Written::Filled || !is_empty(&value) {
            written.insert(field.name.to_owned(), value);
        }
    }
    Ok(Value::Object(written))
}

/// Whether a field that is only written when it is filled is not. An object with fields of its own always is.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
