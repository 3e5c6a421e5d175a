//! What Kubernetes lets things be called.

/// What is wrong with a text as a DNS label of RFC 1123: lower case letters, digits and `-`, at most 63.
pub(super) fn label(text: &str) -> Vec<String> {
    let mut broken = too_long(text, 63);
    if !is_label(text) {
        broken.push(
            "must consist of lower case letters, digits and '-', and begin and end with a letter or digit".to_owned(),
        );
    }
    broken
}

/// What is wrong with a text as a DNS label of RFC 1035, which begins with a letter.
pub(super) fn label_1035(text: &str) -> Vec<String> {
    let mut broken = too_long(text, 63);
    if !is_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        broken.push(
            "must consist of lower case letters, digits and '-', begin with a letter, and end with a letter or digit"
                .to_owned(),
        );
    }
    broken
}

/// What is wrong with a text as a DNS subdomain: labels with dots between them, at most 253 characters.
pub(super) fn subdomain(text: &str) -> Vec<String> {
    let mut broken = too_long(text, 253);
    if !text.split('.').all(is_label) {
        broken.push(
            "must consist of lower case letters, digits, '-' and '.', and its parts must begin and end with a letter or digit"
                .to_owned(),
        );
    }
    broken
}

/// What is wrong with a text as the value of a label.
pub(super) fn label_value(text: &str) -> Vec<String> {
    let mut broken = too_long(text, 63);
    if !text.is_empty() && !is_qualified(text) {
        broken.push(
            "must be empty or consist of letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
                .to_owned(),
        );
    }
    broken
}

/// What is wrong with a text as the key of a label or annotation: a name, with an optional subdomain and a slash before it.
pub(super) fn key(text: &str) -> Vec<String> {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let mut broken = Vec::new();
    if let Some(prefix) = prefix {
        broken.extend(subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
    }
    broken.extend(too_long(name, 63).into_iter().map(|why| format!("name part {why}")));
    if !is_qualified(name) {
        broken.push(
            "name part must consist of letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
                .to_owned(),
        );
    }
    broken
}

/// What is wrong with a text as a part of a path, which is what names of roles are.
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if [".", ".."].contains(&text) || text.contains(['/', '%']) {
        return vec!["must not be '.' or '..', and must not contain '/' or '%'".to_owned()];
    }
    Vec::new()
}

fn too_long(text: &str, most: usize) -> Vec<String> {
    let is_long = text.len() > most;
    is_long.then(|| format!("must be no more than {most} characters")).into_iter().collect()
}

fn is_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(ends) && text.ends_with(ends) && text.chars().all(|c| ends(c) || c == '-')
}

fn is_qualified(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(ends) && text.ends_with(ends) && text.chars().all(|c| ends(c) || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let long = "a".repeat(64);
        for (rule, good, bad) in [
            (label as fn(&str) -> Vec<String>, &["a", "0-b"][..], &["", "A", "-a", "a-", "a.b", &long][..]),
            (label_1035, &["a", "b-0"], &["", "0a", "a-", "a.b"]),
            (subdomain, &["a.b", "etcd.v0.9.4", "0"], &["", "a..b", "a_b", "A.b", ".a"]),
            (label_value, &["", "A_b.c-1"], &["-a", "a b", &long]),
            (key, &["a", "x.io/A_b"], &["", "/a", "a/", "A.io/b", "a/b/c", "a b"]),
            (path_segment, &["system:a", "A b"], &["..", "a/b", "50%"]),
        ] {
            for text in good {
                assert_eq!(rule(text), [""; 0], "{text}");
            }
            for text in bad {
                assert_ne!(rule(text), [""; 0], "{text}");
            }
        }
    }
}
