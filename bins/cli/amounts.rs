//! Durations and sizes as people write them.

use std::time::Duration;

/// A duration such as `500ms`, `1.5s` or `1m30s`.
///
/// # Errors
/// A text that is something else.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 500ms, 5s or 1m");
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).ok_or_else(wrong)?;
        let unit = rest[number..].find(|c: char| c == '.' || c.is_ascii_digit()).map_or(rest.len(), |at| number + at);
        let scale = match &rest[number..unit] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        seconds += rest[..number].parse::<f64>().map_err(|_| wrong())? * scale;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(wrong()) } else { Duration::try_from_secs_f64(seconds).map_err(|_| wrong()) }
}

/// A number of bytes such as `700`, `64KiB`, `4.7GB` or `2G`; letters alone are binary.
///
/// # Errors
/// A text that is something else.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size such as 700MB, 4.7GB or 16GiB");
    let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let exponent = |letter: &str| "kmgt".find(&letter.to_ascii_lowercase()).and_then(|at| i32::try_from(at + 1).ok());
    let scale = match (text[digits..].get(..1), text[digits..].get(1..)) {
        (None, _) | (Some("B"), Some("")) => 1.0,
        (Some(letter), Some("" | "iB")) => 1024_f64.powi(exponent(letter).ok_or_else(wrong)?),
        (Some(letter), Some("B")) => 1000_f64.powi(exponent(letter).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    let all = number * scale;
    if !(1.0..=1e18).contains(&all) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was just compared")]
    Ok(all as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn sizes_have_units_of_two_kinds() {
        for (text, expected) in [
            ("700", 700),
            ("1B", 1),
            ("64KiB", 65_536),
            ("64k", 65_536),
            ("64kB", 64_000),
            ("4.7GB", 4_700_000_000),
            ("2G", 2_147_483_648),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(bytes(text).unwrap(), expected, "{text}");
        }
        for bad in ["", "GB", "1X", "1Gb", "-1", "0", "1.2.3", "9999999TB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_written_as_in_go() {
        for (text, millis) in [("500ms", 500), ("1.5s", 1500), ("1m30s", 90_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for bad in ["", "5", "s", "1 s", "-1s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
