//! Whether a catalog is still the one that a pack was made of.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rayon::prelude::*;

use super::error::{Error, read_fault};
use crate::walk;

/// The BLAKE3 digest of a catalog's files: of their paths below the root and their bytes, in the order in which they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the digest begins with, so that it is no other tool's.
const DOMAIN: &[u8] = b"opm-pack sources 1\0";
/// The bytes of a file that are hashed by themselves, so that all cores have work even where there is one file.
const CHUNK: u64 = 1 << 20;

struct Chunk {
    file: usize,
    offset: u64,
    length: usize,
}

/// The digest of the catalog at `root`, a directory (see [`crate::files`]) or a single file.
///
/// It is that of `opm-pack sources 1` and a zero byte, followed for each file by the length of its path (64 bits, as all lengths
/// little-endian), the path relative to the root (empty if the root is the file), the file's length, and the BLAKE3 digests of its
/// pieces of 1 MiB.
pub fn digest(root: impl AsRef<Path>) -> Result<Digest, Error> {
    let root = root.as_ref();
    let paths = walk::files(root)?;
    let files: Vec<(&Path, u64, Option<File>)> =
        paths.par_iter().map(|path| look(path)).collect::<Result<_, Error>>()?;
    let mut chunks = Vec::new();
    for (file, (_, length, _)) in files.iter().enumerate() {
        let mut offset = 0;
        while offset < *length {
            let now = (length - offset).min(CHUNK);
            chunks.push(Chunk { file, offset, length: usize::try_from(now).unwrap_or(usize::MAX) });
            offset += now;
        }
    }
    let hashes: Vec<[u8; 32]> = chunks
        .par_iter()
        .map(|chunk| {
            let (path, _, file) = &files[chunk.file];
            hash(chunk, path, file.as_ref())
        })
        .collect::<Result<_, Error>>()?;
    let mut whole = blake3::Hasher::new();
    whole.update(DOMAIN);
    let mut hashes = chunks.iter().zip(&hashes).peekable();
    for (number, (path, length, _)) in files.iter().enumerate() {
        let below = path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes();
        whole.update(&(below.len() as u64).to_le_bytes());
        whole.update(below);
        whole.update(&length.to_le_bytes());
        while let Some((_, hash)) = hashes.next_if(|(chunk, _)| chunk.file == number) {
            whole.update(hash);
        }
    }
    Ok(Digest(*whole.finalize().as_bytes()))
}

/// A file's length; the file, open, if it has several chunks. Small ones are not kept open: there may be more of them than a process
/// may open.
fn look(path: &Path) -> Result<(&Path, u64, Option<File>), Error> {
    let fault = read_fault(path);
    let file = File::open(path).map_err(&fault)?;
    let length = file.metadata().map_err(&fault)?.len();
    Ok((path, length, (length > CHUNK).then_some(file)))
}

fn hash(chunk: &Chunk, path: &Path, file: Option<&File>) -> Result<[u8; 32], Error> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(chunk.length, 0);
        let read = match file {
            Some(file) => file.read_exact_at(buffer, chunk.offset),
            None => File::open(path).and_then(|file| file.read_exact_at(buffer, chunk.offset)),
        };
        read.map_err(read_fault(path))?;
        Ok(*blake3::hash(buffer).as_bytes())
    })
}
