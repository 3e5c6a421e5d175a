//! Ranges of versions, as dependencies on packages name them.

use opm_model::Version;

/// What is wrong with a text as a range of semantic versions: comparisons such as `>=1.0.0 <2.0.0`, alternatives between `||`,
/// and `x` for any minor or patch number.
pub(super) fn check(text: &str) -> Result<(), String> {
    for part in text.split("||") {
        let mut is_empty = true;
        let mut rest = part.trim_start();
        while !rest.is_empty() {
            let after = rest.trim_start_matches(['<', '>', '=', '!']);
            let operator = &rest[..rest.len() - after.len()];
            if !["", "=", "==", "!", "!=", "<", "<=", ">", ">="].contains(&operator) {
                return Err(format!("there is no comparison {operator:?}"));
            }
            let after = after.trim_start();
            let end = after.find(|c: char| c.is_whitespace() || "<>=!".contains(c)).unwrap_or(after.len());
            version(&after[..end])?;
            is_empty = false;
            rest = after[end..].trim_start();
        }
        if is_empty {
            return Err("a range must not be empty".to_owned());
        }
    }
    Ok(())
}

fn version(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('.').collect();
    let is_wild = |part: &&str| ["x", "X", "*"].contains(part);
    let filled = match parts.iter().position(is_wild) {
        None => text.to_owned(),
        Some(at @ 1..) if parts.len() <= 3 && parts[at..].iter().all(is_wild) => {
            let mut numbers = parts[..at].to_vec();
            numbers.resize(3, "0");
            numbers.join(".")
        }
        Some(_) => return Err(format!("{text:?} is not a version")),
    };
    Version::parse(&filled).map(drop).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn ranges() {
        for good in [
            "1.0.0",
            ">=1.0.0",
            ">= 1.0.0 <2.0.0",
            ">1.0.0 <2.0.0 || >3.0.0 !4.2.1",
            "1.x",
            "<1.2.x",
            "!=1.0.0-rc.1+b",
            "1.0.0||2.0.0",
        ] {
            assert_eq!(super::check(good), Ok(()), "{good}");
        }
        for bad in
            ["", "1.0", ">=", "1.0.0 ||", "=>1.0.0", "x", "1.x.0", "a", "^1.0.0", "~1.0.0", "v1.0.0", "1.0.0,2.0.0"]
        {
            assert!(super::check(bad).is_err(), "{bad}");
        }
    }
}
