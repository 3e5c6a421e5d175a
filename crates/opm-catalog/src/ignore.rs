//! `.indexignore`: which files below a catalog's root are no part of it.
//!
//! The patterns are those of `.gitignore` in the dialect of go-git. Unlike in git only files are decided, never
//! directories, so that a file may be included again below a directory that is excluded.

/// All patterns of a catalog, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// The directory of the file that has the pattern, as components below the root.
    domain: Vec<String>,
    includes: bool,
    only_directories: bool,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Any component of the path may match.
    Name(Segment),
    /// Components must match one after the other.
    Path(Vec<Segment>),
}

#[derive(Debug)]
enum Segment {
    /// Nothing, between slashes.
    Empty,
    /// `**`
    Any,
    Glob(Vec<Token>),
    /// It cannot match.
    Never,
}

#[derive(Debug)]
enum Token {
    One,
    Many,
    Char(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Matcher {
    /// Adds the patterns of a file in the directory `domain`.
    pub(crate) fn add(&mut self, domain: &[String], content: &str) {
        let lines = content.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        self.patterns.extend(lines.map(|line| Pattern::new(domain, line)));
    }

    /// Whether the file at this path, as components below the root, is excluded: the last pattern that matches decides.
    pub(crate) fn excludes(&self, path: &[String]) -> bool {
        self.patterns.iter().rev().find(|pattern| pattern.matches(path)).is_some_and(|pattern| !pattern.includes)
    }
}

impl Pattern {
    fn new(domain: &[String], line: &str) -> Self {
        let (includes, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let line = if line.ends_with("\\ ") { line } else { line.trim_end_matches(' ') };
        let (only_directories, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        let form = if line.contains('/') {
            Form::Path(line.split('/').map(segment).collect())
        } else {
            Form::Name(tokens(line).map_or(Segment::Never, Segment::Glob))
        };
        Self { domain: domain.to_vec(), includes, only_directories, form }
    }

    fn matches(&self, path: &[String]) -> bool {
        let Some(below) = path.strip_prefix(self.domain.as_slice()).filter(|below| !below.is_empty()) else {
            return false;
        };
        match &self.form {
            Form::Name(segment) => {
                let found = below.iter().position(|name| segment.matches(name));
                found.is_some_and(|at| !(self.only_directories && at + 1 == below.len()))
            }
            Form::Path(segments) => {
                matches_path(segments, below).is_some_and(|rest| !(self.only_directories && rest.is_empty()))
            }
        }
    }
}

/// What is left of the path after all segments matched.
fn matches_path<'a>(segments: &[Segment], mut path: &'a [String]) -> Option<&'a [String]> {
    let (mut matched, mut may_skip) = (false, false);
    for (index, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Any if index + 1 == segments.len() => break,
            Segment::Empty | Segment::Any => may_skip = true,
            Segment::Never => return None,
            Segment::Glob(_) if path.is_empty() => return None,
            Segment::Glob(_) if may_skip => {
                may_skip = false;
                let found = path.iter().position(|name| segment.matches(name));
                // Nothing found leaves nothing for further segments, and what was matched so far counts no more.
                matched = found.is_some();
                path = found.map_or(&[], |at| &path[at + 1..]);
            }
            Segment::Glob(_) => {
                matched = segment.matches(&path[0]);
                if !matched {
                    return None;
                }
                path = &path[1..];
            }
        }
    }
    matched.then_some(path)
}

impl Segment {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Glob(tokens) => matches_name(tokens, &name.chars().collect::<Vec<_>>()),
            Self::Empty | Self::Any | Self::Never => false,
        }
    }
}

fn segment(text: &str) -> Segment {
    match text {
        "" => Segment::Empty,
        "**" => Segment::Any,
        _ if text.contains("**") => Segment::Never,
        _ => tokens(text).map_or(Segment::Never, Segment::Glob),
    }
}

/// The tokens of a pattern for one name; `None` if it is malformed.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Many,
            '?' => Token::One,
            '\\' => Token::Char(chars.next()?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                    let low = class_char(&mut chars)?;
                    let high = if chars.next_if_eq(&'-').is_some() { class_char(&mut chars)? } else { low };
                    ranges.push((low, high));
                }
                Token::Class { negated, ranges }
            }
            c => Token::Char(c),
        });
    }
    Some(tokens)
}

/// The next character of a class; `None` where there must be one but is none.
fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

fn matches_name(tokens: &[Token], name: &[char]) -> bool {
    let (mut token, mut at) = (0, 0);
    // Where to go on if what follows the last star does not fit: that star takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(token), name.get(at)) {
            (None, None) => return true,
            (Some(Token::Many), _) => {
                retry = Some((token + 1, at));
                token += 1;
                continue;
            }
            (Some(expected), Some(c)) if expected.fits(*c) => {
                token += 1;
                at += 1;
                continue;
            }
            _ => {}
        }
        match retry {
            Some((after_star, end)) if end < name.len() => {
                retry = Some((after_star, end + 1));
                (token, at) = (after_star, end + 1);
            }
            _ => return false,
        }
    }
}

impl Token {
    fn fits(&self, c: char) -> bool {
        match self {
            Self::One | Self::Many => true,
            Self::Char(expected) => *expected == c,
            Self::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn patterns() {
        for (patterns, file, expected) in [
            ("*.md", "a/README.md", true),
            ("*.md", "README.mdx", false),
            ("a", "x/a/y", true),
            ("a/", "x/a/y", true),
            ("a/", "x/a", false),
            ("/a", "a", true),
            ("/a", "x/a", true), // An empty segment skips components, unlike in git.
            ("d/*.yaml", "d/a.yaml", true),
            ("d/*.yaml", "d/e/a.yaml", false),
            ("d/*", "d/e/a.yaml", true),
            ("**/a", "x/y/a", true),
            ("d/**/a", "d/a", true),
            ("d/**/a", "d/x/y/a", true),
            ("d/**", "d/x", true),
            ("d//a", "d/x/a", true),
            ("d/x**/a", "d/xy/a", false),
            ("d/a/", "d/a", false),
            ("d/a/", "d/a/b", true),
            ("*\n!keep", "keep", false),
            ("*\n!keep", "d/keep", false),
            ("d\n!d/keep", "d/keep", false),
            ("!a\na", "a", true),
            ("# a", "# a", false),
            ("[!a]", "b", false),
            ("[!a]", "!", true),
            ("[^a]", "b", true),
            ("[a-c]x", "bx", true),
            ("[c-a]x", "bx", false),
            ("[]a]", "a", false),
            ("[a", "a", false),
            ("[\\]]", "]", true),
            ("a\\", "a", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("*a*b", "xaybzb", true),
            ("?", "é", true),
            ("{a,b}", "a", false),
            ("A", "a", false),
            ("  a  ", "a", true),
        ] {
            let mut matcher = Matcher::default();
            matcher.add(&[], patterns);
            assert_eq!(matcher.excludes(&path(file)), expected, "{patterns:?} on {file:?}");
        }
    }

    #[test]
    fn domains() {
        let mut matcher = Matcher::default();
        matcher.add(&path("d"), "*.json\n");
        assert!(matcher.excludes(&path("d/x.json")));
        assert!(matcher.excludes(&path("d/e/x.json")));
        assert!(!matcher.excludes(&path("x.json")));
        assert!(!matcher.excludes(&path("d")));
    }
}
