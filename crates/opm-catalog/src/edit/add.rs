//! Adding bundles, in one of three modes.

use std::collections::BTreeMap;

use opm_model::Version;
use opm_model::edit::{self, Mode, Refusal};

use super::{AddedBundle, Edit, EditError, check, graph, icon};
use crate::blob::{Catalog, Package, property_type};
use crate::{Level, migrate};

/// How bundles are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// The mode.
    pub mode: Mode,
    /// Whether the head of a channel may be replaced by another image with the same CSV name. Only in mode `replaces`.
    pub overwrite_latest: bool,
    /// Whether `olm.substitutesFor` is allowed.
    pub alpha: bool,
    /// Whether packages that cannot be edited are left as they are, instead of failing the whole edit.
    pub permissive: bool,
    /// How far new bundles are migrated where the catalog has no others to be like.
    pub level: Level,
}

impl Edit {
    /// Adds bundles. Every package is edited as a whole or not at all.
    ///
    /// Without `permissive` any finding is an error; with it, the findings are returned, and packages that have none are
    /// edited. New bundles have the form of those that are there: with manifests, or with the metadata of their CSVs.
    pub fn add(&mut self, bundles: Vec<AddedBundle>, options: AddOptions) -> Result<Vec<EditError>, EditError> {
        self.atomically(|edit| {
            let mut findings: Vec<EditError> = Vec::new();
            let mut refused = edit.foreign_edges(&bundles);
            for (package, group) in by_package(bundles) {
                if let Some(errors) = refused.remove(&package) {
                    findings.extend(errors.into_iter().map(EditError::from));
                    continue;
                }
                match edit.add_to(&package, group, options) {
                    Ok(warnings) => findings.extend(warnings),
                    Err(error) => findings.extend(error.flatten()),
                }
            }
            if !options.permissive {
                EditError::all(std::mem::take(&mut findings))?;
            }
            Ok(findings)
        })
    }

    fn add_to(
        &mut self,
        package: &str,
        mut bundles: Vec<AddedBundle>,
        options: AddOptions,
    ) -> Result<Vec<EditError>, EditError> {
        if package.is_empty() {
            return EditError::all(bundles.into_iter().map(|b| EditError::NoPackageName(b.blob.name)).collect())
                .map(|()| Vec::new());
        }
        let level = self.level(package, options.level);
        self.change(package, |part| {
            let before = part.clone();
            let overwritten = check::duplicates(package, part, &bundles, options)?;
            check_each(&bundles, options.alpha)?;
            let warnings = match options.mode {
                Mode::Replaces => super::replaces::add(part, package, &bundles, overwritten.as_deref(), options)?,
                Mode::SemVer | Mode::SkipPatch => super::semver::add(part, package, &bundles, options.mode)?,
            };
            icon::follow(&before, part, &bundles);
            for bundle in &mut bundles {
                migrate::migrate_bundle(&mut bundle.blob, level)?;
            }
            for AddedBundle { mut blob, .. } in bundles {
                // One that is overwritten gives its place.
                let former = before.bundles.iter().find(|bundle| bundle.name == blob.name);
                let beside = || part.packages.first().map(graph::added_beside).unwrap_or_default();
                blob.origin = former.map_or_else(beside, |former| former.origin.clone());
                blob.settle();
                part.bundles.push(blob);
            }
            Ok(warnings)
        })
    }

    /// How far bundles are migrated, so that they are like others of the package or, if that has none, of the catalog.
    fn level(&self, package: &str, default: Level) -> Level {
        let own = self.after.get(package).and_then(|part| level_of(part));
        let any = || self.after.values().find_map(|part| level_of(part)).or(self.elsewhere.level);
        own.or_else(any).unwrap_or(default)
    }
}

/// How far the bundles of a package are migrated; none where they do not tell.
pub(super) fn level_of(part: &Catalog) -> Option<Level> {
    let has = |kind| part.bundles.iter().flat_map(|b| &b.properties).any(|p| p.kind == kind);
    if has(property_type::CSV_METADATA) {
        return Some(Level::ALL);
    }
    has(property_type::BUNDLE_OBJECT).then_some(Level::None)
}

/// Checks what new bundles say by themselves.
fn check_each(bundles: &[AddedBundle], alpha: bool) -> Result<(), EditError> {
    let mut errors = Vec::new();
    let mut images: BTreeMap<&str, &str> = BTreeMap::new();
    for bundle in bundles {
        let AddedBundle { blob, .. } = bundle;
        if !bundle.substitutes_for.is_empty() && !alpha {
            errors.push(Refusal::AlphaOnly(blob.name.clone()).into());
        }
        if let Some(other) = images.insert(&blob.name, &blob.image) {
            let why = format!("it is given twice, as {other} and as {}", blob.image);
            errors.push(Refusal::AddBundle { name: blob.name.clone(), why }.into());
        }
        if let Err(error) = bundle.version() {
            errors.push(error.into());
        }
    }
    EditError::all(errors)
}

/// The bundles of each package, in the order in which they are added.
fn by_package(bundles: Vec<AddedBundle>) -> BTreeMap<String, Vec<AddedBundle>> {
    edit::by_package(bundles.into_iter().map(|bundle| {
        let version = bundle.version().ok().and_then(|version| Version::parse(&version).ok());
        (bundle.blob.package.clone(), version, bundle)
    }))
}

/// Gives a package its default channel, and a blob where it has none.
pub(super) fn set_default_channel(part: &mut Catalog, package: &str, channel: &str) {
    match part.packages.first_mut() {
        Some(blob) => channel.clone_into(&mut blob.default_channel),
        None => part.packages.push(Package {
            name: package.to_owned(),
            default_channel: channel.to_owned(),
            ..Package::default()
        }),
    }
}
