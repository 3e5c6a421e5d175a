//! Tar files with any content, however wrong.

use std::io::Write;

use tar::{EntryType, Header};

/// One entry of an archive. Paths are written as given.
#[derive(Debug, Clone)]
pub struct Entry {
    path: Vec<u8>,
    kind: EntryType,
    target: Vec<u8>,
    content: Vec<u8>,
    mode: u32,
}

impl Entry {
    fn new(path: impl AsRef<[u8]>, kind: EntryType) -> Self {
        Self { path: path.as_ref().to_owned(), kind, target: Vec::new(), content: Vec::new(), mode: 0o600 }
    }

    /// A file.
    pub fn file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self { content: content.as_ref().to_owned(), ..Self::new(path, EntryType::Regular) }
    }

    /// A directory.
    pub fn dir(path: impl AsRef<[u8]>) -> Self {
        Self { mode: 0o700, ..Self::new(path, EntryType::Directory) }
    }

    /// A symbolic link.
    pub fn symlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self { target: target.as_ref().to_owned(), ..Self::new(path, EntryType::Symlink) }
    }

    /// A hard link.
    pub fn hard_link(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self { target: target.as_ref().to_owned(), ..Self::new(path, EntryType::Link) }
    }

    /// A character device.
    pub fn device(path: impl AsRef<[u8]>) -> Self {
        Self::new(path, EntryType::Char)
    }

    /// A named pipe.
    pub fn fifo(path: impl AsRef<[u8]>) -> Self {
        Self::new(path, EntryType::Fifo)
    }

    /// An extended header for the next entry, with one record.
    pub fn extended(key: &str, value: &str) -> Self {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let length = (rest + 1..rest + 9).find(|length| length - rest == length.to_string().len()).unwrap_or(rest);
        Self { content: format!("{length} {key}={value}\n").into_bytes(), ..Self::new("pax", EntryType::XHeader) }
    }

    /// A whiteout: an empty file.
    pub fn whiteout(path: impl AsRef<[u8]>) -> Self {
        Self::file(path, "")
    }

    /// With another mode than 0600, or 0700 for directories.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        for (long, kind) in [(&self.path, EntryType::GNULongName), (&self.target, EntryType::GNULongLink)] {
            if long.len() > 100 {
                let mut content = long.clone();
                content.push(0);
                write_one(out, b"././@LongLink", kind, b"", &content, 0o644);
            }
        }
        write_one(out, &self.path, self.kind, &self.target, &self.content, self.mode);
    }
}

fn write_one(out: &mut Vec<u8>, path: &[u8], kind: EntryType, target: &[u8], content: &[u8], mode: u32) {
    let mut header = Header::new_gnu();
    {
        let fields = header.as_old_mut();
        let length = path.len().min(100);
        fields.name[..length].copy_from_slice(&path[..length]);
        let length = target.len().min(100);
        fields.linkname[..length].copy_from_slice(&target[..length]);
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(1234);
    header.set_gid(1234);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// An uncompressed archive.
pub fn archive<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        entry.write(&mut out);
    }
    out.extend_from_slice(&[0; 1024]);
    out
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
