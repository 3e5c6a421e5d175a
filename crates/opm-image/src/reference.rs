//! Names of images in registries.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// The registry that short names belong to.
const DOCKER_HUB: &str = "docker.io";

/// An image in a registry: `registry/repository[:tag][@digest]` with at least one of tag and digest.
///
/// The grammar is that of the distribution project's references. Names without a registry (`etcd:1`, `a/b:1`) belong to
/// `docker.io`, and one-word repositories there to `library/`. When there are both a tag and a digest, the digest decides
/// which image is meant and the tag is only a word to the reader.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
    /// The name as it was written, when it was written without a registry.
    short: Option<String>,
}

/// Why a text names no image, in words that say what to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` does not name an image: {why}")]
pub struct BadReference {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl BadReference {
    pub(crate) fn new(text: &str, why: impl Into<String>) -> Self {
        Self { text: text.to_owned(), why: why.into() }
    }
}

impl Reference {
    /// Host and port as written, `docker.io` for short names.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry, such as `ns/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The name without a registry, tag and digest, if that is how it was written.
    pub(crate) fn short(&self) -> Option<&str> {
        self.short.as_deref()
    }

    /// The image of this tag and digest that is called `name`, which has a registry.
    pub(crate) fn renamed(&self, name: &str) -> Result<Self, BadReference> {
        let tag = self.tag.as_ref().map_or_else(String::new, |tag| format!(":{tag}"));
        let digest = self.digest.as_ref().map_or_else(String::new, |digest| format!("@{digest}"));
        format!("{name}{tag}{digest}").parse()
    }

    /// What the manifest is asked for by: the digest, else the tag.
    pub fn object(&self) -> &str {
        self.digest.as_ref().map(Digest::as_str).or(self.tag.as_deref()).unwrap_or_default()
    }

    /// The host that answers the API for this registry.
    pub(crate) fn api_host(&self) -> &str {
        match self.registry.as_str() {
            DOCKER_HUB | "index.docker.io" => "registry-1.docker.io",
            host => host,
        }
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let bad = |why: &str| BadReference::new(text, why);
        let rest = text.strip_prefix("docker://").unwrap_or(text);
        if rest.is_empty() {
            return Err(bad("it is empty"));
        }
        if let Some((scheme, _)) = rest.split_once("://") {
            return Err(bad(&format!("write it without `{scheme}://`")));
        }
        let (rest, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((name, digest)) => {
                (name, Some(digest.parse::<Digest>().map_err(|source| BadReference::new(text, source.to_string()))?))
            }
        };
        // A colon after the last slash starts a tag; before it, a port.
        let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[after_slash..].find(':') {
            None => (rest, None),
            Some(at) => (&rest[..after_slash + at], Some(&rest[after_slash + at + 1..])),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(bad(
                "a tag has 1 to 128 letters, digits, `_`, `.` or `-`, and starts with none of `.` and `-`",
            ));
        }
        let (registry, repository) = split_registry(name);
        if !is_host(registry) {
            return Err(bad(&format!("`{registry}` is not a host name with an optional port")));
        }
        if repository.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(bad("the repository must be in lower case"));
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(bad(
                "the repository must be words of lower-case letters and digits, joined by `.`, `_`, `__` or `-`, and separated by `/`",
            ));
        }
        let short = (!has_registry(name)).then(|| name.to_owned());
        let repository = match registry {
            DOCKER_HUB | "index.docker.io" if !repository.contains('/') => format!("library/{repository}"),
            _ => repository.to_owned(),
        };
        let registry = if registry == "index.docker.io" { DOCKER_HUB } else { registry };
        if tag.is_none() && digest.is_none() {
            return Err(bad(&format!("it has no tag and no digest; say which image is meant, such as `{name}:TAG`")));
        }
        Ok(Self { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest, short })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn split_registry(name: &str) -> (&str, &str) {
    name.split_once('/').filter(|_| has_registry(name)).unwrap_or((DOCKER_HUB, name))
}

/// Whether the first word of several is a registry: when it cannot be a part of a repository on Docker Hub.
pub(crate) fn has_registry(name: &str) -> bool {
    name.split_once('/').is_some_and(|(first, _)| {
        first == "localhost" || first.contains(['.', ':', '[']) || first.bytes().any(|b| b.is_ascii_uppercase())
    })
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("x", rest.strip_prefix(':').or((!rest.is_empty()).then_some("")))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok())
}

fn is_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|b| word(*b)) || !bytes.last().is_some_and(|b| word(*b)) {
        return false;
    }
    bytes.split(|b| word(*b)).all(|gap| matches!(gap, b"" | b"." | b"_" | b"__") || gap.iter().all(|b| *b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn reads_what_users_write() {
        let cases = [
            ("quay.io/ns/name:v1", "quay.io/ns/name:v1", "v1"),
            ("docker://quay.io/ns/name:v1", "quay.io/ns/name:v1", "v1"),
            ("etcd:1", "docker.io/library/etcd:1", "1"),
            ("a/b:1", "docker.io/a/b:1", "1"),
            ("docker.io/busybox:1", "docker.io/library/busybox:1", "1"),
            ("index.docker.io/busybox:1", "docker.io/library/busybox:1", "1"),
            ("localhost/x:1", "localhost/x:1", "1"),
            ("localhost:5000/x:1", "localhost:5000/x:1", "1"),
            ("[::1]:5000/x:1", "[::1]:5000/x:1", "1"),
            ("h.io/a__b/c-d--e.f:v_1.2-3", "h.io/a__b/c-d--e.f:v_1.2-3", "v_1.2-3"),
            (&format!("h.io/a@{SHA}"), &format!("h.io/a@{SHA}"), SHA),
            (&format!("h.io/a:v1@{SHA}"), &format!("h.io/a:v1@{SHA}"), SHA),
        ];
        for (text, whole, object) in cases {
            let reference = text.parse::<Reference>().unwrap();
            assert_eq!((reference.to_string().as_str(), reference.object()), (whole, object), "{text}");
        }
    }

    #[test]
    fn says_what_to_mend() {
        let cases = [
            ("quay.io/ns/name", "no tag and no digest"),
            ("", "is empty"),
            ("https://quay.io/x:1", "without `https://`"),
            ("quay.io/NS/name:1", "lower case"),
            ("quay.io/ns/name:", "a tag has"),
            ("quay.io/ns/name:-x", "a tag has"),
            ("quay.io/ns//name:1", "the repository must be words"),
            ("quay.io/ns/../name:1", "the repository must be words"),
            ("quay.io/a___b:1", "the repository must be words"),
            ("quay.io:port/a:1", "not a host name"),
            ("quay.io:/a:1", "not a host name"),
            ("quay.io:+1/a:1", "not a host name"),
            ("[::1/a:1", "not a host name"),
            ("quay.io/a@sha256:12", "not a digest"),
            ("quay.io/a b:1", "the repository must be words"),
        ];
        for (text, why) in cases {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
