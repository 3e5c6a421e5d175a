//! Where images really are: mirrors, remapped and blocked registries, and short names, as `registries.conf` (version 2) says.
//!
//! Mirrors and other locations are for reading; what is pushed goes where its name says, unless that is blocked.

mod file;
mod find;
mod prefix;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::reference::Reference;
use prefix::Prefix;

/// The settings of all files together, the last word on each prefix and name.
#[derive(Debug, Default)]
pub(crate) struct Registries {
    /// Where short names are looked for that have no alias.
    search: Vec<String>,
    /// Full names by short names.
    aliases: BTreeMap<String, String>,
    rules: Vec<Rule>,
}

/// What holds for the images whose names begin with a prefix.
#[derive(Debug)]
struct Rule {
    prefix: Prefix,
    /// What stands in for the prefix, if something else does.
    location: Option<String>,
    insecure: bool,
    blocked: bool,
    mirrors: Vec<Mirror>,
    /// The file that says so.
    file: PathBuf,
}

/// What may stand in for a prefix.
#[derive(Debug)]
struct Mirror {
    location: String,
    insecure: bool,
    pulls: Pulls,
}

/// Which names a mirror is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pulls {
    All,
    Digests,
    Tags,
}

/// One place to look for an image at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) reference: Reference,
    /// Whether a certificate that nobody vouches for, and no encryption at all, will do.
    pub(crate) insecure: bool,
}

impl Registries {
    /// Reads all files that apply.
    pub(crate) fn load(environment: &Environment) -> Result<Self, ErrorKind> {
        let mut all = Self::default();
        for path in find::files(environment)? {
            file::read(&path)?.apply_to(&mut all);
        }
        Ok(all)
    }

    /// The image that a short name stands for: by its alias; else in the only registry to search, if there is just one; else
    /// on Docker Hub, as everywhere in this crate.
    pub(crate) fn full(&self, reference: &Reference) -> Result<Reference, ErrorKind> {
        let Some(short) = reference.short() else { return Ok(reference.clone()) };
        let name = match (self.aliases.get(short), &self.search[..]) {
            (Some(alias), _) => alias.clone(),
            (None, [only]) => format!("{only}/{short}"),
            (None, _) => return Ok(reference.clone()),
        };
        let full = reference.renamed(&name).map_err(ErrorKind::Reference)?;
        tracing::debug!(name = short, image = %full, "short name");
        Ok(full)
    }

    /// Where to look for an image, best first; at least one place.
    pub(crate) fn places(&self, image: &Reference) -> Result<Vec<Place>, ErrorKind> {
        let name = image.to_string();
        let Some((rule, rest)) = self.rule(&name) else {
            return Ok(vec![Place { reference: image.clone(), insecure: false }]);
        };
        rule.unless_blocked()?;
        let by_digest = image.digest().is_some();
        let mirrors = rule.mirrors.iter().filter(|mirror| match mirror.pulls {
            Pulls::All => true,
            Pulls::Digests => by_digest,
            Pulls::Tags => !by_digest,
        });
        let mirrors = mirrors.map(|mirror| (Some(&mirror.location), mirror.insecure));
        let mut places = Vec::new();
        let mut blocked = Ok(());
        for (location, insecure) in mirrors.chain([(rule.location.as_ref(), rule.insecure)]) {
            let reference = match location {
                None => image.clone(),
                Some(location) => format!("{location}{rest}").parse().map_err(ErrorKind::Reference)?,
            };
            // What stands in for a prefix can be blocked itself.
            match self.rule(&reference.to_string()).map_or(Ok(()), |(rule, _)| rule.unless_blocked()) {
                Ok(()) => places.push(Place { reference, insecure }),
                Err(error) => blocked = Err(error),
            }
        }
        if places.is_empty() { blocked.map(|()| places) } else { Ok(places) }
    }

    /// Whether an image may be written to without a trusted certificate, and without encryption.
    pub(crate) fn insecure(&self, image: &Reference) -> Result<bool, ErrorKind> {
        match self.rule(&image.to_string()) {
            None => Ok(false),
            Some((rule, _)) => rule.unless_blocked().map(|()| rule.insecure),
        }
    }

    /// The rule with the longest prefix, and what follows that in the name.
    fn rule<'a>(&self, name: &'a str) -> Option<(&Rule, &'a str)> {
        let matching = self.rules.iter().filter_map(|rule| Some((rule, rule.prefix.rest_of(name)?)));
        matching.max_by_key(|(rule, _)| rule.prefix.as_str().len())
    }
}

impl Rule {
    fn unless_blocked(&self) -> Result<(), ErrorKind> {
        if self.blocked {
            return Err(ErrorKind::Blocked { prefix: self.prefix.as_str().to_owned(), path: self.file.clone() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
