//! A catalog's packages to the sections of a pack.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use opm_document::{Value, json};
use opm_model::Stop;
use rayon::prelude::*;

use super::answer::{Placed, Whole};
use super::blocks::Writer;
use super::draft::{Builder, number};
use super::error::write_fault;
use super::format::{BlobRow, Contents, Header, Span, Start, Table};
use super::graph::Place;
use super::prepare::{Pair, Prepared, prepare};
use super::recipe;
use super::{Digest, Encoding, Error, Summary};
use crate::blob::{Catalog, Meta};
use crate::{Index, Report, validate};

/// The content of the bundles that are turned into answers at the same time, in bytes.
const GROUP: usize = 4 << 20;

/// A pack in the making.
pub(super) struct Packer<'a> {
    file: &'a File,
    out: Writer<'a>,
    listing: Spill,
    target: &'a Path,
    encoding: &'a Encoding,
    graph: Builder,
    /// Where the texts are that are in the pack already, by their digests.
    texts: BTreeMap<[u8; 32], Span>,
    full: Vec<Span>,
    /// By place: the recipe in the spill, and how much it makes.
    listed: Vec<(Span, u64)>,
    blobs: Vec<BlobRow>,
}

impl<'a> Packer<'a> {
    /// Fills a file that is going to be at `target`. The other file is for what is in the way meanwhile.
    pub(super) fn new(file: &'a File, spill: File, target: &'a Path, encoding: &'a Encoding) -> Self {
        Self {
            file,
            out: Writer::new(file),
            listing: Spill { file: spill, length: 0, pending: Vec::new() },
            target,
            encoding,
            graph: Builder::default(),
            texts: BTreeMap::new(),
            full: Vec::new(),
            listed: Vec::new(),
            blobs: Vec::new(),
        }
    }
}

/// The recipes of the listing until their order is known.
struct Spill {
    file: File,
    length: u64,
    pending: Vec<u8>,
}

/// How much is written to the spill at a time, in bytes.
const PIECE: usize = 256 << 10;

impl Spill {
    fn add(&mut self, bytes: &[u8]) -> io::Result<Span> {
        let span = Span { offset: self.length + self.pending.len() as u64, length: bytes.len() as u64 };
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.flush()?;
        }
        Ok(span)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.pending, self.length)?;
        self.length += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

impl Packer<'_> {
    /// Adds all packages; while one is added, the next is loaded.
    pub(super) fn packages(&mut self, index: &Index, stop: &Stop) -> Result<(), Error> {
        let mut names = std::iter::once("").chain(index.packages());
        let load = |name: Option<&'_ str>| name.map(|name| (name.to_owned(), index.load(name)));
        let mut loaded = load(names.next());
        while let Some((name, catalog)) = loaded {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            let next = names.next();
            let fault = |source| Error::Package { package: name.clone(), source };
            let catalog = catalog.map_err(fault)?;
            let (added, next) = rayon::join(
                || {
                    if !validate(&catalog).is_valid() {
                        // What is wrong with the others is of interest, too.
                        return index.validate().and_then(Report::into_result).map_err(fault);
                    }
                    self.package(&name, &catalog, stop)
                },
                || load(next),
            );
            added?;
            loaded = next;
        }
        Ok(())
    }

    fn package(&mut self, name: &str, catalog: &Catalog, stop: &Stop) -> Result<(), Error> {
        self.blobs(name, catalog)?;
        let Some(whole) = Whole::of(catalog) else { return Ok(()) };
        let mut draft = whole.draft();
        let first = self.graph.add(&mut draft);
        // Where the places of each channel begin.
        let mut starts = vec![first];
        for channel in &draft.channels {
            starts.push(starts.last().copied().unwrap_or(first) + number(channel.entries.len()));
        }
        let end = starts.last().copied().unwrap_or(first) as usize;
        self.full.resize(end, Span::default());
        self.listed.resize(end, (Span::default(), 0));
        let mut rest = &whole.bundles[..];
        while !rest.is_empty() {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            let mut size = 0;
            let is_more = |placed: &&Placed<'_>| {
                size += placed.bundle.properties.iter().map(|property| property.value.len()).sum::<usize>();
                size <= GROUP
            };
            let count = rest.iter().take_while(is_more).count().max(1);
            let (group, later) = rest.split_at(count);
            let prepare = |placed: &Placed<'_>| prepare(&whole, placed, self.encoding);
            let prepared: Vec<Result<Prepared, Error>> = group.par_iter().map(prepare).collect();
            for (placed, prepared) in group.iter().zip(prepared) {
                let place = |channel: usize| {
                    let entries = &draft.channels[channel].entries;
                    let at = entries.partition_point(|entry| entry.name < placed.bundle.name);
                    starts[channel] + number(at)
                };
                self.bundle(&prepared?, place).map_err(write_fault(self.target))?;
            }
            rest = later;
        }
        Ok(())
    }

    fn bundle(&mut self, prepared: &Prepared, place: impl Fn(usize) -> Place) -> io::Result<()> {
        let mut spans = Vec::with_capacity(prepared.texts.len());
        for (text, hash) in &prepared.texts {
            if let Some(span) = self.texts.get(hash) {
                spans.push(*span);
                continue;
            }
            let span = Span { offset: self.out.offset(), length: text.len() as u64 };
            self.out.write(text.as_bytes())?;
            self.texts.insert(*hash, span);
            spans.push(span);
        }
        let mut recipe = Vec::new();
        for Pair { channel, full, listed } in &prepared.places {
            let place = place(*channel);
            recipe.clear();
            recipe::write(full, |text| spans[text], &mut recipe);
            self.full[place as usize] = Span { offset: self.out.offset(), length: recipe.len() as u64 };
            self.out.write(&recipe)?;
            recipe.clear();
            let sent = recipe::write(listed, |text| spans[text], &mut recipe);
            self.listed[place as usize] = (self.listing.add(&recipe)?, sent);
            for api in &prepared.apis {
                self.graph.provide(place, api);
            }
        }
        Ok(())
    }

    /// Adds the blobs of other schemas that belong to a package.
    fn blobs(&mut self, package: &str, catalog: &Catalog) -> Result<(), Error> {
        let mut by_schema: BTreeMap<&str, Vec<&Meta>> = BTreeMap::new();
        for blob in &catalog.others {
            by_schema.entry(&blob.schema).or_default().push(blob);
        }
        for (schema, blobs) in by_schema {
            let offset = self.out.offset();
            for blob in blobs {
                // What was written as JSON a moment ago can be read.
                let document = json::parse(blob.json.as_bytes()).unwrap_or(Value::Null);
                self.out.write(&(self.encoding.document)(&document)).map_err(write_fault(self.target))?;
            }
            let span = Span { offset, length: self.out.offset() - offset };
            self.blobs.push(BlobRow { schema: schema.into(), package: package.into(), span });
        }
        Ok(())
    }

    /// Writes the listing in its order, and the tables.
    pub(super) fn finish(self, digest: Digest) -> Result<Summary, Error> {
        let Self { file, mut out, mut listing, target, graph, full, listed, mut blobs, .. } = self;
        let fault = write_fault(target);
        listing.flush().map_err(&fault)?;
        let graph = graph.finish();
        let begin = out.offset();
        let mut starts = Vec::with_capacity(listed.len() + 1);
        let (mut sent, mut recipe) = (0, Vec::new());
        for place in graph.listing() {
            let (span, makes) = listed[place as usize];
            starts.push(Start { sent, offset: out.offset() });
            sent += makes;
            recipe.resize(usize::try_from(span.length).unwrap_or(usize::MAX), 0);
            listing.file.read_exact_at(&mut recipe, span.offset).map_err(&fault)?;
            out.write(&recipe).map_err(&fault)?;
        }
        let data = out.offset();
        starts.push(Start { sent, offset: data });
        blobs.sort_by(|a, b| (&a.schema, &a.package).cmp(&(&b.schema, &b.package)));
        let counts = graph.counts();
        let sums = out.finish().map_err(&fault)?;
        let index = Contents { graph, full, listing: starts, blobs }.encode();
        let table = |bytes: &[u8]| Table { length: bytes.len() as u64, sum: crc32fast::hash(bytes) };
        let header = Header { digest, counts, listing: begin, data, sums: table(&sums), index: table(&index) };
        let head = header.encode();
        let mut offset = head.len() as u64 + data;
        file.write_all_at(&head, 0).map_err(&fault)?;
        for bytes in [sums, index] {
            file.write_all_at(&bytes, offset).map_err(&fault)?;
            offset += bytes.len() as u64;
        }
        Ok(Summary { digest, counts, length: offset })
    }
}
