//! Where a JSON value ends.

use super::compact::string_end;
use super::read::Reader;

/// Looks for the end of a value in a text that may not have all of it yet. Nothing is checked: a broken value has an end, too,
/// which is after its fault.
#[derive(Debug)]
pub(crate) struct End {
    at: usize,
    depth: usize,
    is_string: bool,
    open: u8,
    close: u8,
}

impl End {
    /// `text` begins with the value.
    pub(crate) fn new(text: &[u8]) -> Self {
        let (open, close) = if text.first() == Some(&b'[') { (b'[', b']') } else { (b'{', b'}') };
        Self { at: 0, depth: 0, is_string: false, open, close }
    }

    /// The end, if it is in the text, which may be longer than it was when asked before.
    pub(crate) fn find(&mut self, text: &[u8]) -> Option<usize> {
        match text.first()? {
            b'{' | b'[' => self.container(text),
            b'"' => {
                let end = string_end(text, 0);
                (text[..end].len() > 1 && text[end - 1] == b'"' && end < text.len()).then_some(end)
            }
            _ => scalar(text),
        }
    }

    fn container(&mut self, text: &[u8]) -> Option<usize> {
        loop {
            if self.is_string {
                let length = memchr::memchr2(b'"', b'\\', &text[self.at..])?;
                let at = self.at + length;
                if text[at] == b'\\' {
                    // What follows belongs to it; if that is not there yet, it is looked at again.
                    self.at = at;
                    text.get(at + 1)?;
                    self.at = at + 2;
                    continue;
                }
                self.is_string = false;
                self.at = at + 1;
            }
            let Some(length) = memchr::memchr3(b'"', self.open, self.close, &text[self.at..]) else {
                self.at = text.len();
                return None;
            };
            let byte = text[self.at + length];
            self.at += length + 1;
            if byte == b'"' {
                self.is_string = true;
            } else if byte == self.open {
                self.depth += 1;
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Some(self.at);
                }
            }
        }
    }
}

/// The end of a number or word. What follows these in the text they may be broken by, so that some of it belongs to them.
fn scalar(text: &[u8]) -> Option<usize> {
    const BEYOND: usize = 4;
    let run = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    if run + BEYOND > text.len() {
        return None;
    }
    let mut reader = Reader::new(&text[..run + BEYOND], 0);
    Some(if reader.next_value().is_ok() { reader.at } else { run + BEYOND })
}
