//! Image references, as the container tools normalise them before they look at them.

/// Why a text is no image reference; `None` if it is one.
pub(crate) fn fault(reference: &str) -> Option<&'static str> {
    const FORMAT: &str = "invalid reference format";
    if reference.len() == 64 && reference.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return Some("invalid repository name: it cannot be 64 hexadecimal digits");
    }
    let (domain, rest) = match reference.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':']) || first == "localhost" || first.contains(char::is_uppercase) =>
        {
            (Some(first), rest)
        }
        _ => (None, reference),
    };
    let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
    let before_tag = rest.split(':').next().unwrap_or_default();
    if before_tag.contains(char::is_uppercase) {
        return Some("invalid reference format: repository name must be lowercase");
    }
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    let fits = domain.is_none_or(is_domain)
        && name.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(has_digest_form);
    if !fits {
        return Some(FORMAT);
    }
    if domain.map_or("docker.io".len(), str::len) + 1 + name.len() > 255 {
        return Some("repository name must not be more than 255 characters");
    }
    digest.and_then(digest_fault)
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_label = |label: &str| {
        let ends = [label.bytes().next(), label.bytes().next_back()];
        ends.iter().all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()))
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => !address.is_empty() && address.bytes().all(|c| c.is_ascii_hexdigit() || c == b':'),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()))
}

/// Whether this may stand between slashes: letters and digits in runs that single dots, one or two underscores, or any
/// number of dashes join.
fn is_component(component: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && component.split(is_word).all(|join| matches!(join, "" | "." | "_" | "__") || join.bytes().all(|c| c == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|c| is_word(c) || matches!(c, b'.' | b'-'))
}

fn has_digest_form(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_part) && hex.len() >= 32 && hex.bytes().all(|c| c.is_ascii_hexdigit())
}

fn digest_fault(digest: &str) -> Option<&'static str> {
    let (algorithm, hex) = digest.split_once(':')?;
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Some("unsupported digest algorithm"),
    };
    if hex.len() != length {
        return Some("invalid checksum digest length");
    }
    hex.bytes().any(|c| c.is_ascii_uppercase()).then_some("invalid checksum digest format")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for good in [
            "busybox",
            "busybox:latest",
            "library/busybox",
            "quay.io/a/b:c",
            "localhost/a",
            "localhost:5000/a/b__c/d-e--f.g:V1.0_x-y",
            "[::1]:5000/a",
            "REG.example/a",
            &format!("reg.example/a@{digest}"),
            &format!("reg.example/a:tag@{digest}"),
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        let format = "invalid reference format";
        for (bad, expected) in [
            ("reg.example/a@@sha256:00", format),
            ("reg.example/A B", "invalid reference format: repository name must be lowercase"),
            ("Busybox", "invalid reference format: repository name must be lowercase"),
            ("reg.example/a b", format),
            ("reg.example/a___b", format),
            ("reg.example/a..b", format),
            ("reg.example/-a", format),
            ("reg.example/", format),
            ("reg.example//a", format),
            ("reg.example:port/a", format),
            ("-reg.example/a", format),
            ("reg.example/a:", format),
            ("reg.example/a:.x", format),
            ("reg.example/a@sha256:00", format),
            ("https://reg.example/a", format),
            (&format!("a@sha256:{}", "0".repeat(40)), "invalid checksum digest length"),
            (&format!("a@md5:{}", "0".repeat(32)), "unsupported digest algorithm"),
            (&format!("reg.example/{}", "a".repeat(250)), "repository name must not be more than 255 characters"),
            (&"a".repeat(64), "invalid repository name: it cannot be 64 hexadecimal digits"),
        ] {
            assert_eq!(fault(bad), Some(expected), "{bad}");
        }
    }
}
