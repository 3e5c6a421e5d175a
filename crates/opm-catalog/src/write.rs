//! Catalogs to text, byte for byte as the reference writes them.

use std::io::Write;

use opm_document::{json, sort, yaml};
use opm_model::Stop;
use rayon::prelude::*;

use crate::blob::{Catalog, Kind};
use crate::index::Entry;
use crate::{Error, Index};

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

/// How much text is turned into another form at a time, in bytes: enough to keep all cores busy, little enough to stay out of
/// the way.
const BATCH: usize = 1 << 20;

/// Writes a catalog: see [`Index::write`].
pub fn write(catalog: &Catalog, format: Format, out: &mut impl Write) -> Result<(), Error> {
    Index::of(catalog)?.write(format, &Stop::new(), out)
}

/// The text that [`write()`] writes.
pub fn to_text(catalog: &Catalog, format: Format) -> Result<String, Error> {
    let mut out = Vec::new();
    write(catalog, format, &mut out)?;
    Ok(crate::raw::into_text(out))
}

impl Index {
    /// Writes the catalog: packages by name; of each its package blob, its channels and bundles by name, its other blobs by
    /// schema and its deprecations; then the blobs that belong to no package.
    ///
    /// Blobs of the four known schemas that have no package name are left out: see [`Index::without_package`]. Ends early with
    /// [`Error::Stopped`] when `stop` is asked for.
    pub fn write(&self, format: Format, stop: &Stop, out: &mut impl Write) -> Result<(), Error> {
        let packages: Vec<Entries<'_>> = self.packages().map(|package| self.sorted(package)).collect();
        let all: Vec<&Entry> = packages.iter().flatten().chain(&self.sorted("")).copied().collect();
        self.write_entries(&all, format, stop, out)
    }

    /// The entries of a package in the order in which they are written. What belongs to no package stays in the order in which
    /// it was read.
    pub(crate) fn sorted(&self, package: &str) -> Entries<'_> {
        if package.is_empty() {
            return self.entries_of(package).filter(|entry| entry.kind == Kind::Other).collect();
        }
        let mut entries: Vec<&Entry> = self.entries_of(package).collect();
        entries.sort_by_key(|entry| entry.kind);
        for kind in entries.chunk_by_mut(|a, b| a.kind == b.kind) {
            match kind[0].kind {
                Kind::Channel | Kind::Bundle => sort::sort(kind, |a, b| a.name < b.name),
                Kind::Other => kind.sort_by(|a, b| a.schema.cmp(&b.schema)),
                Kind::Package | Kind::Deprecation => {}
            }
        }
        entries
    }

    /// Writes blobs in this order.
    pub(crate) fn write_entries(
        &self,
        entries: &[&Entry],
        format: Format,
        stop: &Stop,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let mut rest = entries;
        while !rest.is_empty() {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            let mut bytes = 0;
            let fits = |entry: &&&Entry| {
                bytes += entry.slice.length;
                bytes <= BATCH
            };
            let (batch, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = others;
            let formatted = |buffer: &mut Vec<u8>, entry: &&Entry| self.formatted(entry, format, buffer);
            let texts: Vec<Result<Vec<u8>, Error>> = batch.par_iter().map_init(Vec::new, formatted).collect();
            for text in texts {
                out.write_all(&text?)?;
            }
        }
        Ok(())
    }

    fn formatted(&self, entry: &Entry, format: Format, buffer: &mut Vec<u8>) -> Result<Vec<u8>, Error> {
        let compact = self.text(entry, buffer)?;
        let mut out = Vec::with_capacity(compact.len() + compact.len() / 8 + 1024);
        match format {
            Format::Json => {
                json::indent(compact, &mut out);
                out.push(b'\n');
            }
            Format::Yaml => {
                out.extend_from_slice(b"---\n");
                write_yaml(compact, &mut out)?;
            }
        }
        Ok(out)
    }

    /// The blobs that are not written because they name no package, each in words: for a warning.
    pub fn without_package(&self) -> Vec<String> {
        let mut entries: Vec<&Entry> = self.entries_of("").filter(|entry| entry.kind != Kind::Other).collect();
        entries.sort_by_key(|entry| entry.kind);
        let say = |entry: &Entry| {
            let kind = match entry.kind {
                Kind::Package => "package",
                Kind::Channel => "channel",
                Kind::Bundle => "bundle",
                Kind::Other | Kind::Deprecation => "deprecations",
            };
            format!("{}{kind} {:?}", entry.origin.prefix(None), entry.name)
        };
        entries.into_iter().map(say).collect()
    }
}

/// Entries of an index.
type Entries<'a> = Vec<&'a Entry>;

/// Appends JSON text as a YAML document.
pub(crate) fn write_yaml(compact: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let value = json::parse(compact);
    let fault = |source| {
        let text = String::from_utf8_lossy(compact);
        Error::Yaml { what: text.chars().take(100).collect(), source }
    };
    value.and_then(|value| yaml::write(&value, out)).map_err(fault)
}
