//! Strings in the style they need.

use super::style::{self, Style, is_break, is_printable};
use super::{Emitter, Manner, STEP};

/// Beyond this column a scalar may go on in the next line.
const WIDTH: usize = 80;

impl Emitter<'_> {
    /// Writes a string whose further lines begin in column `indent`; a key must not be folded.
    pub(super) fn string(&mut self, text: &str, indent: usize, fold: bool) -> Option<()> {
        if self.manner == Manner::Strict && needs_detour(text) {
            return None;
        }
        let style = if self.manner == Manner::Portable { style::choose_portable(text) } else { style::choose(text) };
        self.separate();
        match style {
            Style::Plain => self.plain(text, indent, fold),
            Style::Single => self.single_quoted(text, indent, fold),
            Style::Double => self.double_quoted(text, indent, fold),
            Style::Literal => {
                self.literal(text, indent);
                return Some(());
            }
        }
        self.whitespace = false;
        self.indention = false;
        Some(())
    }

    fn plain(&mut self, text: &str, indent: usize, fold: bool) {
        if !fold || self.column + text.len() <= WIDTH {
            return self.put(text);
        }
        let mut rest = text;
        let mut after_space = false;
        while let Some(length) = memchr::memchr(b' ', rest.as_bytes()) {
            self.put(&rest[..length]);
            self.indention &= length == 0;
            after_space &= length == 0;
            rest = &rest[length + 1..];
            if !after_space && self.column > WIDTH && !rest.starts_with(' ') {
                self.new_line(indent);
            } else {
                self.put(" ");
            }
            after_space = true;
        }
        self.put(rest);
    }

    fn single_quoted(&mut self, text: &str, indent: usize, fold: bool) {
        self.open_quote("'");
        let mut previous = '\'';
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let next = characters.clone().next();
            if character == ' ' {
                let first = characters.as_str().len() + 1 == text.len();
                let breakable = !first && previous != ' ' && !matches!(next, None | Some(' '));
                if fold && breakable && self.column > WIDTH {
                    self.new_line(indent);
                } else {
                    self.put(" ");
                }
            } else if is_break(character) {
                self.exotic_break(character);
            } else {
                if is_break(previous) {
                    self.new_line(indent);
                }
                if character == '\'' {
                    self.put("'");
                }
                self.character(character);
                self.indention = false;
            }
            previous = character;
        }
        if is_break(previous) {
            self.new_line(indent);
        }
        self.put("'");
    }

    fn double_quoted(&mut self, text: &str, indent: usize, fold: bool) {
        self.open_quote("\"");
        // The reference looks for the byte order mark only at the beginning, but does so for every character.
        let marked = text.starts_with('\u{feff}');
        let mut after_space = false;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let rest = characters.as_str();
            let first = rest.len() + character.len_utf8() == text.len();
            if character == ' ' {
                if fold && !after_space && self.column > WIDTH && !first && !rest.is_empty() {
                    self.new_line(indent);
                    if rest.starts_with(' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
            } else if marked || !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                self.put(&escape(character));
                self.indention = false;
            } else {
                self.character(character);
                self.indention = false;
            }
            after_space = character == ' ';
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with(|first| first == ' ' || is_break(first)) {
            self.put(&STEP.to_string());
        }
        let mut end = text.chars().rev();
        match (end.next().is_some_and(is_break), end.next().is_none_or(is_break)) {
            (false, _) => self.put("-"),
            (true, true) => self.put("+"),
            (true, false) => {}
        }
        self.line_break();
        self.indention = true;
        self.whitespace = true;
        let exotic = text.contains(['\u{2028}', '\u{2029}']);
        let mut rest = text;
        while !rest.is_empty() {
            let end = if exotic { rest.find(is_break) } else { memchr::memchr(b'\n', rest.as_bytes()) };
            let line = &rest[..end.unwrap_or(rest.len())];
            if !line.is_empty() {
                self.new_line(indent);
                self.put(line);
                self.indention = false;
            }
            rest = &rest[line.len()..];
            if let Some(character) = rest.chars().next() {
                match character {
                    '\n' => self.line_break(),
                    _ => self.exotic_break(character),
                }
                self.indention = true;
                rest = &rest[character.len_utf8()..];
            }
        }
    }

    fn open_quote(&mut self, quote: &str) {
        self.put(quote);
        self.whitespace = false;
        self.indention = false;
    }

    fn character(&mut self, character: char) {
        self.put(character.encode_utf8(&mut [0; 4]));
    }

    /// A line break that is written as it is.
    fn exotic_break(&mut self, character: char) {
        self.character(character);
        self.column = 0;
        self.indention = true;
    }
}

/// What stands for a character that cannot be written.
fn escape(character: char) -> String {
    let short = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => character,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(character) {
                code @ ..0x100 => format!("\\x{code:02X}"),
                code @ ..0x1_0000 => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// Whether a YAML parser that reads the string as JSON refuses or changes it: DEL, C1 controls with U+0085, U+FFFE and
/// U+FFFF.
fn needs_detour(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(0x7F, 0xC2, 0xEF, bytes)
        .any(|at| matches!(bytes[at..], [0x7F, ..] | [0xC2, ..0xA0, ..] | [0xEF, 0xBF, 0xBE | 0xBF, ..]))
}
