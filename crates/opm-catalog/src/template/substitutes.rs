//! Catalogs in whose graphs bundles stand in for others.

use std::collections::BTreeMap;

use opm_model::Version;
use serde::Deserialize;

use super::{RenderError, Renderer, entries};
use crate::blob::{Blob, Bundle, Catalog, ChannelEntry, property_type};
use crate::fields::{Fields, Read, list_of_objects};
use crate::{Error, Origin, check_model, properties};

/// The annotation of a CSV that names the bundle which it stands in for.
const SUBSTITUTES_FOR: &str = "olm.substitutesFor";

#[derive(Clone, Debug)]
pub(super) struct Substitutes {
    entries: Vec<Blob>,
    substitutions: Vec<Substitution>,
}

#[derive(Clone, Debug)]
struct Substitution {
    /// The reference of the bundle's image.
    name: String,
    /// The name of the bundle that it stands in for.
    base: String,
}

impl Substitutes {
    pub(super) fn read(mut fields: Fields<'_>, origin: &Origin) -> Read<Self> {
        let entries = entries(&mut fields, origin)?;
        let substitution = |mut f: Fields<'_>| Ok(Substitution { name: f.text("name")?, base: f.text("base")? });
        let substitutions = fields.list("substitutions", list_of_objects(substitution))?.unwrap_or_default();
        Ok(Self { entries, substitutions })
    }

    pub(super) fn references(&self) -> Vec<String> {
        self.substitutions.iter().map(|substitution| substitution.name.clone()).collect()
    }

    pub(super) fn expand<F: FnMut(&str) -> Result<Vec<Bundle>, RenderError>>(
        self,
        mut renderer: Renderer<F>,
    ) -> Result<Catalog, Error> {
        let mut catalog: Catalog = self.entries.into_iter().collect();
        valid(&catalog, "render: entries are not valid FBC")?;
        let mut bases: BTreeMap<&str, &str> = BTreeMap::new();
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for Substitution { name, base } in &self.substitutions {
            if bases.insert(base, name).is_some() {
                return Err(Error::Template(format!("render: cannot reuse the same substitution base {base:?}")));
            }
            if let Some(other) = names.insert(name, base) {
                return Err(Error::Template(format!(
                    "render: cannot reuse the same substitution {name:?} for different bases ({other:?} and {base:?})"
                )));
            }
            let fault = |message: String| {
                Error::Template(format!("render: error processing substitution {base:?} -> {name:?}: {message}"))
            };
            if name.is_empty() {
                return Err(fault("substitution name cannot be empty".to_owned()));
            }
            if base.is_empty() {
                return Err(fault("substitution base cannot be empty".to_owned()));
            }
            if name == base {
                return Err(fault("substitution name and base cannot be the same".to_owned()));
            }
            let bundle = renderer.render(name)?.into_iter().next().map(|rendered| rendered.bundle);
            let bundle =
                bundle.ok_or_else(|| fault(format!("rendered bundle image reference {name:?} contains no bundles")))?;
            let of_bundle = version_release(&bundle).map_err(|e| {
                fault(format!("failed to get VersionRelease for substitute bundle {:?}: {e}", bundle.name))
            })?;
            let base_bundle = catalog.bundles.iter().find(|known| known.name == *base);
            let base_bundle =
                base_bundle.ok_or_else(|| fault(format!("base bundle {base:?} does not exist in catalog")))?;
            let of_base = version_release(base_bundle)
                .map_err(|e| fault(format!("failed to get VersionRelease for base bundle {base:?}: {e}")))?;
            if !of_base.is_less(&of_bundle) {
                return Err(fault(format!(
                    "base bundle {base:?} is not less than substitute bundle {:?}",
                    bundle.name
                )));
            }
            substitute(&mut catalog, base, bundle);
            valid(
                &catalog,
                &format!(
                    "render: error processing substitution {base:?} -> {name:?}: resulting config is not valid FBC"
                ),
            )?;
        }
        Ok(catalog)
    }
}

fn valid(catalog: &Catalog, what: &str) -> Result<(), Error> {
    let report = check_model(catalog);
    if report.is_valid() { Ok(()) } else { Err(Error::Template(format!("{what}: {report}"))) }
}

/// Puts the bundle into the catalog, in all channels in the place of its base, which it skips.
fn substitute(catalog: &mut Catalog, base: &str, bundle: Bundle) {
    for entries in catalog.channels.iter_mut().filter_map(|channel| channel.entries.as_mut()) {
        let former = entries.len();
        for index in (0..former).rev().filter(|index| entries[*index].name == *base).collect::<Vec<_>>() {
            let original = std::mem::take(&mut entries[index]);
            entries[index].name.clone_from(&original.name);
            let mut skips = original.skips;
            skips.push(base.to_owned());
            entries.push(ChannelEntry { name: bundle.name.clone(), skips, ..original });
        }
        for entry in &mut entries[..former] {
            if entry.replaces == base {
                entry.replaces.clone_from(&bundle.name);
                entry.skips.push(base.to_owned());
            } else if entry.skips.iter().any(|skip| skip == base) {
                entry.skips.push(bundle.name.clone());
                entry.skips.retain(|skip| skip != base);
            }
        }
    }
    catalog.bundles.push(bundle);
}

/// A version and the release that is added to it.
struct VersionRelease {
    version: Version,
    /// `0.0.0-RELEASE`; `None` where there is none.
    release: Option<Version>,
}

impl VersionRelease {
    fn is_less(&self, other: &Self) -> bool {
        let by_release = || match (&self.release, &other.release) {
            (Some(a), Some(b)) => a.cmp_precedence(b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        self.version.cmp_precedence(&other.version).then_with(by_release).is_lt()
    }
}

/// The version and release of a bundle. Bundles from before there were releases, which say what they stand in for, have
/// it in the build metadata of their versions.
fn version_release(bundle: &Bundle) -> Result<VersionRelease, String> {
    let (version, value) = properties::version(bundle).map_err(|e| e.to_string())?;
    let text = version.to_string();
    let release = match text.split_once('+') {
        Some((_, build)) if value.release.is_empty() && has_substitutes_for(bundle) => build.to_owned(),
        _ => value.release,
    };
    crate::validate::check_release(&release)?;
    let release = if release.is_empty() { None } else { Version::parse(&format!("0.0.0-{release}")).ok() };
    Ok(VersionRelease { version, release })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotated {
    metadata: Option<Annotations>,
    #[serde(flatten)]
    own: Annotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    annotations: Option<BTreeMap<String, Option<String>>>,
}

/// Whether the CSV of a bundle says that it stands in for another one.
fn has_substitutes_for(bundle: &Bundle) -> bool {
    let metadata = bundle.properties.iter().find(|p| p.kind == property_type::CSV_METADATA);
    let json = bundle.csv_json().or_else(|| metadata.map(|property| property.value.clone().into_bytes()));
    let annotated: Annotated = json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let annotations = annotated.metadata.unwrap_or(annotated.own).annotations.unwrap_or_default();
    annotations.get(SUBSTITUTES_FOR).is_some_and(|base| base.as_ref().is_some_and(|base| !base.is_empty()))
}
