//! Catalogs to text, byte for byte as the reference writes them.

use std::collections::BTreeMap;
use std::io::Write;

use opm_document::{json, sort, yaml};
use rayon::prelude::*;

use crate::Error;
use crate::blob::{Bundle, Catalog, Channel, Deprecation, Meta, Package};
use crate::encode::Encode;

/// The form of a written catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object after another, indented by four spaces.
    #[default]
    Json,
    /// YAML documents, each after a line `---`.
    Yaml,
}

impl Format {
    /// The ending of file names of this form, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => Err(Error::Usage(format!("invalid --output value {name:?}, expected (json|yaml)"))),
        }
    }
}

/// How many blobs are turned into text before they are written: enough to keep all cores busy, few enough to keep the
/// text of a large catalog out of memory.
const BATCH: usize = 256;

/// Writes a catalog: packages by name; of each its package blob, its channels and bundles by name, its other blobs by
/// schema and its deprecations; then the blobs that belong to no package.
///
/// Blobs of the four known schemas that have no package name are left out: see [`Catalog::without_package`].
pub fn write(catalog: &Catalog, format: Format, out: &mut impl Write) -> Result<(), Error> {
    let mut groups = groups(catalog);
    let loose = groups.remove("").map(|group| group.others).unwrap_or_default();
    let mut blobs: Vec<&dyn Encode> = Vec::new();
    for group in groups.values_mut() {
        group.sort();
        group.collect(&mut blobs);
    }
    // What belongs to no package stays in the order in which it was read.
    blobs.extend(loose.into_iter().map(|meta| meta as &dyn Encode));
    write_blobs(&blobs, format, out)
}

/// Writes blobs in this order.
pub(crate) fn write_blobs(blobs: &[&dyn Encode], format: Format, out: &mut impl Write) -> Result<(), Error> {
    for batch in blobs.chunks(BATCH) {
        let texts: Vec<Result<Vec<u8>, Error>> = batch.par_iter().map(|blob| text(*blob, format)).collect();
        for text in texts {
            out.write_all(&text?)?;
        }
    }
    Ok(())
}

/// The text that [`write()`] writes.
pub fn to_text(catalog: &Catalog, format: Format) -> Result<String, Error> {
    let mut out = Vec::new();
    write(catalog, format, &mut out)?;
    Ok(crate::raw::into_text(out))
}

fn text(blob: &dyn Encode, format: Format) -> Result<Vec<u8>, Error> {
    let mut compact = Vec::new();
    blob.encode(&mut compact);
    let mut out = Vec::with_capacity(compact.len() * 3 / 2);
    match format {
        Format::Json => {
            json::indent(&crate::raw::into_text(compact), &mut out);
            out.push(b'\n');
        }
        Format::Yaml => {
            out.extend_from_slice(b"---\n");
            write_yaml(&compact, &mut out)?;
        }
    }
    Ok(out)
}

/// Appends JSON text as a YAML document.
pub(crate) fn write_yaml(compact: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let value = json::parse(compact);
    let fault = |source| {
        let text = String::from_utf8_lossy(compact);
        Error::Yaml { what: text.chars().take(100).collect(), source }
    };
    value.and_then(|value| yaml::write(&value, out)).map_err(fault)
}

/// The blobs of one package, by kind in the order in which they are written.
#[derive(Default)]
pub(crate) struct Group<'a> {
    pub(crate) packages: Vec<&'a Package>,
    pub(crate) channels: Vec<&'a Channel>,
    pub(crate) bundles: Vec<&'a Bundle>,
    pub(crate) others: Vec<&'a Meta>,
    pub(crate) deprecations: Vec<&'a Deprecation>,
}

impl<'a> Group<'a> {
    pub(crate) fn collect(&self, blobs: &mut Vec<&'a dyn Encode>) {
        blobs.extend(self.packages.iter().map(|package| *package as &dyn Encode));
        blobs.extend(self.channels.iter().map(|channel| *channel as &dyn Encode));
        blobs.extend(self.bundles.iter().map(|bundle| *bundle as &dyn Encode));
        blobs.extend(self.others.iter().map(|other| *other as &dyn Encode));
        blobs.extend(self.deprecations.iter().map(|deprecation| *deprecation as &dyn Encode));
    }

    pub(crate) fn sort(&mut self) {
        sort::sort(&mut self.channels, |a, b| a.name < b.name);
        sort::sort(&mut self.bundles, |a, b| a.name < b.name);
        self.others.sort_by(|a, b| a.schema.cmp(&b.schema));
    }
}

/// The blobs of every package by its name, unsorted; those that name no package are under the empty name.
pub(crate) fn groups(catalog: &Catalog) -> BTreeMap<&str, Group<'_>> {
    let mut groups = BTreeMap::new();
    for package in &catalog.packages {
        group(&mut groups, &package.name).packages.push(package);
    }
    for channel in &catalog.channels {
        group(&mut groups, &channel.package).channels.push(channel);
    }
    for bundle in &catalog.bundles {
        group(&mut groups, &bundle.package).bundles.push(bundle);
    }
    for deprecation in &catalog.deprecations {
        group(&mut groups, &deprecation.package).deprecations.push(deprecation);
    }
    for other in &catalog.others {
        group(&mut groups, &other.package).others.push(other);
    }
    groups
}

fn group<'g, 'a>(groups: &'g mut BTreeMap<&'a str, Group<'a>>, package: &'a str) -> &'g mut Group<'a> {
    groups.entry(package).or_default()
}

impl Catalog {
    /// The blobs that [`write()`] leaves out because they name no package, each in words: for a warning.
    pub fn without_package(&self) -> Vec<String> {
        let say = |origin: &crate::Origin, kind: &str, name: &str| format!("{}{kind} {name:?}", origin.prefix(None));
        let packages = self.packages.iter().filter(|p| p.name.is_empty()).map(|p| say(&p.origin, "package", ""));
        let channels =
            self.channels.iter().filter(|c| c.package.is_empty()).map(|c| say(&c.origin, "channel", &c.name));
        let bundles = self.bundles.iter().filter(|b| b.package.is_empty()).map(|b| say(&b.origin, "bundle", &b.name));
        let lists = self.deprecations.iter().filter(|d| d.package.is_empty());
        packages.chain(channels).chain(bundles).chain(lists.map(|d| say(&d.origin, "deprecations", ""))).collect()
    }
}
