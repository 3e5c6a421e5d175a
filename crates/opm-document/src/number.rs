//! Numbers in the spelling of Go's `strconv` and `encoding/json`.

use std::io::Write;

use serde_json::Number;

/// Appends a float as `encoding/json` does: the shortest decimal that reads back as the same double, in exponent form
/// (`1e-7`, `1e+21`) only below 1e-6 and from 1e21 on. Infinities and NaN, which JSON cannot express, become `null`.
pub fn write_json_float(float: f64, out: &mut Vec<u8>) {
    if !float.is_finite() {
        out.extend_from_slice(b"null");
    } else if float != 0.0 && !(1e-6..1e21).contains(&float.abs()) {
        let text = format!("{float:e}");
        let (mantissa, exponent) = scientific(&text);
        let sign = if exponent < 0 { "" } else { "+" };
        write(out, format_args!("{mantissa}e{sign}{exponent}"));
    } else {
        write(out, format_args!("{float}"));
    }
}

/// Appends a JSON number: integers as they are, except that one beyond the range of `i64` is spelled as the double it
/// becomes in Go's untyped objects; floats as [`write_json_float`].
pub fn write_json(number: &Number, out: &mut Vec<u8>) {
    match number.as_i64() {
        Some(integer) => write_integer(integer, out),
        None => write_json_float(number.as_f64().unwrap_or(f64::NAN), out),
    }
}

/// Appends a JSON number after it went through a double, which is what becomes of every number in a catalog.
pub fn write_json_double(number: &Number, out: &mut Vec<u8>) {
    match number.as_i64() {
        Some(integer) if integer.unsigned_abs() <= 1 << 53 => write_integer(integer, out),
        _ => write_json_float(number.as_f64().unwrap_or(f64::NAN), out),
    }
}

/// Appends a decimal integer.
pub(crate) fn write_integer(integer: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = integer.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// A double as `strconv.FormatFloat(f, 'g', -1, 64)` spells it: exponent form, with at least two digits, if the decimal
/// exponent is below -4 or at least 6: `1e-05`, `1.0000005e+06`, but `999999.5`.
pub fn general(float: f64) -> String {
    general_form(float.is_nan(), float.is_infinite(), float < 0.0, &format!("{float:e}"), &format!("{float}"))
}

/// The same for single precision: how a YAML mapping key that is a float becomes a string.
#[expect(clippy::cast_possible_truncation, reason = "the reference rounds keys to single precision")]
pub fn general_single(float: f64) -> String {
    let float = float as f32;
    general_form(float.is_nan(), float.is_infinite(), float < 0.0, &format!("{float:e}"), &format!("{float}"))
}

fn general_form(nan: bool, infinite: bool, negative: bool, scientific_form: &str, fixed: &str) -> String {
    if nan {
        return ".nan".into();
    }
    if infinite {
        return if negative { "-.inf".into() } else { ".inf".into() };
    }
    let (mantissa, exponent) = scientific(scientific_form);
    if (-4..GENERAL_EXPONENT).contains(&exponent) {
        return fixed.into();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// From this decimal exponent on, the general form of the shortest decimal has an exponent.
const GENERAL_EXPONENT: i32 = 6;

/// Splits Rust's `1.5e-7` into its two parts.
fn scientific(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

fn write(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::{general, general_single};

    #[test]
    fn general_form_has_an_exponent_outside_its_range() {
        for (float, double, single) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (100_000.0, "100000", "100000"),
            (1e6, "1e+06", "1e+06"),
            (1.5e-5, "1.5e-05", "1.5e-05"),
            (0.0001, "0.0001", "0.0001"),
            (0.1 + 0.2, "0.30000000000000004", "0.3"),
            (1e300, "1e+300", ".inf"),
            (-1e300, "-1e+300", "-.inf"),
            (f64::NAN, ".nan", ".nan"),
        ] {
            assert_eq!((general(float).as_str(), general_single(float).as_str()), (double, single));
        }
    }
}
