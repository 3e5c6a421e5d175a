//! What a plain scalar means: YAML 1.1 as the reference has it.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::number;

/// The meaning of a plain scalar. A timestamp is a string here: that is what documents get to see of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond `i64`.
    Uint(u64),
    Float(f64),
    /// The text itself.
    Text,
}

/// What the first byte of a plain scalar says about the rest.
#[derive(Clone, Copy, PartialEq)]
enum Hint {
    Text,
    Word,
    Digit,
    Point,
}

const HINTS: [Hint; 256] = {
    let mut hints = [Hint::Text; 256];
    let words = b"yYnNtTfFoO~";
    let mut at = 0;
    while at < words.len() {
        hints[words[at] as usize] = Hint::Word;
        at += 1;
    }
    let digits = b"+-0123456789";
    at = 0;
    while at < digits.len() {
        hints[digits[at] as usize] = Hint::Digit;
        at += 1;
    }
    hints[b'.' as usize] = Hint::Point;
    hints
};

/// Resolves a plain scalar without a tag.
#[inline]
pub(crate) fn resolve(text: &str) -> Scalar {
    let Some(first) = text.as_bytes().first() else { return Scalar::Null };
    match HINTS[usize::from(*first)] {
        Hint::Text => Scalar::Text,
        Hint::Word => word(text).unwrap_or(Scalar::Text),
        Hint::Digit => word(text).unwrap_or_else(|| number(text)),
        Hint::Point => word(text).unwrap_or_else(|| fraction(text)),
    }
}

fn word(text: &str) -> Option<Scalar> {
    // The longest word is `+.inf` or `false`.
    if text.len() > 5 {
        return None;
    }
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// A scalar that begins with a digit or a sign.
fn number(text: &str) -> Scalar {
    // Most of these are names and versions: leave them early.
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"_.+-xXoO".contains(&byte)) {
        return Scalar::Text;
    }
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    if let Some(integer) = integer(&plain) {
        return integer;
    }
    if is_decimal(plain.as_bytes())
        && let Some(float) = finite(&plain)
    {
        return Scalar::Float(float);
    }
    // `0b-101` is -5: the reference hands what follows the prefix, sign and all, to its integer parser.
    match plain.strip_prefix("0b").map(|digits| i64::from_str_radix(digits, 2)) {
        Some(Ok(integer)) => Scalar::Int(integer),
        _ => Scalar::Text,
    }
}

/// An integer in the notation of Go: an optional sign and a prefix that says the base, where a bare zero means octal.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if body.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(body, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    match i64::try_from(magnitude) {
        Ok(integer) => Some(Scalar::Int(integer)),
        // An explicit sign rules the unsigned reading out.
        Err(_) if digits.len() < text.len() => None,
        Err(_) => Some(Scalar::Uint(magnitude)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = |text: &[u8]| usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let mut rest = &text[unsigned(text)..];
    let whole = digits(rest);
    rest = &rest[whole..];
    if let Some((b'.', after)) = rest.split_first() {
        let decimals = digits(after);
        if whole + decimals == 0 {
            return false;
        }
        rest = &after[decimals..];
    } else if whole == 0 {
        return false;
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let exponent = &exponent[unsigned(exponent)..];
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// A scalar that begins with a point: underscores may stand between digits.
fn fraction(text: &str) -> Scalar {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let loose = |(at, byte): (usize, &u8)| *byte == b'_' && !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    if bytes.iter().enumerate().any(loose) {
        return Scalar::Text;
    }
    let plain = text.replace('_', "");
    if is_decimal(plain.as_bytes()) { finite(&plain).map_or(Scalar::Text, Scalar::Float) } else { Scalar::Text }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

/// The value of a scalar; `text` is its text. The error says why it has none.
#[inline]
pub(crate) fn value(scalar: Scalar, text: Cow<'_, str>) -> Result<Value, &'static str> {
    Ok(match scalar {
        Scalar::Text => Value::String(text.into_owned()),
        Scalar::Null => Value::Null,
        Scalar::Bool(bool) => Value::Bool(bool),
        Scalar::Int(integer) => integer.into(),
        Scalar::Uint(integer) => integer.into(),
        Scalar::Float(float) => {
            Number::from_f64(float).map(Value::Number).ok_or("infinity and NaN have no place in JSON")?
        }
    })
}

/// The string that a mapping key becomes; `text` is its text. The error says why it cannot be one.
#[inline]
pub(crate) fn key(scalar: Scalar, text: Cow<'_, str>) -> Result<String, &'static str> {
    Ok(match scalar {
        Scalar::Text => text.into_owned(),
        Scalar::Bool(bool) => bool.to_string(),
        Scalar::Int(integer) => integer.to_string(),
        Scalar::Float(float) => number::general_single(float),
        Scalar::Null => return Err("a mapping key must not be null"),
        Scalar::Uint(_) => return Err("a mapping key that is a number must fit 64 bits with a sign"),
    })
}
