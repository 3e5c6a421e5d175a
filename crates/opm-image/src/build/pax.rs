//! What does not fit into the header of a tar entry: extended headers of POSIX.1-2001.

use std::io::{self, Write};

use tar::{EntryType, Header};

/// A record of a pax header (POSIX.1-2001): its own length in decimal, a key and a value.
pub(super) fn record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    records.extend_from_slice(format!("{length}{rest}").as_bytes());
}

/// As much of a text as a field holds; the record has all of it.
pub(super) fn put(field: &mut [u8], text: &str) {
    let length = text.floor_char_boundary(field.len() - 1);
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

/// The header that says of the entry after it what does not fit into that one's own.
pub(super) fn extension(records: &[u8], mtime: u64, tar: &mut impl Write) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    header.set_mode(0o644);
    header.set_mtime(mtime);
    header.set_size(records.len() as u64);
    put(&mut header.as_old_mut().name, "pax");
    header.set_cksum();
    tar.write_all(header.as_bytes())?;
    tar.write_all(records)?;
    let padding = records.len().next_multiple_of(512) - records.len();
    tar.write_all(&[0; 512][..padding])
}
