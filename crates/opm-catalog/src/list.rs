//! Tables of what is in a catalog.

use std::collections::BTreeMap;

use crate::blob::{Bundle, Catalog, Channel};
use crate::csv::Csv;
use crate::validate::{by_name, head};
use crate::{Error, check_model};

/// A table of text. Displayed, its columns are left-aligned with two spaces between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The titles of the columns.
    pub header: Vec<&'static str>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<String>>,
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header: Vec<String> = self.header.iter().map(|&title| title.to_owned()).collect();
        let lines = || std::iter::once(&header).chain(&self.rows);
        let width = |column: usize| lines().map(|cells| cells[column].chars().count()).max().unwrap_or_default() + 2;
        let widths: Vec<usize> = (0..header.len()).map(width).collect();
        for cells in lines() {
            let (last, cells) = cells.split_last().ok_or(std::fmt::Error)?;
            for (cell, width) in cells.iter().zip(&widths) {
                write!(f, "{cell:<width$}")?;
            }
            writeln!(f, "{last}")?;
        }
        Ok(())
    }
}

/// The packages of a catalog, which must be valid: name, display name and default channel, by name. The display name is
/// that of the CSV at the head of the default channel, where the catalog holds this.
pub fn list_packages(catalog: &Catalog) -> Result<Table, Error> {
    check_model(catalog).into_result()?;
    let channels = sorted_channels(catalog);
    let bundles = bundles(catalog);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for package in &catalog.packages {
        let head = channels
            .get(&(package.name.as_str(), package.default_channel.as_str()))
            .and_then(|channel| head(&by_name(channel)).ok())
            .and_then(|entry| bundles.get(&(package.name.as_str(), entry.name.as_str())));
        let csv = head.and_then(|bundle| bundle.csv_json()).and_then(|json| Csv::parse(&json).ok()).unwrap_or_default();
        rows.push(vec![package.name.clone(), csv.display_name().to_owned(), package.default_channel.clone()]);
    }
    rows.sort();
    Ok(Table { header: vec!["NAME", "DISPLAY NAME", "DEFAULT CHANNEL"], rows })
}

/// The channels of a catalog, which must be valid, or of one of its packages: package, name and head, by package and name.
pub fn list_channels(catalog: &Catalog, package: Option<&str>) -> Result<Table, Error> {
    check_model(catalog).into_result()?;
    let mut rows = Vec::new();
    for ((package, name), channel) in of_package(catalog, package)? {
        let head = head(&by_name(channel)).map_or_else(|why| format!("ERROR: {why}"), |entry| entry.name.clone());
        rows.push(vec![package.to_owned(), name.to_owned(), head]);
    }
    Ok(Table { header: vec!["PACKAGE", "CHANNEL", "HEAD"], rows })
}

/// The bundles of a catalog, which must be valid, or of one of its packages, at all their places: by package, channel and
/// name.
pub fn list_bundles(catalog: &Catalog, package: Option<&str>) -> Result<Table, Error> {
    check_model(catalog).into_result()?;
    let bundles = bundles(catalog);
    let mut rows = Vec::new();
    for ((package, name), channel) in of_package(catalog, package)? {
        for (bundle, entry) in by_name(channel) {
            let image = bundles.get(&(package, bundle)).map(|bundle| bundle.image.clone()).unwrap_or_default();
            let cells = [package, name, bundle, &entry.replaces, &entry.skips.join(","), &entry.skip_range, &image];
            rows.push(cells.map(str::to_owned).to_vec());
        }
    }
    let header = vec!["PACKAGE", "CHANNEL", "BUNDLE", "REPLACES", "SKIPS", "SKIP RANGE", "IMAGE"];
    Ok(Table { header, rows })
}

type ByPackageAndName<'a, T> = BTreeMap<(&'a str, &'a str), &'a T>;

fn sorted_channels(catalog: &Catalog) -> ByPackageAndName<'_, Channel> {
    catalog.channels.iter().map(|channel| ((channel.package.as_str(), channel.name.as_str()), channel)).collect()
}

fn bundles(catalog: &Catalog) -> ByPackageAndName<'_, Bundle> {
    catalog.bundles.iter().map(|bundle| ((bundle.package.as_str(), bundle.name.as_str()), bundle)).collect()
}

/// The channels, of the package only if one is given, which must be there.
fn of_package<'a>(catalog: &'a Catalog, package: Option<&str>) -> Result<ByPackageAndName<'a, Channel>, Error> {
    let mut channels = sorted_channels(catalog);
    if let Some(package) = package {
        if !catalog.packages.iter().any(|known| known.name == package) {
            return Err(Error::NotFound(format!("package {package:?} not found")));
        }
        channels.retain(|(of, _), _| *of == package);
    }
    Ok(channels)
}
