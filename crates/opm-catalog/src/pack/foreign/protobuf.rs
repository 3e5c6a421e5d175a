//! As much of protobuf as it takes to leave fields out of a message.

use opm_model::Gvk;

/// The numbers of the fields of `api.Bundle`.
pub(super) mod field {
    pub(crate) const CSV_JSON: u64 = 4;
    pub(crate) const OBJECT: u64 = 5;
    pub(crate) const BUNDLE_PATH: u64 = 6;
    pub(crate) const PROVIDED_APIS: u64 = 7;
    pub(crate) const REPLACES: u64 = 13;
    pub(crate) const SKIPS: u64 = 14;
}

/// A field of a message.
struct Field<'a> {
    number: u64,
    /// All of it, with number and length.
    whole: &'a [u8],
    /// Its content, if it has a length.
    content: Option<&'a [u8]>,
}

/// The fields of a message; `None` for what is none, after which nothing comes.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = Self::first(self.0);
        self.0 = field.as_ref().map_or(&[], |field| &self.0[field.whole.len()..]);
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn first(bytes: &'a [u8]) -> Option<Field<'a>> {
        let mut rest = bytes;
        let tag = varint(&mut rest)?;
        let mut content = None;
        let length = match tag & 7 {
            0 => {
                varint(&mut rest)?;
                0
            }
            1 => 8,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                content = Some(rest.get(..length)?);
                length
            }
            5 => 4,
            _ => return None,
        };
        rest = rest.get(length..)?;
        Some(Field { number: tag >> 3, whole: &bytes[..bytes.len() - rest.len()], content })
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A message as the service sends it.
pub(super) fn frame(message: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    out.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(message);
}

/// Appends a message without these fields, as the service sends it. `None` if it is no message.
pub(super) fn frame_without(message: &[u8], left_out: &[u64], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    frame(&[], out);
    for field in Fields(message) {
        let field = field?;
        if !left_out.contains(&field.number) {
            out.extend_from_slice(field.whole);
        }
    }
    let length = u32::try_from(out.len() - start - 5).ok()?;
    out[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
    Some(())
}

/// Whether an `api.Bundle` names an image.
pub(super) fn has_image(message: &[u8]) -> bool {
    let is_image = |field: &Field<'_>| field.number == field::BUNDLE_PATH;
    Fields(message).flatten().filter(is_image).any(|field| field.content.is_some_and(|content| !content.is_empty()))
}

/// What an `api.Bundle` provides. `None` if it is no message.
pub(super) fn provided_apis(message: &[u8]) -> Option<Vec<Gvk>> {
    let mut apis = Vec::new();
    for field in Fields(message) {
        let field = field?;
        if field.number == field::PROVIDED_APIS {
            let mut api = Gvk::default();
            for part in Fields(field.content?) {
                let part = part?;
                let text = || part.content.map(|content| String::from_utf8_lossy(content).into_owned());
                match part.number {
                    1 => api.group = text()?,
                    2 => api.version = text()?,
                    3 => api.kind = text()?,
                    _ => {}
                }
            }
            apis.push(api);
        }
    }
    Some(apis)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn fields_are_left_out_and_the_rest_stays() {
        let message = b"\x0a\x01n\x22\x02{}\x2a\x01o\x2a\x00\x30\x96\x01\x09\x01\x02\x03\x04\x05\x06\x07\x08\x7a\x00";
        let without = |fields: &[u64]| {
            let mut out = Vec::new();
            frame_without(message, fields, &mut out).unwrap();
            out
        };
        assert_eq!(without(&[])[5..], *message);
        assert_eq!(without(&[4, 5]), b"\0\0\0\0\x11\x0a\x01n\x30\x96\x01\x09\x01\x02\x03\x04\x05\x06\x07\x08\x7a\x00");
        for end in [1, 2, 8, 14, 18] {
            assert_eq!(frame_without(&message[..end], &[], &mut Vec::new()), None, "{end}");
        }
        assert_eq!(frame_without(b"\x0b", &[], &mut Vec::new()), None);
    }

    #[test]
    fn apis_and_images_are_found() {
        let message = b"\x3a\x09\x0a\x01g\x12\x01v\x1a\x01K\x32\x01i";
        assert_eq!(provided_apis(message).unwrap(), [Gvk::new("g", "v", "K")]);
        assert!(has_image(message));
        assert!(!has_image(b"\x32\x00"));
        assert_eq!(provided_apis(b"\x3a\x02\x0a\x05"), None);
    }
}
