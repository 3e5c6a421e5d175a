//! The newer form: a key-value store, of which only the logs are read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use opm_document::{Documents, Value, json};
use opm_model::{Bundle, Cursor, Gvk, Page, Reply, Stop};
use rayon::prelude::*;

use super::super::error::{Error, read_fault};
use super::super::graph::{Graph, Place};
use super::super::query::{Served, Store};
use super::fnv::Fnv;
use super::protobuf::{self, field};
use super::{Digested, PAGE, damaged, packages};
use crate::walk;

/// What every file of the store begins with, padded with zeros to [`HEADER`].
const MAGIC: [u8; 12] = *b"pogreb\x0e\xfd\x02\0\0\0";
const HEADER: usize = 512;
/// The bit in a record's length of the value that says that the key is deleted.
const DELETED: u32 = 1 << 31;
/// The key of the index of packages.
const PACKAGES: &[u8] = b"packages.json";
/// What is before the key in a record, and after the value, in bytes.
const BEFORE: usize = 6;
const AFTER: usize = 4;
/// How much room is made for a record before its bytes have come, in bytes.
const EAGER: usize = 1 << 20;

/// Where a record is.
#[derive(Clone, Copy, Debug)]
struct Record {
    segment: usize,
    offset: u64,
    key: u16,
    value: u32,
}

/// The store, with the places of its records by their keys.
#[derive(Debug)]
pub(crate) struct Pogreb {
    digest_file: PathBuf,
    segments: Vec<(PathBuf, File)>,
    records: BTreeMap<Box<[u8]>, Record>,
    /// The places in the order of listings.
    listing: Vec<Place>,
}

/// What a replay of the logs finds.
#[derive(Default)]
struct Replay {
    records: BTreeMap<Box<[u8]>, Record>,
    apis: BTreeMap<Box<[u8]>, Vec<Gvk>>,
}

pub(super) fn open(directory: &Path) -> Result<Served<Pogreb>, Error> {
    let directory = directory.join("pogreb.v1");
    let database = directory.join("db");
    let mut replay = Replay::default();
    let mut segments = Vec::new();
    for path in segment_files(&database)? {
        let file = File::open(&path).map_err(read_fault(&path))?;
        replay.segment(segments.len(), &path, &file)?;
        segments.push((path, file));
    }
    let Replay { records, mut apis } = replay;
    let mut store = Pogreb { digest_file: directory.join("digest"), segments, records, listing: Vec::new() };
    let record = store.records.get(PACKAGES).ok_or_else(|| damaged(&database, "the index of packages"))?;
    let index = store.read(*record)?;
    let graph = packages::graph(&index, &database, |package, channel, name| {
        Ok(apis.remove(&*bundle_key(package, channel, name)).unwrap_or_default())
    })?;
    store.listing = graph.listing();
    Ok(Served { graph, store })
}

fn bundle_key(package: &str, channel: &str, name: &str) -> Box<[u8]> {
    format!("bundles/{package}/{channel}/{name}").into_bytes().into()
}

/// The logs of a database, by their sequence numbers.
fn segment_files(database: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(database).map_err(read_fault(database))? {
        let name = entry.map_err(read_fault(database))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let numbers = name.strip_suffix(".psg").map(|numbers| numbers.split_once('-'));
        match numbers {
            None => {}
            Some(Some((id, sequence))) if let (Ok(id), Ok(sequence)) = (id.parse::<u16>(), sequence.parse::<u64>()) => {
                files.push((sequence, id, database.join(name)));
            }
            Some(_) => return Err(damaged(&database.join(name), "its name")),
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, _, path)| path).collect())
}

impl Replay {
    /// Notes all records of a log. Later ones win.
    fn segment(&mut self, segment: usize, path: &Path, file: &File) -> Result<(), Error> {
        let fault = |offset: u64| {
            move |error: io::Error| match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged(path, format!("the record at offset {offset}")),
                _ => read_fault(path)(error),
            }
        };
        let length = file.metadata().map_err(read_fault(path))?.len();
        let mut reader = BufReader::with_capacity(PAGE, file);
        let mut header = [0; HEADER];
        reader.read_exact(&mut header).map_err(fault(0))?;
        if !header.starts_with(&MAGIC) {
            return Err(damaged(path, "the header"));
        }
        let mut offset = HEADER as u64;
        let mut record = Vec::new();
        while offset < length {
            let mut lengths = [0; BEFORE];
            reader.read_exact(&mut lengths).map_err(fault(offset))?;
            let [key_low, key_high, value @ ..] = lengths;
            let (key, value) = (u16::from_le_bytes([key_low, key_high]), u32::from_le_bytes(value));
            let at = Record { segment, offset, key, value: value & !DELETED };
            record.clear();
            record.extend(lengths);
            read_more(&mut reader, at.length() - BEFORE, &mut record).map_err(fault(offset))?;
            let (key, value_bytes) = at.divide(&record).ok_or_else(|| at.damaged(path))?;
            self.note(key, value_bytes, (value & DELETED == 0).then_some(at)).ok_or_else(|| at.damaged(path))?;
            offset += at.length() as u64;
        }
        Ok(())
    }

    fn note(&mut self, key: &[u8], value: &[u8], record: Option<Record>) -> Option<()> {
        self.records.remove(key);
        self.apis.remove(key);
        if let Some(record) = record {
            if key.starts_with(b"bundles/") {
                self.apis.insert(key.into(), protobuf::provided_apis(value)?);
            }
            self.records.insert(key.into(), record);
        }
        Some(())
    }
}

/// Appends as many bytes of a reader, without trust in that there are so many.
fn read_more(reader: &mut impl Read, length: usize, out: &mut Vec<u8>) -> io::Result<()> {
    out.reserve(length.min(EAGER));
    let read = reader.take(length as u64).read_to_end(out)?;
    if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Record {
    /// The length of the whole record.
    fn length(&self) -> usize {
        BEFORE + usize::from(self.key) + self.value as usize + AFTER
    }

    /// Key and value of a whole record, if its checksum is right.
    fn divide<'r>(&self, record: &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
        let (body, sum) = record.split_at_checked(record.len().checked_sub(AFTER)?)?;
        if crc32fast::hash(body).to_le_bytes() != sum {
            return None;
        }
        body.get(BEFORE..)?.split_at_checked(self.key.into())
    }

    fn damaged(&self, path: &Path) -> Error {
        damaged(path, format!("the record at offset {}", self.offset))
    }
}

impl Pogreb {
    /// The value of a record, verified.
    fn read(&self, record: Record) -> Result<Vec<u8>, Error> {
        let (path, file) = &self.segments[record.segment];
        let mut bytes = vec![0; record.length()];
        file.read_exact_at(&mut bytes, record.offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => record.damaged(path),
            _ => read_fault(path)(error),
        })?;
        record.divide(&bytes).ok_or_else(|| record.damaged(path))?;
        bytes.truncate(bytes.len() - AFTER);
        bytes.drain(..BEFORE + usize::from(record.key));
        Ok(bytes)
    }

    fn bundle_at(&self, graph: &Graph, place: Place) -> Result<Vec<u8>, Error> {
        let key = graph.key(place);
        let record = self.records.get(&*bundle_key(key.package, key.channel, key.csv_name));
        let (package, channel, name) = (key.package, key.channel, key.csv_name);
        let missing =
            || damaged(&self.digest_file, format!("package {package:?}, channel {channel:?}, bundle {name:?}"));
        self.read(*record.ok_or_else(missing)?)
    }

    fn without(&self, message: &[u8], left_out: &[u64], out: &mut Vec<u8>) -> Result<(), Error> {
        protobuf::frame_without(message, left_out, out).ok_or_else(|| damaged(&self.digest_file, "a bundle"))
    }
}

impl Store for Pogreb {
    fn bundle(&self, graph: &Graph, place: Place, _: &Stop) -> Result<Reply<Bundle>, Error> {
        let message = self.bundle_at(graph, place)?;
        let mut out = Vec::with_capacity(message.len() + 5);
        self.without(&message, &[field::REPLACES, field::SKIPS], &mut out)?;
        Ok(Reply::Encoded(out))
    }

    fn list(&self, graph: &Graph, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, Error> {
        let mut at = usize::try_from(from.0).unwrap_or(usize::MAX);
        let mut out = Vec::new();
        while let Some(place) = self.listing.get(at) {
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
            if out.len() >= PAGE {
                return Ok(Page { items: Reply::Encoded(out), next: Some(Cursor(at as u64)) });
            }
            let message = self.bundle_at(graph, *place)?;
            let content: &[u64] = &[field::CSV_JSON, field::OBJECT];
            self.without(&message, if protobuf::has_image(&message) { content } else { &[] }, &mut out)?;
            at += 1;
        }
        Ok(Page { items: Reply::Encoded(out), next: None })
    }

    fn blobs(&self, schema: &str, package: &str, from: Cursor, _: &Stop) -> Result<Page<Reply<Vec<Value>>>, Error> {
        let mut out = Vec::new();
        let Some(record) = self.records.get(format!("metas/{schema}/{package}").as_bytes()) else {
            return Ok(Page { items: Reply::Encoded(out), next: None });
        };
        let blobs = self.read(*record)?;
        let mut rest = usize::try_from(from.0).ok().and_then(|from| blobs.get(from..)).unwrap_or_default();
        while !rest.is_empty() && out.len() < PAGE {
            let first = rest
                .split_first_chunk()
                .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?));
            let (blob, later) = first.ok_or_else(|| record.damaged(&self.segments[record.segment].0))?;
            protobuf::frame(blob, &mut out);
            rest = later;
        }
        let next = (!rest.is_empty()).then_some(Cursor((blobs.len() - rest.len()) as u64));
        Ok(Page { items: Reply::Encoded(out), next })
    }
}

impl Digested for Pogreb {
    fn digest_file(&self) -> &Path {
        &self.digest_file
    }

    fn compute(&self, root: &Path, stop: &Stop) -> Result<String, Error> {
        let mut hash = Fnv::new();
        // As many files at a time as keep all cores busy; the hash is made of one byte after the other.
        for files in walk::files(root)?.chunks(rayon::current_num_threads() * 2) {
            let blobs: Vec<Result<Vec<u8>, Error>> = files.par_iter().map(|path| blobs(path)).collect();
            for blobs in blobs {
                hash.update(&blobs?);
            }
            if stop.is_asked() {
                return Err(Error::Stopped);
            }
        }
        for (key, record) in &self.records {
            hash.update(key);
            hash.update(&self.read(*record)?);
        }
        Ok(hash.digits())
    }
}

/// The normal forms of all documents in a file, each with a line feed.
fn blobs(path: &Path) -> Result<Vec<u8>, Error> {
    let text = fs::read(path).map_err(read_fault(path))?;
    let mut out = Vec::new();
    for document in Documents::new(&text) {
        let document = document.map_err(|source| crate::Error::Syntax { file: path.to_owned(), source })?;
        if !document.value.is_null() {
            json::write_blob(&document.value, &mut out);
            out.push(b'\n');
        }
    }
    Ok(out)
}
