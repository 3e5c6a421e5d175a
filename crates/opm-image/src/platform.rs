//! Which child of a multi-platform image is taken.

use std::fmt;
use std::str::FromStr;

use oci_distribution::manifest::{self, ImageIndexEntry};

use crate::reference::BadReference;

/// An operating system and processor in Go's words, `os/architecture[/variant]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `v7`; absent matches every variant.
    pub variant: Option<String>,
}

impl Platform {
    fn linux(architecture: &str) -> Self {
        Self { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None }
    }

    /// Linux on the architecture of this machine: catalogs and bundles are made for clusters, not for workstations.
    pub fn host() -> Self {
        Self::linux(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            other => other,
        })
    }

    /// What is looked for, best first.
    pub(crate) fn preferences(asked: Option<&Self>) -> Vec<Self> {
        if let Some(platform) = asked {
            return vec![platform.clone()];
        }
        let mut all = vec![Self::host(), Self::linux("amd64")];
        all.dedup();
        all
    }

    fn of(platform: &manifest::Platform) -> Self {
        Self {
            os: platform.os.to_string(),
            architecture: platform.architecture.to_string(),
            variant: platform.variant.clone().filter(|variant| !variant.is_empty()),
        }
    }

    /// How well `offer` serves: `None` not at all, lower is better.
    pub(crate) fn fit(&self, offer: &Self) -> Option<u8> {
        if self.os != offer.os || self.architecture != offer.architecture {
            return None;
        }
        // `arm64` and `arm64/v8` are one platform.
        let plain = |platform: &Self| match (platform.architecture.as_str(), platform.variant.as_deref()) {
            ("arm64", Some("v8")) => None,
            (_, variant) => variant.map(str::to_owned),
        };
        match (plain(self), plain(offer)) {
            (wanted, offered) if wanted == offered => Some(0),
            (None, Some(_)) => Some(1),
            _ => None,
        }
    }
}

impl FromStr for Platform {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => ("", "", None),
        };
        if os.is_empty() || architecture.is_empty() || variant.is_some_and(str::is_empty) {
            return Err(BadReference::new(text, "a platform is written os/architecture or os/architecture/variant"));
        }
        Ok(Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.map(str::to_owned) })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// Whether an entry of an index is for one of `platforms`, or for none in particular. All are among none.
pub(crate) fn is_among(entry: &ImageIndexEntry, platforms: &[Platform]) -> bool {
    let Some(offer) = &entry.platform else { return true };
    let offer = Platform::of(offer);
    platforms.is_empty() || offer.os == "unknown" || platforms.iter().any(|wanted| wanted.fit(&offer).is_some())
}

/// The entry of an index that serves `wanted` best. Entries without a platform never do.
pub(crate) fn choose<'a>(entries: &'a [ImageIndexEntry], wanted: &Platform) -> Option<&'a ImageIndexEntry> {
    entries
        .iter()
        .filter_map(|entry| Some((wanted.fit(&Platform::of(entry.platform.as_ref()?))?, entry)))
        .min_by_key(|(fit, _)| *fit)
        .map(|(_, entry)| entry)
}

/// The platforms that an index offers, without attestations.
pub(crate) fn offered(entries: &[ImageIndexEntry]) -> impl Iterator<Item = Platform> {
    entries.iter().filter_map(|entry| entry.platform.as_ref().map(Platform::of)).filter(|offer| offer.os != "unknown")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn entries(platforms: &[Option<&str>]) -> Vec<ImageIndexEntry> {
        let entry = |(n, platform): (usize, Option<&str>)| {
            let platform = platform.map(|text| {
                let platform: Platform = text.parse().unwrap();
                serde_json::json!({"os": platform.os, "architecture": platform.architecture, "variant": platform.variant})
            });
            serde_json::from_value(
                serde_json::json!({"mediaType": "", "digest": n.to_string(), "size": 1, "platform": platform}),
            )
            .unwrap()
        };
        platforms.iter().copied().enumerate().map(entry).collect()
    }

    #[test]
    fn chooses_the_best_entry() {
        type Case = (&'static str, &'static [Option<&'static str>], Option<&'static str>);
        let cases: [Case; 9] = [
            ("linux/amd64", &[Some("linux/arm64"), Some("linux/amd64")], Some("1")),
            ("linux/amd64", &[Some("windows/amd64")], None),
            ("linux/amd64", &[None, Some("unknown/unknown")], None),
            ("linux/arm64", &[Some("linux/arm64/v8")], Some("0")),
            ("linux/arm64/v8", &[Some("linux/arm64")], Some("0")),
            ("linux/arm", &[Some("linux/arm/v6"), Some("linux/arm")], Some("1")),
            ("linux/arm", &[Some("linux/arm/v6"), Some("linux/arm/v7")], Some("0")),
            ("linux/arm/v7", &[Some("linux/arm/v6"), Some("linux/arm/v7")], Some("1")),
            ("linux/arm/v7", &[Some("linux/arm")], None),
        ];
        for (wanted, offers, best) in cases {
            let entries = entries(offers);
            let found = choose(&entries, &wanted.parse().unwrap()).map(|entry| entry.digest.as_str());
            assert_eq!(found, best, "{wanted} of {offers:?}");
        }
    }

    #[test]
    fn prefers_the_host_then_amd64_unless_told() {
        let all = Platform::preferences(None);
        assert_eq!((&all[0], all.last().unwrap().to_string().as_str()), (&Platform::host(), "linux/amd64"));
        let one: Platform = "linux/s390x".parse().unwrap();
        assert_eq!(Platform::preferences(Some(&one)), [one]);
        for bad in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }
}
