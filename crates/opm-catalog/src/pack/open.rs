//! Packs that are asked.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use opm_document::Value;
use opm_model::{Bundle, Cursor, Page, Reply, Stop};

use super::Digest;
use super::blocks::{Blocks, Window};
use super::error::{Error, read_fault};
use super::format::{BlobRow, Contents, HEADER, Header, MAGIC, Misfit, Span, Start, Table};
use super::graph::{Graph, Place};
use super::query::{Served, Store};
use super::recipe::{self, Part, Parts};

/// How long a page of a listing is, in bytes.
const PAGE: u64 = 64 << 10;
/// How far recipes are read ahead: of a listing of bundles with images they are nearly all there is.
const AHEAD: usize = 64 << 10;
/// The longest answer for which room is made before its bytes are read, in bytes.
const EAGER: u64 = 4 << 20;
/// How much between two texts is read and thrown away rather than read around, in bytes.
const GAP: u64 = 4 << 10;

/// The answers of an open pack.
#[derive(Debug)]
pub struct Answers {
    digest: Digest,
    blocks: Blocks,
    full: Vec<Span>,
    listing: Vec<Start>,
    blobs: Vec<BlobRow>,
}

/// An open pack, which answers out of its file and is never changed. Names and the upgrade graph are in memory; bundles are read when
/// they are asked for, and whatever is read is verified.
///
/// The file is neither locked nor written. If it is replaced, the open one stays what it was; if it is overwritten or truncated,
/// answers become errors.
pub type Pack = Served<Answers>;

impl Pack {
    /// Opens a pack. The header and the tables are verified now, the rest when it is read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let fault = read_fault(path);
        let damaged = |what: &str| Error::Damaged { path: path.to_owned(), what: what.to_owned() };
        let file = File::open(path).map_err(&fault)?;
        let has = file.metadata().map_err(&fault)?;
        if !has.is_file() {
            return Err(Error::NotAPack(path.to_owned()));
        }
        let has = has.len();
        let mut head = vec![0; usize::try_from(has).unwrap_or(HEADER).min(HEADER)];
        file.read_exact_at(&mut head, 0).map_err(&fault)?;
        if head.len() < HEADER && head.starts_with(&MAGIC[..head.len().min(MAGIC.len())]) {
            return Err(Error::Truncated { path: path.to_owned(), has, wanted: HEADER as u64 });
        }
        let header = Header::decode(&head).map_err(|misfit| match misfit {
            Misfit::Foreign => Error::NotAPack(path.to_owned()),
            Misfit::Newer(version) => Error::Newer { path: path.to_owned(), version },
            Misfit::Damaged => damaged("the header"),
        })?;
        let wanted = header.file_length().unwrap_or(u64::MAX);
        match has.cmp(&wanted) {
            std::cmp::Ordering::Less => return Err(Error::Truncated { path: path.to_owned(), has, wanted }),
            std::cmp::Ordering::Greater => return Err(damaged("the end")),
            std::cmp::Ordering::Equal => {}
        }
        // Both tables are within the file, which is as long as it says.
        let read = |table: Table, offset: u64, what: &str| {
            let mut bytes = vec![0; usize::try_from(table.length).map_err(|_| damaged(what))?];
            file.read_exact_at(&mut bytes, offset).map_err(&fault)?;
            if crc32fast::hash(&bytes) == table.sum { Ok(bytes) } else { Err(damaged(what)) }
        };
        let sums = read(header.sums, HEADER as u64 + header.data, "the table of checksums")?;
        let sums = sums.chunks_exact(4).filter_map(|sum| sum.try_into().ok().map(u32::from_le_bytes)).collect();
        let index = read(header.index, HEADER as u64 + header.data + header.sums.length, "the index")?;
        let Contents { graph, full, listing, blobs } =
            Contents::decode(&index, &header).ok_or_else(|| damaged("the index"))?;
        let blocks = Blocks::new(file, path, header.data, sums);
        Ok(Self { graph, store: Answers { digest: header.digest, blocks, full, listing, blobs } })
    }

    /// The digest of the catalog that the pack was made of; compare it with [`super::digest`].
    pub fn digest(&self) -> Digest {
        self.store.digest
    }
}

/// An answer under way, or a page of answers.
struct Filling<'a> {
    out: Vec<u8>,
    /// What is passed over before it begins.
    skip: u64,
    /// How much there is still room for.
    room: u64,
    /// Recipes, and what is in them.
    own: Window<'a>,
    texts: Window<'a>,
    /// The parts of a recipe that belong here.
    parts: Vec<Part>,
}

impl<'a> Filling<'a> {
    fn new(blocks: &'a Blocks, room: u64) -> Self {
        let (own, texts) = (Window::new(blocks), Window::new(blocks));
        Self { out: Vec::new(), skip: 0, room, own, texts, parts: Vec::new() }
    }

    /// Appends as much of what a recipe makes as belongs here.
    fn add(&mut self, recipe: Span, ahead: usize, stop: &Stop) -> Result<(), Error> {
        let mut parts = Parts::new(&mut self.own, recipe, ahead);
        self.parts.clear();
        while self.room > 0
            && let Some(Part { is_text, mut span }) = parts.next()?
        {
            let skipped = self.skip.min(span.length);
            self.skip -= skipped;
            span.offset = span.offset.saturating_add(skipped);
            span.length = (span.length - skipped).min(self.room);
            self.room -= span.length;
            self.parts.push(Part { is_text, span });
        }
        // Lengths are believed when their bytes are there.
        let length: u64 = self.parts.iter().map(|part| part.span.length.min(EAGER)).sum();
        self.out.reserve(usize::try_from(length.min(EAGER)).unwrap_or(0));
        for (at, Part { is_text, span }) in self.parts.iter().enumerate() {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            if *is_text {
                recipe::read(&mut self.texts, *span, run(&self.parts[at..]), &mut self.out)?;
            } else {
                recipe::read(&mut self.own, *span, ahead, &mut self.out)?;
            }
        }
        Ok(())
    }
}

/// How far to read for the first of these parts, a text, so that those of the texts after it which are next to it are read, too.
fn run(parts: &[Part]) -> usize {
    let mut texts = parts.iter().filter(|part| part.is_text).map(|part| part.span);
    let Some(first) = texts.next() else { return 0 };
    let mut length = first.length;
    for text in texts {
        let Some(gap) = text.offset.checked_sub(first.offset.saturating_add(length)) else { break };
        if gap > GAP || length >= AHEAD as u64 {
            break;
        }
        length += gap + text.length;
    }
    usize::try_from(length).unwrap_or(AHEAD).min(AHEAD)
}

impl Store for Answers {
    fn bundle(&self, _: &Graph, place: Place, stop: &Stop) -> Result<Reply<Bundle>, Error> {
        let recipe = self.full.get(place as usize).copied().unwrap_or_default();
        let ahead = usize::try_from(recipe.length).unwrap_or(AHEAD).min(AHEAD);
        let mut answer = Filling::new(&self.blocks, u64::MAX);
        answer.add(recipe, ahead, stop)?;
        Ok(Reply::Encoded(answer.out))
    }

    fn list(&self, _: &Graph, Cursor(from): Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, Error> {
        let end = self.listing.last().map_or(0, |end| end.sent);
        let room = end.saturating_sub(from).min(PAGE);
        let mut page = Filling::new(&self.blocks, room);
        page.out.reserve_exact(usize::try_from(room).unwrap_or_default());
        let first = self.listing.partition_point(|start| start.sent <= from).saturating_sub(1);
        for pair in self.listing[first..].windows(2) {
            let [this, next] = pair else { break };
            if page.room == 0 {
                break;
            }
            page.skip = from.saturating_sub(this.sent);
            page.add(Span { offset: this.offset, length: next.offset - this.offset }, AHEAD, stop)?;
        }
        let at = from.saturating_add(page.out.len() as u64);
        let next = (at < end && !page.out.is_empty()).then_some(Cursor(at));
        Ok(Page { items: Reply::Encoded(page.out), next })
    }

    fn blobs(
        &self,
        schema: &str,
        package: &str,
        Cursor(from): Cursor,
        _: &Stop,
    ) -> Result<Page<Reply<Vec<Value>>>, Error> {
        let key = (schema, package);
        let row = self.blobs.binary_search_by(|row| (&*row.schema, &*row.package).cmp(&key));
        let span = row.map(|at| self.blobs[at].span).unwrap_or_default();
        let rest = span.length.saturating_sub(from);
        let length = rest.min(PAGE);
        let mut out = Vec::new();
        let part = Span { offset: span.offset.saturating_add(from), length };
        recipe::read(&mut Window::new(&self.blocks), part, 0, &mut out)?;
        let next = (length < rest).then_some(Cursor(from.saturating_add(length)));
        Ok(Page { items: Reply::Encoded(out), next })
    }
}
