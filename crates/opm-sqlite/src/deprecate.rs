//! Deprecating bundles: what is below them in their channels goes, they stay, marked.

use std::collections::{BTreeMap, BTreeSet};

use opm_model::edit::Refusal;
use opm_model::property_type;

use crate::edit::Edit;
use crate::remove::texts;
use crate::{StoreError, bundle};

/// What `deprecatetruncate` may be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeprecateOptions {
    /// Whether images that cannot be deprecated are passed over, instead of failing the whole edit.
    pub permissive: bool,
    /// Whether a package goes when all its channels lose their heads.
    pub allow_package_removal: bool,
}

/// A member of the graph below a bundle.
#[derive(Default)]
struct Member {
    /// The channels where it is.
    channels: BTreeSet<String>,
    /// The bundles that replace or skip it.
    replaced_by: BTreeSet<String>,
}

impl Edit<'_> {
    /// Deprecates the bundles with these images. Without `permissive` any finding is an error; with it, the findings are
    /// returned.
    pub fn deprecate_truncate(
        &self,
        images: &[String],
        options: DeprecateOptions,
    ) -> Result<Vec<StoreError>, StoreError> {
        let mut findings = Vec::new();
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for image in images {
            let list = if self.is_listed(image)? { &mut found } else { &mut missing };
            list.push(image.clone());
        }
        if !missing.is_empty() {
            findings.push(Refusal::NothingToDeprecate(missing).into());
        }
        if !options.permissive {
            StoreError::all(std::mem::take(&mut findings))?;
        }
        if options.allow_package_removal {
            found = self.remove_packages_of(found)?;
        }
        self.indexed(|| {
            for image in &found {
                match self.atomically(|| self.deprecate(image)) {
                    Ok(()) => {}
                    Err(error @ StoreError::Refused(Refusal::RemovesDefaultChannel { .. })) => findings.push(error),
                    Err(other) => return Err(other),
                }
            }
            Ok(())
        })?;
        if !options.permissive {
            StoreError::all(std::mem::take(&mut findings))?;
        }
        Ok(findings)
    }

    fn is_listed(&self, image: &str) -> Result<bool, StoreError> {
        let query = "SELECT 1 FROM operatorbundle b JOIN channel_entry e ON e.operatorbundle_name = b.name WHERE b.bundlepath = ?1";
        Ok(!image.is_empty() && self.conn.prepare_cached(query)?.exists([image])?)
    }

    /// Removes the packages whose default channel is headed by one of the images, which must then name the heads of all their
    /// channels. Returns the images that are left.
    fn remove_packages_of(&self, images: Vec<String>) -> Result<Vec<String>, StoreError> {
        let mut packages = BTreeSet::new();
        for image in &images {
            packages.extend(texts(
                self.conn,
                "SELECT p.name FROM package p JOIN channel c ON c.package_name = p.name AND c.name = p.default_channel
                JOIN operatorbundle b ON b.name = c.head_operatorbundle_name WHERE b.bundlepath = ?1",
                [image],
            )?);
        }
        let mut errors = Vec::new();
        let mut heads_of_removed = BTreeSet::new();
        for package in &packages {
            let mut statement = self.conn.prepare_cached(
                "SELECT c.name, b.bundlepath FROM channel c JOIN operatorbundle b ON b.name = c.head_operatorbundle_name
                WHERE c.package_name = ?1 ORDER BY c.name",
            )?;
            let heads: Vec<(String, Option<String>)> =
                statement.query_map([package], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
            for (channel, image) in heads {
                let image = image.unwrap_or_default();
                if !images.contains(&image) {
                    errors.push(
                        Refusal::MustDeprecateAll { package: package.clone(), image: image.clone(), channel }.into(),
                    );
                }
                heads_of_removed.insert(image);
            }
        }
        StoreError::all(errors)?;
        if !packages.is_empty() {
            self.remove_packages(&packages.into_iter().collect::<Vec<_>>())?;
        }
        Ok(images.into_iter().filter(|image| !heads_of_removed.contains(image)).collect())
    }

    fn deprecate(&self, image: &str) -> Result<(), StoreError> {
        let conn = self.conn;
        let Some(name) = texts(conn, "SELECT name FROM operatorbundle WHERE bundlepath = ?1", [image])?.pop() else {
            return Ok(()); // It went with the tail of another one.
        };
        let tail = self.tail(&name)?;
        for member in tail.keys() {
            self.refuse_default_head(image, member)?;
        }
        let own_channels = tail.get(&name).map(|m| m.channels.clone()).unwrap_or_default();

        for (member, about) in tail.iter().filter(|(member, _)| **member != name) {
            for channel in about.channels.intersection(&own_channels) {
                self.remove_entries(member, channel)?;
            }
            let is_only_here = about.channels.is_subset(&own_channels);
            if is_only_here && about.replaced_by.iter().all(|by| tail.contains_key(by)) {
                bundle::delete(conn, member)?;
            }
        }

        conn.prepare_cached("UPDATE channel_entry SET replaces = NULL WHERE operatorbundle_name = ?1")?
            .execute([&name])?;
        bundle::delete_channels_headed_by(conn, &name)?;
        let mut statement = conn.prepare_cached("SELECT version, bundlepath FROM operatorbundle WHERE name = ?1")?;
        let (version, path): (Option<String>, Option<String>) =
            statement.query_row([&name], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let (version, path) = (version.unwrap_or_default(), path.unwrap_or_default());
        if texts(
            conn,
            "SELECT value FROM properties WHERE operatorbundle_name = ?1 AND type = 'olm.deprecated'",
            [&name],
        )?
        .is_empty()
        {
            bundle::add_property(conn, property_type::DEPRECATED, "{}", [&name, &version, &path])?;
        }
        conn.execute("INSERT OR IGNORE INTO deprecated (operatorbundle_name) VALUES (?1)", [&name])?;
        self.remove_truncated()
    }

    /// Everything that can be reached from a bundle over its edges in all channels, itself among it.
    fn tail(&self, name: &str) -> Result<BTreeMap<String, Member>, StoreError> {
        let mut tail: BTreeMap<String, Member> = BTreeMap::new();
        let mut open = vec![name.to_owned()];
        while let Some(member) = open.pop() {
            if tail.contains_key(&member) {
                continue;
            }
            let below = "SELECT DISTINCT r.operatorbundle_name FROM channel_entry e JOIN channel_entry r ON e.replaces = r.entry_id
                WHERE e.operatorbundle_name = ?1";
            let above = "SELECT DISTINCT e.operatorbundle_name FROM channel_entry e JOIN channel_entry r ON e.replaces = r.entry_id
                WHERE r.operatorbundle_name = ?1";
            let channels = "SELECT DISTINCT channel_name FROM channel_entry WHERE operatorbundle_name = ?1";
            open.extend(texts(self.conn, below, [&member])?);
            let about = Member {
                channels: texts(self.conn, channels, [&member])?.into_iter().collect(),
                replaced_by: texts(self.conn, above, [&member])?.into_iter().collect(),
            };
            tail.insert(member, about);
        }
        Ok(tail)
    }

    fn refuse_default_head(&self, image: &str, member: &str) -> Result<(), StoreError> {
        let query = "SELECT c.package_name FROM channel c JOIN package p ON p.name = c.package_name AND p.default_channel = c.name
            WHERE c.head_operatorbundle_name = ?1";
        let Some(package) = texts(self.conn, query, [member])?.pop() else { return Ok(()) };
        let query = "SELECT default_channel FROM package WHERE name = ?1";
        let channel = texts(self.conn, query, [&package])?.pop().unwrap_or_default();
        Err(Refusal::RemovesDefaultChannel { image: image.to_owned(), bundle: member.to_owned(), channel, package }
            .into())
    }

    /// Removes a bundle's entries from the channels of this name, and the edges onto them.
    fn remove_entries(&self, name: &str, channel: &str) -> Result<(), StoreError> {
        let conn = self.conn;
        let mut statement = conn.prepare_cached(
            "SELECT entry_id FROM channel_entry WHERE operatorbundle_name = ?1 AND channel_name = ?2",
        )?;
        let ids: Vec<i64> = statement.query_map([name, channel], |r| r.get(0))?.collect::<Result<_, _>>()?;
        for id in &ids {
            conn.prepare_cached("UPDATE channel_entry SET replaces = NULL WHERE replaces = ?1")?.execute([id])?;
        }
        for id in &ids {
            conn.prepare_cached("DELETE FROM channel_entry WHERE entry_id = ?1")?.execute([id])?;
        }
        Ok(())
    }
}
