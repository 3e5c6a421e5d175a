//! What an app-registry says of a repository.

use semver::Version;
use serde::Deserialize;

use crate::AppRegistryError;
use crate::organisation::is_component;

/// A repository of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Its name, without the organisation: one component of a path.
    pub name: String,
    /// The release that is meant where none is named.
    pub default: Option<String>,
    /// All releases, in the order of the answer.
    pub releases: Vec<String>,
}

/// The same on the wire. Everything but the name may be absent or null.
#[derive(Deserialize)]
pub(crate) struct Wire {
    name: String,
    default: Option<String>,
    releases: Option<Vec<String>>,
}

impl Repository {
    /// The repository that an element of a list tells of; `None` if it is of another organisation.
    pub(crate) fn of(wire: Wire, organisation: &str) -> Result<Option<Self>, String> {
        let Some((of, name)) = wire.name.split_once('/') else {
            return Err(format!("the name {:?} is not of the form ORG/REPOSITORY", wire.name));
        };
        if of != organisation {
            return Ok(None);
        }
        if !is_component(name) {
            return Err(format!("{:?} cannot be the name of a repository", wire.name));
        }
        let default = wire.default.filter(|release| !release.is_empty());
        Ok(Some(Self { name: name.to_owned(), default, releases: wire.releases.unwrap_or_default() }))
    }

    /// The release to take where none is named: the default one, else the one with the highest version.
    pub fn release(&self) -> Result<&str, AppRegistryError> {
        let highest = || {
            let versions = self.releases.iter().filter_map(|text| Some((Version::parse(text).ok()?, text)));
            versions.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, text)| text)
        };
        let none = || AppRegistryError::NoRelease { repository: self.name.clone(), releases: self.releases.clone() };
        self.default.as_ref().or_else(highest).map(String::as_str).ok_or_else(none)
    }
}
