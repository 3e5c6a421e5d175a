//! `olm.substitutesFor`: a bundle that stands in for another one takes its place in the stored edges.

use std::collections::BTreeSet;

use opm_model::Version;
use opm_model::edit::{Refusal, Seen};
use rusqlite::{Connection, OptionalExtension};

use crate::StoreError;
use crate::package::split;
use crate::remove::texts;

/// Rewrites the edges around a bundle that was just stored: those of the bundles that replaced what it stands in for, those
/// of the substitutes before and after it, and its own.
pub(crate) fn rewrite(conn: &Connection, name: &str) -> Result<(), StoreError> {
    let mut own = Edges::read(conn, name)?.unwrap_or_default();
    if !own.substitutes_for.is_empty() {
        take_place(conn, name, &own)?;
        own.substitutes_for = Edges::read(conn, name)?.unwrap_or_default().substitutes_for;
    }

    // What it stands in for, and what that stands in for, is skipped.
    let mut seen = Seen::from(name);
    let mut below = own.substitutes_for.clone();
    while !below.is_empty() {
        seen.visit(&below)?;
        own.skips.push(below.clone());
        below = Edges::read(conn, &below)?.unwrap_or_default().substitutes_for;
    }

    // Later substitutes skip all that it skips, and itself. A fork among them leaves its own edges as they are.
    let mut seen = Seen::from(name);
    let mut above = substitutes_of(conn, name)?;
    while let [later] = &above[..] {
        seen.visit(later)?;
        let mut edges = Edges::read(conn, later)?.unwrap_or_default();
        edges.skips.extend(own.skips.iter().cloned().chain([name.to_owned()]).filter(|n| n != later));
        edges.write(conn, later)?;
        above = substitutes_of(conn, later)?;
    }
    if above.len() > 1 {
        return Ok(());
    }

    // Whoever skips a bundle also skips its substitutes.
    let mut expanded = Vec::new();
    for skipped in &own.skips {
        expanded.push(skipped.clone());
        let mut seen = Seen::from(skipped);
        let mut substitutes = substitutes_of(conn, skipped)?;
        while let Some(substitute) = substitutes.first().filter(|s| *s != name).cloned() {
            seen.visit(&substitute)?;
            substitutes = substitutes_of(conn, &substitute)?;
            expanded.push(substitute);
        }
    }
    own.skips = expanded;

    // And whoever replaces a bundle replaces its last substitute.
    let mut seen = Seen::from(name);
    while let Some(substitute) = substitutes_of(conn, &own.replaces)?.into_iter().next().filter(|s| s != name) {
        seen.visit(&substitute)?;
        own.replaces = substitute;
    }
    own.write(conn, name)
}

/// Puts a substitute at its place among all that stand in for the same bundle, by version.
fn take_place(conn: &Connection, name: &str, own: &Edges) -> Result<(), StoreError> {
    // Those who replaced the original, or the last substitute before this one, replace this one, if it is the last now.
    let siblings: Vec<String> = substitutes_of(conn, &own.substitutes_for)?.into_iter().filter(|s| s != name).collect();
    let mut seen = Seen::from(name);
    let mut candidates = siblings;
    let mut latest = own.substitutes_for.clone();
    let mut is_last = true;
    while let Some(other) = candidates.pop() {
        seen.visit(&other)?;
        let edges = Edges::read(conn, &other)?.unwrap_or_default();
        match own.version(name)?.cmp_with_build(&edges.version(&other)?).map_err(|source| fault(name, source))? {
            std::cmp::Ordering::Equal => return Err(Refusal::SubstitutionTie(other, name.to_owned()).into()),
            std::cmp::Ordering::Greater => {
                // An older substitute: this one now stands in for it.
                conn.execute("UPDATE operatorbundle SET substitutesfor = ?1 WHERE name = ?2", [&other, name])?;
                candidates.extend(substitutes_of(conn, &other)?.into_iter().filter(|s| s != name));
                latest = other;
            }
            std::cmp::Ordering::Less => {
                is_last = false;
                let mut edges = edges;
                name.clone_into(&mut edges.substitutes_for);
                edges.skips.extend(own.skips.iter().cloned().chain([name.to_owned()]));
                edges.write(conn, &other)?;
                conn.execute("UPDATE operatorbundle SET substitutesfor = ?1 WHERE name = ?2", [name, &other])?;
            }
        }
    }
    if is_last {
        for replaced in [&own.substitutes_for, &latest] {
            conn.execute(
                "UPDATE operatorbundle SET replaces = ?1 WHERE replaces = ?2 AND name <> ?1",
                [name, replaced],
            )?;
        }
    }
    Ok(())
}

/// The names of the bundles that stand in for this one, in the order in which they were stored.
fn substitutes_of(conn: &Connection, name: &str) -> rusqlite::Result<Vec<String>> {
    if name.is_empty() {
        return Ok(Vec::new());
    }
    texts(conn, "SELECT name FROM operatorbundle WHERE substitutesfor = ?1 ORDER BY rowid", [name])
}

fn fault(bundle: &str, source: opm_model::VersionError) -> StoreError {
    Refusal::Version { bundle: bundle.to_owned(), source }.into()
}

/// The edges of a stored bundle.
#[derive(Clone, Debug, Default)]
struct Edges {
    replaces: String,
    skips: Vec<String>,
    version: String,
    substitutes_for: String,
}

impl Edges {
    fn read(conn: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        conn.prepare_cached("SELECT replaces, skips, version, substitutesfor FROM operatorbundle WHERE name = ?1")?
            .query_row([name], |r| {
                let text = |i| r.get::<_, Option<String>>(i).map(Option::unwrap_or_default);
                Ok(Self { replaces: text(0)?, skips: split(&text(1)?), version: text(2)?, substitutes_for: text(3)? })
            })
            .optional()
    }

    /// Stores `replaces` and `skips`, each skipped name once.
    fn write(&self, conn: &Connection, name: &str) -> Result<(), StoreError> {
        let mut seen = BTreeSet::new();
        let skips: Vec<&str> = self.skips.iter().map(String::as_str).filter(|s| seen.insert(*s)).collect();
        conn.prepare_cached("UPDATE operatorbundle SET replaces = ?1, skips = ?2 WHERE name = ?3")?.execute([
            self.replaces.as_str(),
            &skips.join(","),
            name,
        ])?;
        Ok(())
    }

    fn version(&self, name: &str) -> Result<Version, StoreError> {
        Version::parse(&self.version).map_err(|source| fault(name, source))
    }
}
