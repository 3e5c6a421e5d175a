//! Directories as the tar streams that the reference makes of them, to be hashed.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use opm_model::Stop;

use super::super::error::{Error, read_fault};

const BLOCK: usize = 512;
/// The room for a name in a header, and for what comes before it.
const NAME: usize = 100;
const PREFIX: usize = 155;

/// Streams a directory: itself, then what is in it by name, without links.
pub(super) fn stream(root: &Path, stop: &Stop, out: &mut impl FnMut(&[u8])) -> Result<(), Error> {
    let meta = fs::metadata(root).map_err(read_fault(root))?;
    entry(root, ".", &meta, out)?;
    if meta.is_dir() {
        directory(root, "", stop, out)?;
    }
    out(&[0; 2 * BLOCK]);
    Ok(())
}

fn directory(path: &Path, below: &str, stop: &Stop, out: &mut impl FnMut(&[u8])) -> Result<(), Error> {
    let fault = read_fault(path);
    let mut names = Vec::new();
    for found in fs::read_dir(path).map_err(&fault)? {
        names.push(found.map_err(&fault)?.file_name());
    }
    names.sort();
    for name in names {
        if stop.is_asked() {
            return Err(Error::Stopped);
        }
        let path = path.join(&name);
        let meta = fs::symlink_metadata(&path).map_err(read_fault(&path))?;
        if meta.is_symlink() {
            continue;
        }
        let name = name.to_string_lossy();
        let name = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
        entry(&path, &name, &meta, out)?;
        if meta.is_dir() {
            directory(&path, &name, stop, out)?;
        }
    }
    Ok(())
}

fn entry(path: &Path, name: &str, meta: &Metadata, out: &mut impl FnMut(&[u8])) -> Result<(), Error> {
    if !meta.is_dir() && !meta.is_file() {
        let source = std::io::Error::other("it is neither a file nor a directory");
        return Err(read_fault(path)(source));
    }
    let mode = meta.permissions().mode() & 0o7777;
    let (kind, size) = if meta.is_dir() { (b'5', 0) } else { (b'0', meta.len()) };
    if name.is_ascii() && name.len() <= NAME {
        out(&header(name, "", mode, size, kind));
    } else if let Some((prefix, rest)) = split(name) {
        out(&header(rest, prefix, mode, size, kind));
    } else {
        let ascii: String = name.chars().filter(char::is_ascii).collect();
        let record = pax_record("path", name);
        let (before, last) = name.rsplit_once('/').unwrap_or(("", name));
        let joined =
            if before.is_empty() { format!("PaxHeaders.0/{last}") } else { format!("{before}/PaxHeaders.0/{last}") };
        let joined: String = joined.chars().filter(char::is_ascii).take(NAME).collect();
        out(&header(joined.trim_end_matches('/'), "", 0, record.len() as u64, b'x'));
        padded(record.as_bytes(), out);
        out(&header(&ascii, "", mode, size, kind));
    }
    if meta.is_file() {
        content(path, size, out)?;
    }
    Ok(())
}

fn content(path: &Path, size: u64, out: &mut impl FnMut(&[u8])) -> Result<(), Error> {
    let fault = read_fault(path);
    let mut file = File::open(path).map_err(&fault)?.take(size);
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let length = file.read(&mut buffer).map_err(&fault)?;
        if length == 0 {
            break;
        }
        out(&buffer[..length]);
        total += length as u64;
    }
    if total < size {
        return Err(fault(std::io::ErrorKind::UnexpectedEof.into()));
    }
    pad(total, out);
    Ok(())
}

fn padded(bytes: &[u8], out: &mut impl FnMut(&[u8])) {
    out(bytes);
    pad(bytes.len() as u64, out);
}

fn pad(length: u64, out: &mut impl FnMut(&[u8])) {
    let rest = usize::try_from(length % BLOCK as u64).unwrap_or(0);
    out(&[0; BLOCK][..(BLOCK - rest) % BLOCK]);
}

/// A long name in the two parts that a header has room for.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME || !name.is_ascii() {
        return None;
    }
    let length = if name.len() > PREFIX + 1 { PREFIX + 1 } else { name.len() };
    let at = name[..length].rfind('/')?;
    let rest = &name[at + 1..];
    (at > 0 && at <= PREFIX && !rest.is_empty() && rest.len() <= NAME).then(|| (&name[..at], rest))
}

/// A record of an extended header: its length, which counts itself, a key and a value.
fn pax_record(key: &str, value: &str) -> String {
    let length = key.len() + value.len() + 3;
    let mut total = length + length.to_string().len();
    total = length + total.to_string().len();
    format!("{total} {key}={value}\n")
}

fn header(name: &str, prefix: &str, mode: u32, size: u64, kind: u8) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, room: usize, bytes: &[u8]| {
        let length = bytes.len().min(room);
        header[at..at + length].copy_from_slice(&bytes[..length]);
    };
    put(0, NAME, name.as_bytes());
    put(100, 8, format!("{mode:07o}\0").as_bytes());
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    put(124, 12, &octal_size(size));
    put(136, 12, b"00000000000\0");
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(257, 8, b"ustar\x0000");
    if kind != b'x' {
        put(329, 8, b"0000000\0");
        put(337, 8, b"0000000\0");
    }
    put(345, PREFIX, prefix.as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn octal_size(size: u64) -> Vec<u8> {
    format!("{size:011o}\0").into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs::{self, Permissions};

    use super::*;

    fn streamed(root: &Path) -> Vec<u8> {
        let mut out = Vec::new();
        stream(root, &Stop::new(), &mut |bytes| out.extend_from_slice(bytes)).unwrap();
        out
    }

    fn text(field: &[u8]) -> String {
        String::from_utf8(field.split(|byte| *byte == 0).next().unwrap().to_vec()).unwrap()
    }

    /// Name with prefix, mode, size and kind of each entry, with the content where it is a file.
    fn entries(mut bytes: &[u8]) -> Vec<String> {
        let mut entries = Vec::new();
        while bytes[0] != 0 {
            let (header, rest) = bytes.split_at(BLOCK);
            let mut unsigned = header.to_vec();
            unsigned[148..156].fill(b' ');
            let sum: u32 = unsigned.iter().map(|byte| u32::from(*byte)).sum();
            assert_eq!(text(&header[148..156]), format!("{sum:06o}"));
            let size = usize::from_str_radix(&text(&header[124..136]), 8).unwrap();
            let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
            let (content, padding) = rest[..size.next_multiple_of(BLOCK)].split_at(size);
            assert!(padding.iter().all(|byte| *byte == 0));
            let kind = char::from(header[156]);
            let content = String::from_utf8_lossy(content).trim_end().to_owned();
            entries.push(format!("{kind} {} {prefix}|{name} {content}", text(&header[100..108])));
            bytes = &rest[size.next_multiple_of(BLOCK)..];
        }
        assert!(bytes == [0; 2 * BLOCK]);
        entries
    }

    #[test]
    fn directories_become_streams() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let (long, deep) = ("l".repeat(120), "d".repeat(90));
        fs::create_dir_all(at(&deep)).unwrap();
        fs::create_dir(at("a")).unwrap();
        for (name, content) in
            [("a.b", "1"), ("a/c", "22"), (&long, "3"), ("u\u{fc}", "4"), (&format!("{deep}/{deep}"), "5")]
        {
            fs::write(at(name), content).unwrap();
            fs::set_permissions(at(name), Permissions::from_mode(0o640)).unwrap();
        }
        for name in ["", "a", &deep] {
            fs::set_permissions(at(name), Permissions::from_mode(0o750)).unwrap();
        }
        std::os::unix::fs::symlink("a", at("link")).unwrap();
        let wanted = [
            "5 0000750 |. ".to_owned(),
            "5 0000750 |a ".to_owned(),
            "0 0000640 |a/c 22".to_owned(),
            "0 0000640 |a.b 1".to_owned(),
            format!("5 0000750 |{deep} "),
            format!("0 0000640 {deep}|{deep} 5"),
            format!("x 0000000 |PaxHeaders.0/{} 130 path={long}", "l".repeat(87)),
            format!("0 0000640 |{} 3", "l".repeat(100)),
            "x 0000000 |PaxHeaders.0/u 12 path=u\u{fc}".to_owned(),
            "0 0000640 |u 4".to_owned(),
        ];
        assert_eq!(entries(&streamed(root.path())), wanted);
    }
}
