//! Media types of images, by their content.

use crate::Error;

/// The media type of an image file with this content.
pub(crate) fn of_image(data: &[u8]) -> Result<&'static str, Error> {
    if data.is_empty() {
        return Err(Error::Usage("detect icon mediatype: the file is empty".to_owned()));
    }
    let known = FORMATS.iter().find(|(_, is_format)| is_format(data)).map(|(media_type, _)| *media_type);
    known.ok_or_else(|| Error::Usage("detected invalid type: the icon is not an image of a known format".to_owned()))
}

type Test = fn(&[u8]) -> bool;

const FORMATS: [(&str, Test); 14] = [
    ("image/jpeg", |d| d.starts_with(b"\xff\xd8\xff")),
    ("image/jp2", |d| d.starts_with(b"\0\0\0\x0cjP  \r\n\x87\n\0")),
    ("image/png", |d| d.starts_with(b"\x89PNG")),
    ("image/gif", |d| d.starts_with(b"GIF")),
    ("image/webp", |d| d.get(8..12) == Some(b"WEBP")),
    ("image/x-canon-cr2", |d| is_tiff(d) && is_cr2(d)),
    ("image/tiff", |d| is_tiff(d) && !is_cr2(d)),
    ("image/bmp", |d| d.starts_with(b"BM")),
    ("image/vnd.ms-photo", |d| d.starts_with(b"II\xbc")),
    ("image/vnd.adobe.photoshop", |d| d.starts_with(b"8BPS")),
    ("image/vnd.microsoft.icon", |d| d.starts_with(b"\0\0\x01\0")),
    ("image/heif", is_heif),
    ("image/vnd.dwg", |d| d.starts_with(b"AC10")),
    ("image/svg+xml", is_svg),
];

fn is_tiff(data: &[u8]) -> bool {
    data.len() > 10 && (data.starts_with(b"II*\0") || data.starts_with(b"MM\0*"))
}

fn is_cr2(data: &[u8]) -> bool {
    data.get(8..11) == Some(b"CR\x02")
}

fn is_heif(data: &[u8]) -> bool {
    let (Some(length), Some(b"ftyp"), Some(major)) = (data.first_chunk::<4>(), data.get(4..8), data.get(8..12)) else {
        return false;
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let Some(brands) = data.get(16..length) else { return false };
    major == b"heic" || matches!(major, b"mif1" | b"msf1") && brands.chunks_exact(4).any(|brand| brand == b"heic")
}

/// One `svg` element, perhaps after an XML declaration and a document type; comments do not count.
fn is_svg(data: &[u8]) -> bool {
    if data.len() >= 24 && data[..24].iter().any(|byte| *byte <= 8) {
        return false;
    }
    let text = String::from_utf8_lossy(data).to_ascii_lowercase();
    let mut without_comments = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, comment)) = rest.split_once("<!--") {
        let Some((_, after)) = comment.split_once("-->") else { break };
        without_comments.push_str(before);
        rest = after;
    }
    without_comments.push_str(rest);
    let mut text = without_comments.trim();
    for prolog in ["<?xml", "<!doctype svg"] {
        if let Some((_, after)) = text.strip_prefix(prolog).and_then(|inner| inner.split_once('>')) {
            text = after.trim_start();
        }
    }
    let body = text.strip_prefix("<svg").and_then(|inner| inner.split_once('>')).map(|(_, body)| body);
    body.and_then(|body| body.strip_suffix("</svg>")).is_some_and(|body| !body.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        for (data, expected) in [
            (&b"\xff\xd8\xff\xe0"[..], Some("image/jpeg")),
            (b"\x89PNG\r\n", Some("image/png")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBP", Some("image/webp")),
            (b"II*\0\x10\0\0\0CR\x02", Some("image/x-canon-cr2")),
            (b"MM\0*\0\0\0\x08\0\0\0", Some("image/tiff")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some("image/heif")),
            (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", None),
            (b"<svg xmlns='x'><g/></svg>\n", Some("image/svg+xml")),
            (b"<?xml version='1.0'?>\n<!DOCTYPE svg PUBLIC 'x'>\n<!-- c --><SVG></SVG>", Some("image/svg+xml")),
            (b"<svg>*</svg>", None),
            (b"<html><svg></svg></html>", None),
            (b"text", None),
            (b"", None),
        ] {
            assert_eq!(of_image(data).ok(), expected, "{:?}", String::from_utf8_lossy(data));
        }
    }
}
