//! The order in which a mapping is written.

use serde_json::{Map, Value};

/// The members in the order of the reference, in which `a9` comes before `a10`.
pub(super) fn members(map: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut members: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
    // They come sorted bytewise, which is nearly always the order asked for.
    if members.windows(2).any(|pair| less(pair[1].0, pair[0].0)) {
        crate::sort::sort(&mut members, |a, b| less(a.0, b.0));
    }
    members
}

/// Whether `a` comes before `b`: at the first difference letters compare by code point and come after all else; digits
/// compare as the numbers that begin there.
fn less(a: &str, b: &str) -> bool {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    if let (Some(x), Some(y)) = (a.as_bytes().get(same), b.as_bytes().get(same))
        && x.is_ascii_alphabetic()
        && y.is_ascii_alphabetic()
    {
        return x < y;
    }
    // The difference may lie within a character.
    let start = (0..=same).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0);
    let (Some(x), Some(y)) = (a[start..].chars().next(), b[start..].chars().next()) else {
        return a.len() < b.len();
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (false, false) => {}
        (_, second) => return second,
    }
    // A zero counts differently after a digit that is not: `100` against `10`, not `00` against `0`.
    let mut before = a[..start].chars().rev().take_while(char::is_ascii_digit);
    let inner = (x == '0' || y == '0') && before.any(|digit| digit != '0');
    let (first, first_length) = number(&a[start..], inner);
    let (second, second_length) = number(&b[start..], inner);
    (first, first_length, x) < (second, second_length, y)
}

/// The number that the text begins with, and its length.
fn number(text: &str, inner: bool) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((i64::from(inner), 0), |(number, length), digit| {
        (number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), length + 1)
    })
}
