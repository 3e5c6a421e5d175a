//! Versions: strict semantic versions with the two orders that catalogs use.

use std::cmp::Ordering;

/// A strict semantic version (three numeric parts, no leading `v`).
///
/// It has no `Ord`: callers say which of the two orders they mean, since they differ in what build metadata counts for.
#[derive(Clone, Debug)]
pub struct Version(semver::Version);

/// A text is no version, or two versions cannot be ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text is empty.
    #[error("version is empty")]
    Empty,
    /// The text is not a strict semantic version.
    #[error("version {text:?} is not a semantic version (MAJOR.MINOR.PATCH): {why}")]
    Malformed {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Build metadata cannot be compared as pre-release identifiers.
    #[error("build metadata of version {0} cannot be compared: a numeric identifier begins with zero")]
    Build(String),
}

impl Version {
    /// Reads a strict semantic version.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        semver::Version::parse(text)
            .map(Self)
            .map_err(|e| VersionError::Malformed { text: text.to_owned(), why: e.to_string() })
    }

    /// The version `0.0.0-z`, which stands for a missing one when heads are chosen: less than any release.
    pub fn missing() -> Self {
        Self(semver::Version {
            major: 0,
            minor: 0,
            patch: 0,
            pre: semver::Prerelease::new("z").unwrap_or(semver::Prerelease::EMPTY),
            build: semver::BuildMetadata::EMPTY,
        })
    }

    /// The version `0.0.0`.
    pub fn zero() -> Self {
        Self(semver::Version::new(0, 0, 0))
    }

    /// Major and minor number.
    pub fn minor_line(&self) -> (u64, u64) {
        (self.0.major, self.0.minor)
    }

    /// Order by precedence alone: build metadata is ignored.
    pub fn cmp_precedence(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }

    /// Order by precedence, then by build metadata compared as if it were a pre-release, where none comes before any.
    pub fn cmp_with_build(&self, other: &Self) -> Result<Ordering, VersionError> {
        let order = self.cmp_precedence(other);
        if order.is_ne() {
            return Ok(order);
        }
        Ok(match (self.0.build.is_empty(), other.0.build.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.build_as_prerelease()?.cmp(&other.build_as_prerelease()?),
        })
    }

    fn build_as_prerelease(&self) -> Result<semver::Prerelease, VersionError> {
        semver::Prerelease::new(&self.0.build).map_err(|_| VersionError::Build(self.to_string()))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn orders() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, precedence, build) in [
            ("1.0.0", "1.0.0", Equal, Equal),
            ("1.0.0", "1.0.0+1", Equal, Less),
            ("1.0.0+1", "1.0.0", Equal, Greater),
            ("1.0.0+2", "1.0.0+10", Equal, Less),
            ("1.0.0+a", "1.0.0+1", Equal, Greater),
            ("1.0.0-rc.1+9", "1.0.0", Less, Less),
            ("0.0.0-z", "0.0.0", Less, Less),
        ] {
            let (a, b) = (Version::parse(a).unwrap(), Version::parse(b).unwrap());
            assert_eq!(a.cmp_precedence(&b), precedence, "{a} {b}");
            assert_eq!(a.cmp_with_build(&b).unwrap(), build, "{a} {b}");
        }
        assert_eq!(Version::missing().to_string(), "0.0.0-z");
    }

    #[test]
    fn refused() {
        for text in ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", " 1.0.0", "1.0.0-01"] {
            assert!(Version::parse(text).is_err(), "{text:?}");
        }
        let (a, b) = (Version::parse("1.0.0+01").unwrap(), Version::parse("1.0.0+1").unwrap());
        assert!(matches!(a.cmp_with_build(&b), Err(VersionError::Build(v)) if v == "1.0.0+01"));
    }
}
