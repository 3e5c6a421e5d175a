//! Answers as they are stored: bytes of their own, and texts that many answers share.
//!
//! A recipe is a sequence of pairs: a length and as many bytes of its own; a length and the offset of a text in the data. The
//! last text may be missing. Numbers are unsigned LEB128.

use memchr::memmem;

use super::Error;
use super::blocks::Window;
use super::format::Span;

/// The length in bytes from which on a text is worth sharing.
pub(super) const SHARED: usize = 256;
/// The length in bytes from which on what is between long strings is a piece of its own.
const GAP: usize = 64;
/// How much of a text is looked for before the whole is compared.
const PROBE: usize = 64;
/// How many places are compared with a text before it is given up.
const CANDIDATES: usize = 16;
/// The longest number, in bytes.
const VARINT: usize = 10;

/// A piece of an encoded answer.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Own(Vec<u8>),
    /// The number of a text.
    Text(usize),
}

/// Divides an encoded answer. `texts` are those that may be in it, with their numbers, in the order in which they are.
pub(super) fn divide<'t>(encoded: &[u8], texts: impl IntoIterator<Item = (usize, &'t str)>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for (number, text) in texts {
        if let Some(at) = find(&encoded[done..], text.as_bytes()) {
            if at > 0 {
                pieces.push(Piece::Own(encoded[done..done + at].to_vec()));
            }
            pieces.push(Piece::Text(number));
            done += at + text.len();
        }
    }
    if done < encoded.len() {
        pieces.push(Piece::Own(encoded[done..].to_vec()));
    }
    pieces
}

/// Cuts JSON text at its long strings, which are likely to be in other texts too. All pieces together are the text.
pub(super) fn cut(json: &str) -> Vec<&str> {
    let bytes = json.as_bytes();
    let mut pieces = Vec::new();
    let (mut done, mut at) = (0, 0);
    while let Some(open) = memchr::memchr(b'"', &bytes[at..]) {
        let start = at + open;
        let mut end = start + 1;
        while let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[end..]) {
            end += next;
            if bytes[end] == b'"' {
                break;
            }
            end = (end + 2).min(bytes.len());
        }
        if end - start >= SHARED {
            // A short piece, like the key of the string, stays with the string.
            if start - done >= GAP {
                pieces.push(&json[done..start]);
                done = start;
            }
            pieces.push(&json[done..end]);
            done = end;
        }
        at = (end + 1).min(bytes.len());
    }
    pieces.push(&json[done..]);
    pieces
}

/// Like [`memmem::find`], but without preparing for the whole of a long needle, which is near. One that hides behind its likes is
/// not found, which costs space and nothing else.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let probe = &needle[..needle.len().min(PROBE)];
    memmem::find_iter(haystack, probe).take(CANDIDATES).find(|at| haystack[*at..].starts_with(needle))
}

/// Appends the recipe for these pieces, given where the texts are, and returns the length of what it makes. Texts that follow each
/// other in the data, too, become one.
pub(super) fn write(pieces: &[Piece], text: impl Fn(usize) -> Span, out: &mut Vec<u8>) -> u64 {
    let mut sent = 0;
    let mut pieces = pieces.iter().peekable();
    while pieces.peek().is_some() {
        let own = pieces.next_if(|piece| matches!(piece, Piece::Own(_)));
        let own = if let Some(Piece::Own(bytes)) = own { &bytes[..] } else { &[] };
        varint(own.len() as u64, out);
        out.extend_from_slice(own);
        sent += own.len() as u64;
        let mut joined: Option<Span> = None;
        while let Some(Piece::Text(number)) = pieces.peek() {
            let next = text(*number);
            match &mut joined {
                None => joined = Some(next),
                Some(span) if span.offset + span.length == next.offset => span.length += next.length,
                Some(_) => break,
            }
            pieces.next();
        }
        if let Some(span) = joined {
            varint(span.length, out);
            varint(span.offset, out);
            sent += span.length;
        }
    }
    sent
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The parts of the data that an answer is made of, one after the other.
pub(super) struct Parts<'w, 'a> {
    window: &'w mut Window<'a>,
    at: u64,
    end: u64,
    is_text_next: bool,
    /// How far to read ahead.
    ahead: usize,
}

/// Where the bytes of a part are: in the recipe, or in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) is_text: bool,
    pub(super) span: Span,
}

impl<'w, 'a> Parts<'w, 'a> {
    /// The parts of the answer whose recipe is here.
    pub(super) fn new(window: &'w mut Window<'a>, recipe: Span, ahead: usize) -> Self {
        Self { window, at: recipe.offset, end: recipe.offset + recipe.length, is_text_next: false, ahead }
    }

    pub(super) fn next(&mut self) -> Result<Option<Part>, Error> {
        if self.at >= self.end {
            return Ok(None);
        }
        let length = self.number()?;
        let is_text = self.is_text_next;
        self.is_text_next = !is_text;
        if is_text {
            let offset = self.number()?;
            return Ok(Some(Part { is_text, span: Span { offset, length } }));
        }
        let span = Span { offset: self.at, length };
        self.at = self.at.checked_add(length).filter(|at| *at <= self.end).ok_or_else(|| self.damaged())?;
        Ok(Some(Part { is_text, span }))
    }

    fn damaged(&self) -> Error {
        self.window.blocks.damaged(self.at)
    }

    fn number(&mut self) -> Result<u64, Error> {
        let length = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(VARINT);
        let bytes = self.window.get(self.at, length, self.ahead)?;
        let mut number = 0_u64;
        for (shift, byte) in (0..).step_by(7).zip(bytes) {
            self.at += 1;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.window.blocks.damaged(self.at))
    }
}

/// How much is read at a time, in bytes, so that a long text needs no more memory than the answer.
const PIECE: u64 = 64 << 10;

/// Appends a part of the data.
pub(super) fn read(window: &mut Window<'_>, span: Span, ahead: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    let Span { mut offset, mut length } = span;
    while length > 0 {
        let now = length.min(PIECE);
        out.extend_from_slice(window.get(offset, usize::try_from(now).unwrap_or(usize::MAX), ahead)?);
        offset = offset.saturating_add(now);
        length -= now;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_divided_at_the_texts_that_are_in_them() {
        let long = "x".repeat(200);
        let almost = format!("{}y", "x".repeat(100));
        for (encoded, texts, expected) in [
            ("", vec![], vec![]),
            ("abc", vec![], vec!["abc"]),
            ("abc", vec!["b"], vec!["a", "#0", "c"]),
            ("abc", vec!["b", "zz", "c"], vec!["a", "#0", "#2"]),
            ("abc", vec!["c", "b"], vec!["ab", "#0"]),
            ("bb", vec!["b", "b", "b"], vec!["#0", "#1"]),
            (&format!("{almost}{long}!"), vec![&long], vec![&almost, "#0", "!"]),
        ] {
            let pieces = divide(encoded.as_bytes(), texts.into_iter().enumerate());
            let shown: Vec<String> = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Own(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Piece::Text(number) => format!("#{number}"),
                })
                .collect();
            assert_eq!(shown, expected);
        }
    }
}
