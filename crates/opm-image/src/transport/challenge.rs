//! `WWW-Authenticate`: how a registry wants to be told who asks (RFC 9110, distribution specification "token authentication").

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// A scheme that this client can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// Without what belongs to one repository only.
    pub(super) fn for_registry(&self) -> Self {
        match self {
            Self::Basic => Self::Basic,
            Self::Bearer { realm, service, .. } => {
                Self::Bearer { realm: realm.clone(), service: service.clone(), scope: None }
            }
        }
    }
}

/// The best challenge in an answer: a token is safer to send around than a password.
pub(super) fn best(headers: &HeaderMap) -> Option<Challenge> {
    let all: Vec<Challenge> =
        headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).flat_map(parse).collect();
    all.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. })).or(all.first()).cloned()
}

fn parse(text: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut scheme: Option<(String, Vec<(String, String)>)> = None;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start();
        if let (Some(value), Some((_, parameters))) = (after.strip_prefix('='), &mut scheme) {
            let (value, after) = take_value(value.trim_start());
            parameters.push((word.to_ascii_lowercase(), value));
            rest = after.trim_start_matches([' ', '\t', ',']);
        } else {
            challenges.extend(scheme.take().and_then(finish));
            if !word.is_empty() {
                scheme = Some((word.to_ascii_lowercase(), Vec::new()));
            }
            rest = after.trim_start_matches([' ', '\t', ',', '=']);
        }
    }
    challenges.extend(scheme.and_then(finish));
    challenges
}

/// A token, or a quoted string with its escapes undone; and what follows.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

fn finish((scheme, parameters): (String, Vec<(String, String)>)) -> Option<Challenge> {
    let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn reads_what_registries_send() {
        let cases = [
            (
                r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#,
                vec![bearer("https://a/t", Some("s"), Some("repository:x:pull,push"))],
            ),
            (r#"bearer  realm = "https://a/t" , service=s"#, vec![bearer("https://a/t", Some("s"), None)]),
            (r#"Basic realm="x""#, vec![Challenge::Basic]),
            ("Basic", vec![Challenge::Basic]),
            (
                r#"Negotiate, Basic realm="a \"b\", c", Bearer realm="r""#,
                vec![Challenge::Basic, bearer("r", None, None)],
            ),
            ("Bearer", vec![]),
            ("", vec![]),
            (r#"Bearer realm="unclosed"#, vec![bearer("unclosed", None, None)]),
            ("=,= ,", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
