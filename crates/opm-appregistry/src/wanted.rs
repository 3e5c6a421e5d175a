//! Which repositories are wanted.

use crate::AppRegistryError;
use crate::organisation::is_component;

/// A repository by its name, and a release of it where it is not the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Without the organisation.
    pub name: String,
    /// Such as `1.2.0`.
    pub release: Option<String>,
}

impl Wanted {
    /// Reads lists of `NAME[:RELEASE]`, separated by commas. Spaces do not matter, and neither does what is said twice; two
    /// releases of one repository are an error.
    pub fn list(texts: &[String]) -> Result<Vec<Self>, AppRegistryError> {
        let mut all: Vec<Self> = Vec::new();
        for text in texts.iter().flat_map(|list| list.split(',')) {
            let text: String = text.split_whitespace().collect();
            if text.is_empty() {
                continue;
            }
            let one = Self::parse(&text)?;
            match all.iter().find(|known| known.name == one.name) {
                Some(known) if *known == one => {}
                Some(_) => {
                    return Err(AppRegistryError::Wanted { text, why: "another release of it is wanted as well" });
                }
                None => all.push(one),
            }
        }
        Ok(all)
    }

    fn parse(text: &str) -> Result<Self, AppRegistryError> {
        let (name, release) = text.split_once(':').map_or((text, None), |(name, release)| (name, Some(release)));
        let is_well = is_component(name) && release.is_none_or(|r| is_component(r) && !r.contains(':'));
        if !is_well {
            return Err(AppRegistryError::Wanted { text: text.to_owned(), why: "expected NAME or NAME:RELEASE" });
        }
        Ok(Self { name: name.to_owned(), release: release.map(str::to_owned) })
    }
}
