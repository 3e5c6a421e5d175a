//! Templates of image references.

use std::str::FromStr;

/// A reference of an image with places for what is known of a bundle, such as
/// `quay.io/ns/{{.Package}}-bundle:v{{.Version}}`.
///
/// This is the part of Go's template language that such references need: the fields `.Package`, `.Name` and `.Version`,
/// comments, and the dashes that take away white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Package,
    Name,
    Version,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid image reference template: {0}")]
pub struct BadImageTemplate(String);

impl FromStr for ImageTemplate {
    type Err = BadImageTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut trim = false;
        loop {
            let (before, action) = match rest.split_once("{{") {
                None => (rest, None),
                Some((before, after)) => {
                    let end = after.split_once("}}");
                    (before, Some(end.ok_or_else(|| BadImageTemplate(format!("{{{{{after} has no end (`}}}}`)")))?))
                }
            };
            let before = if trim { before.trim_start() } else { before };
            let Some((action, after)) = action else {
                parts.push(Part::Text(before.to_owned()));
                return Ok(Self(parts));
            };
            let trims_before = action.strip_prefix('-').filter(|rest| rest.starts_with(char::is_whitespace));
            parts.push(Part::Text(if trims_before.is_some() { before.trim_end() } else { before }.to_owned()));
            let action = trims_before.unwrap_or(action);
            let trims_after = action.strip_suffix('-').filter(|rest| rest.ends_with(char::is_whitespace));
            match trims_after.unwrap_or(action).trim() {
                ".Package" => parts.push(Part::Package),
                ".Name" => parts.push(Part::Name),
                ".Version" => parts.push(Part::Version),
                comment if comment.starts_with("/*") && comment.ends_with("*/") => {}
                other => {
                    let known = "{{.Package}}, {{.Name}} and {{.Version}}";
                    return Err(BadImageTemplate(format!("{{{{{other}}}}} is none of {known}")));
                }
            }
            trim = trims_after.is_some();
            rest = after;
        }
    }
}

impl ImageTemplate {
    /// The reference for a bundle.
    pub fn image(&self, package: &str, name: &str, version: &str) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Package => package,
            Part::Name => name,
            Part::Version => version,
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn places_are_filled() {
        for (template, expected) in [
            ("", ""),
            ("r/{{.Package}}/{{ .Name }}:{{.Version}}", "r/etcd/etcd.v1:1.0.0"),
            ("r/ {{- .Package -}} :{{/* none */}}1", "r/etcd:1"),
            ("a}}b", "a}}b"),
        ] {
            assert_eq!(template.parse::<ImageTemplate>().unwrap().image("etcd", "etcd.v1", "1.0.0"), expected);
        }
    }

    #[test]
    fn what_cannot_be_filled_is_an_error() {
        for (template, word) in [("{{.Package", "no end"), ("{{.Foo}}", "{{.Foo}}"), ("{{.Name | printf}}", "printf")] {
            let error = template.parse::<ImageTemplate>().unwrap_err().to_string();
            assert!(error.contains(word) && error.starts_with("invalid image reference template: "), "{error}");
        }
    }
}
