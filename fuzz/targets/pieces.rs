//! Inputs of several parts: each begins with a line `=== NAME`, so that seeds can be read and written by hand.

/// The parts by name, in their order. What is before the first has the name "".
pub fn pieces(data: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    let (mut name, mut begin, mut at) = (String::new(), 0, 0);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(next) = line.strip_prefix(b"=== ") {
            found.push((name, data[begin..at].strip_suffix(b"\n").unwrap_or(&data[begin..at])));
            name = String::from_utf8_lossy(next.trim_ascii()).into_owned();
            begin = at + line.len();
        }
        at += line.len();
    }
    found.push((name, &data[begin..]));
    found.retain(|(name, content)| !name.is_empty() || !content.is_empty());
    found
}
