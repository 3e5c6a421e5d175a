//! Deprecating bundles: they go, and what is below them in their channels; what replaces them keeps saying so.

use std::collections::{BTreeMap, BTreeSet};

use opm_model::edit::Refusal;

use super::{Edit, EditError, graph};
use crate::blob::Catalog;

/// How bundles are deprecated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeprecateOptions {
    /// Whether images that cannot be deprecated are passed over, instead of failing the whole edit.
    pub permissive: bool,
    /// Whether a package goes when all its channels lose their heads.
    pub allow_package_removal: bool,
}

/// A member of the graph below a bundle.
#[derive(Default)]
struct Member<'a> {
    /// The channels where it is.
    channels: BTreeSet<&'a str>,
    /// The bundles that replace or skip it.
    replaced_by: BTreeSet<&'a str>,
    /// What it replaces or skips.
    targets: BTreeSet<&'a str>,
}

impl Edit {
    /// Deprecates the bundles with these images, as `deprecatetruncate` does and a rendering of the database shows: they are
    /// no longer in the catalog, nor is what only they lead to, nor are channels that they head.
    ///
    /// Without `permissive` any finding is an error; with it, the findings are returned.
    pub fn deprecate<S: AsRef<str>>(
        &mut self,
        images: &[S],
        options: DeprecateOptions,
    ) -> Result<Vec<EditError>, EditError> {
        self.atomically(|edit| edit.deprecate_images(images.iter().map(AsRef::as_ref).collect(), options))
    }

    fn deprecate_images(
        &mut self,
        mut images: Vec<&str>,
        options: DeprecateOptions,
    ) -> Result<Vec<EditError>, EditError> {
        let mut findings = Vec::new();
        let (found, missing): (Vec<&str>, Vec<&str>) =
            images.into_iter().partition(|image| self.bundles_with(image).next().is_some());
        if !missing.is_empty() {
            findings.push(Refusal::NothingToDeprecate(missing.into_iter().map(str::to_owned).collect()).into());
        }
        if !options.permissive {
            EditError::all(std::mem::take(&mut findings))?;
        }
        images = found;
        if options.allow_package_removal {
            images = self.remove_headless(images)?;
        }
        for image in images {
            // It may have gone with the tail of another one.
            let places: Vec<(String, String)> =
                self.bundles_with(image).map(|(package, bundle)| (package.to_owned(), bundle.to_owned())).collect();
            for (package, bundle) in places {
                if let Err(error) = self.change(&package, |part| deprecate(part, &package, &bundle, image)) {
                    findings.extend(error.flatten());
                }
            }
        }
        if !options.permissive {
            EditError::all(std::mem::take(&mut findings))?;
        }
        Ok(findings)
    }

    /// The bundles that have this image, each with its package.
    fn bundles_with(&self, image: &str) -> impl Iterator<Item = (&str, &str)> {
        let of_part = move |part: &'_ Catalog| -> Vec<usize> {
            let is_it = |bundle: &crate::Bundle| !image.is_empty() && bundle.image == image;
            part.bundles.iter().enumerate().filter(|(_, bundle)| is_it(bundle)).map(|(index, _)| index).collect()
        };
        self.after.iter().flat_map(move |(package, part)| {
            of_part(part).into_iter().map(move |index| (package.as_str(), part.bundles[index].name.as_str()))
        })
    }

    /// Removes the packages whose default channel is headed by one of the images, which must then name the heads of all their
    /// channels. Returns the images that are left.
    fn remove_headless<'i>(&mut self, images: Vec<&'i str>) -> Result<Vec<&'i str>, EditError> {
        let mut errors = Vec::new();
        let mut heads_of_removed: BTreeSet<String> = BTreeSet::new();
        let mut removed = Vec::new();
        for (package, part) in &self.after {
            let Some(blob) = part.packages.first() else { continue };
            let heads: BTreeMap<&str, &str> = heads(part).collect();
            let image_of = |channel| {
                let head = heads.get(channel)?;
                part.bundles.iter().find(|bundle| bundle.name == *head).map(|bundle| bundle.image.as_str())
            };
            if !image_of(&*blob.default_channel).is_some_and(|image| images.contains(&image)) {
                continue;
            }
            for channel in heads.keys() {
                let image = image_of(channel).unwrap_or_default();
                if !images.contains(&image) {
                    errors.push(
                        Refusal::MustDeprecateAll {
                            package: package.clone(),
                            image: image.to_owned(),
                            channel: (*channel).to_owned(),
                        }
                        .into(),
                    );
                }
                heads_of_removed.insert(image.to_owned());
            }
            removed.push(package.clone());
        }
        EditError::all(errors)?;
        self.after.retain(|package, _| !removed.contains(package));
        Ok(images.into_iter().filter(|image| !heads_of_removed.contains(*image)).collect())
    }
}

/// The channels of a package with the bundles that head them.
fn heads(part: &Catalog) -> impl Iterator<Item = (&str, &str)> {
    part.channels.iter().filter_map(|channel| match graph::heads(channel.entries())[..] {
        [head] => Some((channel.name.as_str(), head)),
        _ => None,
    })
}

fn deprecate(part: &mut Catalog, package: &str, bundle: &str, image: &str) -> Result<(), EditError> {
    let before = part.clone();
    let tail = tail(&before, bundle);
    let heads: BTreeMap<&str, &str> = heads(&before).collect();
    if let Some(blob) = before.packages.first()
        && let Some(head) = heads.get(blob.default_channel.as_str())
        && tail.contains_key(head)
    {
        return Err(Refusal::RemovesDefaultChannel {
            image: image.to_owned(),
            bundle: (*head).to_owned(),
            channel: blob.default_channel.clone(),
            package: package.to_owned(),
        }
        .into());
    }
    let own_channels = tail.get(bundle).map(|member| &member.channels);
    let is_in = |channel: &str| own_channels.is_some_and(|own| own.contains(channel));
    // Members that are nowhere else go, and with them channels that they head.
    let is_only_here = |member: &Member<'_>| {
        member.channels.iter().all(|channel| is_in(channel))
            && member.replaced_by.iter().all(|by| tail.contains_key(by))
    };
    let goes = |name: &str| name == bundle || tail.get(name).is_some_and(is_only_here);
    part.channels.retain(|channel| !heads.get(channel.name.as_str()).is_some_and(|head| goes(head)));
    for channel in &mut part.channels {
        let is_own = is_in(&channel.name);
        let is_truncated = |name: &str| name != bundle && is_own && tail.contains_key(name);
        let Some(entries) = &mut channel.entries else { continue };
        entries.retain(|entry| entry.name != bundle && !is_truncated(&entry.name));
        for entry in entries {
            if is_truncated(&entry.replaces) {
                entry.replaces.clear();
            }
            entry.skips.retain(|skip| !is_truncated(skip));
        }
    }
    part.channels.retain(|channel| !channel.entries().is_empty());
    Ok(())
}

/// Everything that can be reached from a bundle over its edges in all channels, itself among it.
fn tail<'a>(part: &'a Catalog, bundle: &str) -> BTreeMap<&'a str, Member<'a>> {
    let mut all: BTreeMap<&str, Member<'_>> = BTreeMap::new();
    for channel in &part.channels {
        for entry in channel.entries() {
            for target in graph::targets(entry) {
                let member = all.entry(target).or_default();
                member.channels.insert(&channel.name);
                member.replaced_by.insert(&entry.name);
            }
            let member = all.entry(&entry.name).or_default();
            member.channels.insert(&channel.name);
            member.targets.extend(graph::targets(entry));
        }
    }
    let mut tail: BTreeMap<&str, Member<'_>> = BTreeMap::new();
    let mut open = vec![bundle];
    while let Some(name) = open.pop() {
        if let Some((name, member)) = all.remove_entry(name) {
            open.extend(member.targets.iter().copied());
            tail.insert(name, member);
        }
    }
    tail
}
