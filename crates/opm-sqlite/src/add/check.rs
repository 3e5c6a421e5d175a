//! What is checked before anything is added.

use std::collections::BTreeMap;

use opm_bundle::Bundle;
use opm_model::edit::{Refusal, Wanted};
use rusqlite::Connection;

use super::AddOptions;
use crate::StoreError;
use crate::remove::texts;

/// Checks that no edge between the new bundles and others would join two packages; returns the faults by package.
pub(super) fn edges(conn: &Connection, bundles: &[Bundle]) -> rusqlite::Result<BTreeMap<String, Vec<Refusal>>> {
    let mut wanted = Wanted::default();
    for bundle in bundles {
        let names = bundle.skips.iter().chain([&bundle.name, &bundle.replaces]);
        wanted.add(&bundle.annotations.package, names.map(String::as_str));
    }
    let query = "SELECT DISTINCT package_name FROM channel_entry WHERE operatorbundle_name = ?1 ORDER BY package_name";
    wanted.faults(|bundle| texts(conn, query, [bundle]))
}

/// Checks that neither the images nor the CSVs of the new bundles of a package are in it already. Returns the CSV that is to
/// be overwritten, if any.
pub(super) fn duplicates(
    conn: &Connection,
    package: &str,
    bundles: &[&Bundle],
    options: AddOptions,
) -> Result<Option<String>, StoreError> {
    let images = texts(
        conn,
        "SELECT DISTINCT b.bundlepath FROM channel_entry e JOIN operatorbundle b ON b.name = e.operatorbundle_name
        WHERE e.package_name = ?1",
        [package],
    )?;
    let mut errors = Vec::new();
    let mut overwritten: Vec<String> = Vec::new();
    for bundle in bundles {
        if !bundle.image.is_empty() && images.contains(&bundle.image) {
            errors.push(Refusal::ImageAlreadyAdded(bundle.image.clone()).into());
            continue;
        }
        let channels = texts(
            conn,
            "SELECT DISTINCT e.channel_name FROM channel_entry e JOIN operatorbundle b ON b.name = e.operatorbundle_name
            WHERE e.package_name = ?1 AND b.name = ?2 ORDER BY e.channel_name",
            [package, &bundle.name],
        )?;
        let Some(channel) = channels.first() else { continue };
        if !options.overwrite_latest {
            errors.push(
                Refusal::CsvAlreadyAdded {
                    package: package.to_owned(),
                    csv: bundle.name.clone(),
                    channel: channel.clone(),
                    image: bundle.image.clone(),
                }
                .into(),
            );
            continue;
        }
        let image = texts(conn, "SELECT bundlepath FROM operatorbundle WHERE name = ?1", [&bundle.name])?.pop();
        if image.unwrap_or_default().is_empty() {
            errors.push(Refusal::OverwriteWithoutImage(bundle.name.clone()).into());
        } else if let Some((channel, replaced_by)) = replaced_in(conn, package, &bundle.name)? {
            errors.push(
                Refusal::OverwriteNotHead {
                    package: package.to_owned(),
                    bundle: bundle.name.clone(),
                    channel,
                    replaced_by,
                }
                .into(),
            );
        } else {
            overwritten.push(bundle.name.clone());
        }
    }
    if overwritten.len() > 1 {
        errors.push(Refusal::OverwriteTwice { package: package.to_owned(), bundles: overwritten.clone() }.into());
    }
    StoreError::all(errors)?;
    Ok(overwritten.pop())
}

/// A channel of the package where another bundle replaces or skips this one, and that bundle.
fn replaced_in(conn: &Connection, package: &str, bundle: &str) -> rusqlite::Result<Option<(String, String)>> {
    let mut statement = conn.prepare_cached(
        "SELECT e.channel_name, e.operatorbundle_name FROM channel_entry e JOIN channel_entry r ON e.replaces = r.entry_id
        WHERE r.package_name = ?1 AND r.operatorbundle_name = ?2 ORDER BY e.entry_id LIMIT 1",
    )?;
    let mut rows = statement.query([package, bundle])?;
    rows.next()?.map(|r| Ok((r.get(0)?, r.get(1)?))).transpose()
}
