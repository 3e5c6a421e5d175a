//! The layout of the file: header, sections and tables. `docs/pack.md` describes it for readers in other languages.

use super::graph::{ApiRow, ChannelRow, Graph, PackageRow, PlaceRow};
use super::names::{Name, Names};
use super::{Counts, Digest};

/// What every pack begins with.
pub(super) const MAGIC: [u8; 8] = *b"opm-pack";
/// The version of the format that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;
/// The length of the header, and so the offset of the data, in bytes.
pub(super) const HEADER: usize = 4096;
/// How many bytes of the data have a checksum together. The last block may be shorter.
pub(super) const BLOCK: u32 = 4096;
/// Where the header's own checksum is.
const HEADER_SUM: usize = HEADER - 4;

/// The fixed part at the beginning of a pack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Header {
    pub(super) digest: Digest,
    pub(super) counts: Counts,
    /// Offsets count from the beginning of the data. The contents come first.
    pub(super) listing: u64,
    /// The end of the data.
    pub(super) data: u64,
    /// Follows the data: the checksums of its blocks.
    pub(super) sums: Table,
    /// Follows the checksums.
    pub(super) index: Table,
}

/// A part of the file that is read whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) length: u64,
    pub(super) sum: u32,
}

/// Why bytes are no header.
#[derive(Debug, PartialEq)]
pub(super) enum Misfit {
    Foreign,
    Newer(u32),
    Damaged,
}

impl Header {
    /// The length that the whole file must have; `None` if there is no such number.
    pub(super) fn file_length(&self) -> Option<u64> {
        (HEADER as u64).checked_add(self.data)?.checked_add(self.sums.length)?.checked_add(self.index.length)
    }

    /// How many blocks the data have.
    pub(super) fn blocks(&self) -> u64 {
        self.data.div_ceil(BLOCK.into())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(BLOCK.to_le_bytes());
        out.extend(self.digest.0);
        for number in [self.data, self.listing, self.sums.length, self.index.length] {
            out.extend(number.to_le_bytes());
        }
        for sum in [self.sums.sum, self.index.sum] {
            out.extend(sum.to_le_bytes());
        }
        let Counts { packages, channels, bundles, places } = self.counts;
        for count in [packages, channels, bundles, places] {
            out.extend(count.to_le_bytes());
        }
        out.resize(HEADER_SUM, 0);
        let sum = crc32fast::hash(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    /// The header at the beginning of a file that has at least its length.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Misfit> {
        let mut rest = Reader(bytes);
        if rest.take(MAGIC.len()) != Some(&MAGIC) {
            return Err(Misfit::Foreign);
        }
        let version = rest.u32().ok_or(Misfit::Foreign)?;
        let body = bytes.get(..HEADER_SUM).ok_or(Misfit::Damaged)?;
        let sum = bytes.get(HEADER_SUM..HEADER).and_then(|sum| sum.try_into().ok()).map(u32::from_le_bytes);
        // Every version has its checksum here, so that a flipped bit does not pass for a newer version.
        if sum != Some(crc32fast::hash(body)) {
            return Err(Misfit::Damaged);
        }
        if version > VERSION {
            return Err(Misfit::Newer(version));
        }
        let header = Self::fields(&mut rest).ok_or(Misfit::Damaged)?;
        let is_sound = version == VERSION
            && header.file_length().is_some()
            && header.listing <= header.data
            && header.blocks().checked_mul(4) == Some(header.sums.length);
        if is_sound { Ok(header) } else { Err(Misfit::Damaged) }
    }

    fn fields(rest: &mut Reader<'_>) -> Option<Self> {
        let block = rest.u32()?;
        let digest = Digest(rest.take(32)?.try_into().ok()?);
        let [data, listing, sums_length, index_length] = [rest.u64()?, rest.u64()?, rest.u64()?, rest.u64()?];
        let [sums_sum, index_sum] = [rest.u32()?, rest.u32()?];
        let counts = Counts { packages: rest.u64()?, channels: rest.u64()?, bundles: rest.u64()?, places: rest.u64()? };
        (block == BLOCK).then_some(Self {
            digest,
            counts,
            listing,
            data,
            sums: Table { length: sums_length, sum: sums_sum },
            index: Table { length: index_length, sum: index_sum },
        })
    }
}

/// What a pack keeps in memory.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    pub(super) graph: Graph,
    /// Where the recipe of each place's full answer is in the data, by place.
    pub(super) full: Vec<Span>,
    /// Where each answer of the listing begins, in its order: in the stream that is sent, and in the data. There is one more
    /// for the end.
    pub(super) listing: Vec<Start>,
    /// The blobs of each schema and package, sorted by those.
    pub(super) blobs: Vec<BlobRow>,
}

/// A part of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) length: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Start {
    pub(super) sent: u64,
    pub(super) offset: u64,
}

/// The blobs of a schema that belong to a package: their messages, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BlobRow {
    pub(super) schema: Box<str>,
    pub(super) package: Box<str>,
    pub(super) span: Span,
}

/// The number for no name.
const NONE: Name = Name::MAX;

impl Contents {
    pub(super) fn encode(&self) -> Vec<u8> {
        let graph = &self.graph;
        let mut out = Writer(Vec::new());
        out.table(graph.names.len(), graph.names.lengths(), Writer::u32);
        out.0.extend_from_slice(graph.names.text().as_bytes());
        out.table(graph.packages.len(), &graph.packages, |out, row| {
            out.u32s([row.name, row.default_channel, row.deprecation.unwrap_or(NONE), row.channels]);
        });
        out.table(graph.channels.len(), &graph.channels, |out, row| {
            out.u32s([row.name, row.head, row.deprecation.unwrap_or(NONE), row.places]);
        });
        out.table(graph.places.len(), &graph.places, |out, row| {
            out.u32s([row.bundle, row.replaces, row.skips]);
        });
        out.table(graph.skips.len(), &graph.skips, |out, skip| out.u32(*skip));
        out.table(graph.apis.len(), &graph.apis, |out, row| {
            out.u32s([row.group, row.version, row.kind, row.providers]);
        });
        out.table(graph.providers.len(), &graph.providers, |out, place| out.u32(*place));
        out.table(self.full.len(), &self.full, |out, span| out.span(*span));
        out.table(self.listing.len(), &self.listing, |out, start| {
            out.u64(start.sent);
            out.u64(start.offset);
        });
        out.table(self.blobs.len(), &self.blobs, |out, row| {
            out.text(&row.schema);
            out.text(&row.package);
            out.span(row.span);
        });
        out.0
    }

    /// The index of a pack whose data have this length, with this part for the listing. `None` if any number in it leads nowhere.
    pub(super) fn decode(bytes: &[u8], header: &Header) -> Option<Self> {
        let mut from = Reader(bytes);
        let lengths = from.table(4, Reader::u32)?;
        let total = lengths.iter().map(|length| u64::from(*length)).sum::<u64>();
        let text = from.take(usize::try_from(total).ok()?)?;
        let names = Names::new(String::from_utf8(text.to_vec()).ok()?, lengths.into_iter())?;
        let some = |name: Name| (name != NONE).then_some(name);
        let packages = from.table(16, |from| {
            let (name, default_channel, deprecation) = (from.u32()?, from.u32()?, some(from.u32()?));
            Some(PackageRow { name, default_channel, deprecation, channels: from.u32()? })
        })?;
        let channels = from.table(16, |from| {
            let (name, head, deprecation) = (from.u32()?, from.u32()?, some(from.u32()?));
            Some(ChannelRow { name, head, deprecation, places: from.u32()? })
        })?;
        let places =
            from.table(12, |from| Some(PlaceRow { bundle: from.u32()?, replaces: from.u32()?, skips: from.u32()? }))?;
        let skips = from.table(4, Reader::u32)?;
        let apis = from.table(16, |from| {
            Some(ApiRow { group: from.u32()?, version: from.u32()?, kind: from.u32()?, providers: from.u32()? })
        })?;
        let providers = from.table(4, Reader::u32)?;
        let graph = Graph { names, packages, channels, places, skips, apis, providers, ..Graph::default() };
        let full = from.table(16, Reader::span)?;
        let listing = from.table(16, |from| Some(Start { sent: from.u64()?, offset: from.u64()? }))?;
        let blobs =
            from.table(24, |from| Some(BlobRow { schema: from.text()?, package: from.text()?, span: from.span()? }))?;
        let contents = Self { graph, full, listing, blobs };
        (from.0.is_empty() && contents.is_sound(header) && contents.graph.counts() == header.counts).then_some(())?;
        Some(Self { graph: contents.graph.indexed(), ..contents })
    }

    /// Whether every number leads somewhere, and every table is sorted.
    fn is_sound(&self, header: &Header) -> bool {
        let Self { graph, full, listing, blobs } = self;
        let names = graph.names.len();
        let is_name = |name: &Name| (*name as usize) < names;
        let all_names = |row: &[Name], deprecation: Option<Name>| row.iter().chain(&deprecation).all(is_name);
        let is_span = |span: &Span| span.offset.checked_add(span.length).is_some_and(|end| end <= header.data);
        graph.packages.iter().all(|row| all_names(&[row.name, row.default_channel], row.deprecation))
            && graph.channels.iter().all(|row| all_names(&[row.name, row.head], row.deprecation))
            && graph.places.iter().all(|row| all_names(&[row.bundle, row.replaces], None))
            && graph.skips.iter().all(is_name)
            && graph.apis.iter().all(|row| all_names(&[row.group, row.version, row.kind], None))
            && graph.providers.iter().all(|place| (*place as usize) < graph.places.len())
            && partition(graph.packages.iter().map(|row| row.channels), graph.channels.len())
            && partition(graph.channels.iter().map(|row| row.places), graph.places.len())
            && partition(graph.places.iter().map(|row| row.skips), graph.skips.len())
            && partition(graph.apis.iter().map(|row| row.providers), graph.providers.len())
            && full.len() == graph.places.len()
            && full.iter().all(is_span)
            && listing.len() == graph.places.len() + 1
            && listing.is_sorted_by(|a, b| a.sent <= b.sent && a.offset <= b.offset)
            && listing.first().is_some_and(|first| first.sent == 0 && first.offset == header.listing)
            && listing.last().is_some_and(|last| last.offset == header.data)
            && blobs.iter().all(|row| is_span(&row.span))
            && blobs.is_sorted_by(|a, b| (&a.schema, &a.package) < (&b.schema, &b.package))
    }
}

/// Whether these starts divide a table of this length from its beginning.
fn partition(mut starts: impl Iterator<Item = u32>, length: usize) -> bool {
    let Some(first) = starts.next() else { return length == 0 };
    let mut last = first;
    let is_sorted = starts.all(|start| start >= std::mem::replace(&mut last, start));
    first == 0 && is_sorted && last as usize <= length
}

struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    fn u32s<const N: usize>(&mut self, numbers: [u32; N]) {
        for number in numbers {
            self.u32(number);
        }
    }

    fn u64(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    fn span(&mut self, span: Span) {
        self.u64(span.offset);
        self.u64(span.length);
    }

    fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }

    fn table<T>(&mut self, length: usize, rows: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.u32(u32::try_from(length).unwrap_or(u32::MAX));
        rows.into_iter().for_each(|row| write(self, row));
    }
}

/// Bytes that are read from the front; whatever is not there is `None`.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn span(&mut self) -> Option<Span> {
        Some(Span { offset: self.u64()?, length: self.u64()? })
    }

    fn text(&mut self) -> Option<Box<str>> {
        let length = self.u32()?;
        std::str::from_utf8(self.take(length as usize)?).ok().map(Box::from)
    }

    /// A table whose rows take at least `smallest` bytes each.
    fn table<T>(&mut self, smallest: usize, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.u32()? as usize;
        if length.checked_mul(smallest)? > self.0.len() {
            return None;
        }
        let mut rows = Vec::with_capacity(length);
        for _ in 0..length {
            rows.push(read(self)?);
        }
        Some(rows)
    }
}
