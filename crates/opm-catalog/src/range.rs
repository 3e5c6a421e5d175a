//! Ranges of versions, in the language of `skipRange`.

use std::cmp::Ordering;

use opm_model::Version;

/// A set of versions: comparisons separated by spaces must all hold, and of alternatives separated by `||` any.
///
/// Comparisons are `<`, `<=`, `>`, `>=`, `=` (or `==`, or nothing), `!=` (or `!`) with a version, of which the last
/// number or the last two may be `x`. Build metadata does not count, and pre-releases are versions like any other.
#[derive(Clone, Debug)]
pub struct Range {
    alternatives: Vec<Vec<Comparison>>,
}

#[derive(Clone, Debug)]
struct Comparison {
    operator: Operator,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "=" | "==" => Self::Equal,
            "!" | "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Range {
    /// Reads a range. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = parts(text);
        let mut alternatives = vec![Vec::new()];
        for (index, part) in parts.iter().enumerate() {
            let Some(current) = alternatives.last_mut() else { continue };
            match part.as_str() {
                "||" if index == 0 => return Err("First element in range is '||'".to_owned()),
                "||" if current.is_empty() => return Err("nothing stands between two '||'".to_owned()),
                "||" => alternatives.push(Vec::new()),
                part => add(part, current)?,
            }
        }
        if alternatives.last().is_none_or(Vec::is_empty) {
            return Err("Last element in range is '||'".to_owned());
        }
        Ok(Self { alternatives })
    }

    /// Whether the version is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        let holds = |c: &Comparison| c.operator.holds(version.cmp_precedence(&c.version));
        self.alternatives.iter().any(|all| all.iter().all(holds))
    }
}

/// The comparisons and `||` of a range, without the spaces that may follow an operator. Like the reference this loses
/// parts of a single character.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut last = b' ';
    let mut take = |part: &str| {
        if part.len() > 1 {
            parts.push(part.replace(' ', ""));
        }
    };
    for (at, byte) in text.bytes().enumerate() {
        if byte != b' ' {
            last = byte;
        } else if !matches!(last, b'<' | b'>' | b'=') {
            take(&text[start..at]);
            start = at + 1;
        }
    }
    take(&text[start..]);
    parts
}

/// Adds the comparisons that a part stands for.
fn add(part: &str, all: &mut Vec<Comparison>) -> Result<(), String> {
    let Some(digit) = part.find(char::is_numeric) else {
        return Err(format!("Could not get version from string: {part:?}"));
    };
    let (operator, version) = part.split_at(digit);
    if !part.contains('x') {
        all.push(comparison(operator, version)?);
        return Ok(());
    }
    let numbers: Vec<&str> = version.split('.').collect();
    let (flat, above) = match numbers[..] {
        [major, "x"] | [major, "x", "x"] => (format!("{major}.0.0"), next(major).map(|major| format!("{major}.0.0"))),
        [major, minor, "x"] => (format!("{major}.{minor}.0"), next(minor).map(|minor| format!("{major}.{minor}.0"))),
        _ => {
            return Err(format!(
                "Could not parse Range {part:?}: 'x' may stand only for the last numbers of a version"
            ));
        }
    };
    let above = above.ok_or_else(|| format!("Could not parse Range {part:?}: no number stands before 'x'"))?;
    let bounds: &[(&str, &str)] = match Operator::parse(operator.trim()) {
        Some(Operator::Greater) => &[(">=", &above)],
        Some(Operator::GreaterOrEqual) => &[(">=", &flat)],
        Some(Operator::Less) => &[("<", &flat)],
        Some(Operator::LessOrEqual) => &[("<", &above)],
        Some(Operator::Equal) => &[(">=", &flat), ("<", &above)],
        // No version is in both; this is so in the reference.
        Some(Operator::NotEqual) => &[("<", &flat), (">=", &above)],
        None => &[(operator, &flat)],
    };
    for (operator, version) in bounds {
        all.push(comparison(operator, version)?);
    }
    Ok(())
}

fn next(number: &str) -> Option<u64> {
    number.parse::<u64>().ok()?.checked_add(1)
}

fn comparison(operator: &str, version: &str) -> Result<Comparison, String> {
    let fault = |why: String| Err(format!("Could not parse Range \"{operator}{version}\": {why}"));
    let Some(known) = Operator::parse(operator.trim()) else {
        return fault(format!("Could not parse comparator {operator:?} in \"{operator}{version}\""));
    };
    match Version::parse(version) {
        Ok(version) => Ok(Comparison { operator: known, version }),
        Err(e) => fault(format!("Could not parse version {version:?} in \"{operator}{version}\": {e}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn membership() {
        for (range, inside, outside) in [
            (">=1.0.0 <2.0.0", &["1.0.0", "1.9.9", "2.0.0-rc"][..], &["0.9.0", "2.0.0", "1.0.0-rc"][..]),
            (">= 1.0.0 < 2.0.0", &["1.0.0"], &["2.0.0"]),
            ("1.0.0", &["1.0.0", "1.0.0+b"], &["1.0.1"]),
            ("!1.0.0", &["1.0.1"], &["1.0.0"]),
            ("<1.0.0 || >2.0.0", &["0.1.0", "2.0.1"], &["1.0.0", "2.0.0"]),
            ("1.x", &["1.0.0", "1.9.9"], &["2.0.0", "0.9.0"]),
            ("1.2.x", &["1.2.0", "1.2.9"], &["1.3.0"]),
            (">1.x", &["2.0.0"], &["1.9.9"]),
            ("<=1.x", &["1.9.9", "0.1.0"], &["2.0.0"]),
            ("<1.x", &["0.9.9"], &["1.0.0"]),
            (">=1.2.x", &["1.2.0"], &["1.1.9"]),
            ("!=1.x", &[], &["0.5.0", "1.5.0", "2.5.0"]),
        ] {
            let parsed = Range::parse(range).unwrap();
            let of = |text: &&str| Version::parse(text).unwrap();
            assert!(inside.iter().all(|v| parsed.contains(&of(v))), "{range:?} should have all of {inside:?}");
            assert!(!outside.iter().any(|v| parsed.contains(&of(v))), "{range:?} should have none of {outside:?}");
        }
    }

    #[test]
    fn refused() {
        for (range, expected) in [
            ("", "Last element in range is '||'"),
            ("x", "Last element in range is '||'"),
            ("bad", "Could not get version from string: \"bad\""),
            ("|| 1.0.0", "First element in range is '||'"),
            ("1.0.0 ||", "Last element in range is '||'"),
            ("1.0.0 || || 2.0.0", "nothing stands between two '||'"),
            ("<2", "Could not parse Range \"<2\": Could not parse version \"2\" in \"<2\": "),
            ("~1.0.0", "Could not parse Range \"~1.0.0\": Could not parse comparator \"~\" in \"~1.0.0\""),
            ("1.x.0", "Could not parse Range \"1.x.0\": 'x' may"),
            ("99999999999999999999.x", "Could not parse Range \"99999999999999999999.x\": no number"),
        ] {
            let message = Range::parse(range).unwrap_err();
            assert!(message.starts_with(expected), "{range:?}: {message}");
        }
    }
}
