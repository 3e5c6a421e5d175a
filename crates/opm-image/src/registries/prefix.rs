//! Beginnings of names.

/// `host[:port][/namespace…][/repository[:tag|@digest]]`, or `*.host` for all hosts below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

impl Prefix {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for many hosts, so that nothing can be said of where they are.
    pub(super) fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// What follows the prefix in a full name, if the name begins with it: whole words only.
    pub(super) fn rest_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        let whole = |rest: &&str| rest.is_empty() || rest.starts_with(['/', ':', '@']);
        let Some(parent) = self.0.strip_prefix('*') else {
            return name.strip_prefix(self.0.as_str()).filter(whole);
        };
        let host = name.find('/').unwrap_or(name.len());
        let within = name.match_indices(parent).filter(|(at, _)| (1..host).contains(at));
        within.map(|(at, _)| &name[at + parent.len()..]).find(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_count() {
        let cases = [
            ("quay.io", "quay.io/a/b:1", Some("/a/b:1")),
            ("quay.io/a", "quay.io/a/b:1", Some("/b:1")),
            ("quay.io/a/b", "quay.io/a/b:1", Some(":1")),
            ("quay.io/a/b", "quay.io/a/b@sha256:0", Some("@sha256:0")),
            ("quay.io/a/b:1", "quay.io/a/b:1", Some("")),
            ("quay.io/a/b:1", "quay.io/a/b:12", None),
            ("quay.io/a", "quay.io/ab:1", None),
            ("quay.io", "quay.io:5000/a:1", Some(":5000/a:1")),
            ("*.example.com", "a.example.com/b:1", Some("/b:1")),
            ("*.example.com", "a.b.example.com:5000/b:1", Some(":5000/b:1")),
            ("*.example.com", "a.example.com.example.com/b:1", Some("/b:1")),
            ("*.example.com", "example.com/b:1", None),
            ("*.example.com", "a.example.com.evil/b:1", None),
            ("*.example.com", "evil.org/a.example.com:1", None),
            ("*.example.com/ns", "a.example.com/ns/b:1", Some("/b:1")),
        ];
        for (prefix, name, rest) in cases {
            assert_eq!(Prefix::new(prefix).rest_of(name), rest, "{prefix} {name}");
        }
    }
}
