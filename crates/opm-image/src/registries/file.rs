//! One `registries.conf`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::{Mirror, Prefix, Pulls, Registries, Rule};
use crate::error::ErrorKind;
use crate::reference::has_registry;

/// What the file says. Settings that are of no interest here are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wire {
    unqualified_search_registries: Option<Vec<Spanned<String>>>,
    short_name_mode: Option<Spanned<String>>,
    #[serde(default)]
    aliases: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    registry: Vec<WireRegistry>,
    /// Only in version 1.
    registries: Option<Spanned<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireRegistry {
    prefix: Option<Spanned<String>>,
    location: Option<Spanned<String>>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<WireMirror>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireMirror {
    location: Spanned<String>,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<Spanned<String>>,
}

/// A file that was understood.
#[derive(Debug)]
pub(super) struct Settings {
    search: Option<Vec<String>>,
    /// An empty name takes the alias away.
    aliases: BTreeMap<String, String>,
    rules: Vec<Rule>,
}

impl Settings {
    /// Lays this file over those before it.
    pub(super) fn apply_to(self, all: &mut Registries) {
        if let Some(search) = self.search {
            all.search = search;
        }
        for (name, alias) in self.aliases {
            if alias.is_empty() {
                all.aliases.remove(&name)
            } else {
                all.aliases.insert(name, alias)
            };
        }
        all.rules.retain(|old| self.rules.iter().all(|new| new.prefix != old.prefix));
        all.rules.extend(self.rules);
    }
}

/// A fault, and where in the text it is, when it is somewhere.
type Fault = (Option<Range<usize>>, String);

pub(super) fn read(path: &Path) -> Result<Settings, ErrorKind> {
    let bad = |line, why| ErrorKind::Registries { path: path.to_owned(), line, why };
    let text = std::fs::read_to_string(path).map_err(|error| bad(None, error.to_string()))?;
    parse(&text, path).map_err(|(span, why)| {
        let line = span.and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        bad(line, why)
    })
}

fn parse(text: &str, path: &Path) -> Result<Settings, Fault> {
    let wire: Wire = toml::from_str(text).map_err(|error| (error.span(), error.message().replace('\n', ", ")))?;
    if let Some(old) = &wire.registries {
        let why = "this is version 1 of the format, which is not supported; write unqualified-search-registries and [[registry]] \
                   instead";
        return Err((Some(old.span()), why.to_owned()));
    }
    if let Some(mode) = &wire.short_name_mode
        && !matches!(mode.as_ref().as_str(), "" | "enforcing" | "permissive" | "disabled")
    {
        let why = format!("short-name-mode is `{}`; expected enforcing, permissive or disabled", mode.as_ref());
        return Err((Some(mode.span()), why));
    }
    let search = wire.unqualified_search_registries.map(|all| all.iter().map(location).collect()).transpose()?;
    let mut aliases = BTreeMap::new();
    for (name, alias) in wire.aliases {
        aliases.insert(name.clone(), checked_alias(&name, &alias)?);
    }
    let mut rules: Vec<Rule> = Vec::new();
    for registry in wire.registry {
        let at = registry.prefix.as_ref().or(registry.location.as_ref()).map(Spanned::span);
        let rule = rule(registry, path)?;
        // Said twice alike is harmless.
        match rules.iter().find(|other| other.prefix == rule.prefix) {
            None => rules.push(rule),
            Some(other) if (other.insecure, other.blocked) == (rule.insecure, rule.blocked) => {}
            Some(_) => {
                let why =
                    format!("there are two [[registry]] for `{}` that contradict each other", rule.prefix.as_str());
                return Err((at, why));
            }
        }
    }
    Ok(Settings { search, aliases, rules })
}

fn checked_alias(name: &str, alias: &Spanned<String>) -> Result<String, Fault> {
    let fault = |why: String| Err((Some(alias.span()), why));
    let full = alias.as_ref().as_str();
    if has_registry(name) {
        return fault(format!("`{name}` names a registry; an alias is for a short name"));
    }
    let is_tagged = |text: &str| text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if is_tagged(name) || is_tagged(full) {
        return fault(format!("the alias `{name}` must be without tag and digest, and so must what it stands for"));
    }
    if !full.is_empty() && (!has_registry(full) || format!("{full}:x").parse::<crate::Reference>().is_err()) {
        return fault(format!("the alias `{name}` stands for `{full}`, which is not REGISTRY/REPOSITORY"));
    }
    Ok(full.to_owned())
}

fn rule(wire: WireRegistry, path: &Path) -> Result<Rule, Fault> {
    let place = wire.location.as_ref().filter(|text| !text.as_ref().is_empty()).map(location).transpose()?;
    let named = wire.prefix.filter(|text| !text.as_ref().is_empty());
    let prefix = match (&named, &place) {
        (Some(prefix), _) => Prefix::new(&trimmed(prefix)?),
        (None, Some(place)) => Prefix::new(place),
        (None, None) => return Err((None, "a [[registry]] has neither prefix nor location".to_owned())),
    };
    if place.is_none() && !prefix.is_wildcard() {
        let why = format!("the [[registry]] for `{}` has no location", prefix.as_str());
        return Err((named.map(|prefix| prefix.span()), why));
    }
    let only = wire.mirror_by_digest_only;
    let mirrors = wire.mirror.iter().map(|wire| mirror(wire, only)).collect::<Result<_, Fault>>()?;
    let location = place.filter(|place| place != prefix.as_str());
    let file: PathBuf = path.to_owned();
    Ok(Rule { prefix, location, insecure: wire.insecure, blocked: wire.blocked, mirrors, file })
}

fn mirror(wire: &WireMirror, by_digest_only: bool) -> Result<Mirror, Fault> {
    let mut pulls = if by_digest_only { Pulls::Digests } else { Pulls::All };
    if let Some(wanted) = wire.pull_from_mirror.as_ref().filter(|text| !text.as_ref().is_empty()) {
        let fault = |why: String| Err((Some(wanted.span()), why));
        if by_digest_only {
            return fault("pull-from-mirror and mirror-by-digest-only cannot both be set".to_owned());
        }
        pulls = match wanted.as_ref().as_str() {
            "all" => Pulls::All,
            "digest-only" => Pulls::Digests,
            "tag-only" => Pulls::Tags,
            other => {
                return fault(format!("pull-from-mirror is `{other}`; expected all, digest-only or tag-only"));
            }
        };
    }
    Ok(Mirror { location: location(&wire.location)?, insecure: wire.insecure, pulls })
}

/// A registry, or a place in one.
fn location(text: &Spanned<String>) -> Result<String, Fault> {
    let place = trimmed(text)?;
    if !has_registry(&format!("{place}/x")) {
        return Err((
            Some(text.span()),
            format!("`{place}` does not begin with a registry: a host name with a dot or a port"),
        ));
    }
    Ok(place)
}

fn trimmed(text: &Spanned<String>) -> Result<String, Fault> {
    let fault = |why: String| Err((Some(text.span()), why));
    let place = text.as_ref().trim_end_matches('/');
    if let Some((scheme, _)) = place.split_once("://") {
        return fault(format!("write `{place}` without `{scheme}://`; insecure = true allows plain HTTP"));
    }
    if place.is_empty() {
        return fault("the name of a registry is empty".to_owned());
    }
    Ok(place.to_owned())
}
