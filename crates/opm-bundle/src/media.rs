//! What kind of bundle a directory of manifests is.

use std::fmt;

use opm_document::{Documents, Value};

use crate::{CSV_KIND, File};

/// The form of a bundle: the value of the annotation [`MEDIA_TYPE`](crate::MEDIA_TYPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// A ClusterServiceVersion with the objects that it needs.
    RegistryV1,
    /// Kubernetes objects and no ClusterServiceVersion.
    Plain,
    /// A Helm chart.
    Helm,
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RegistryV1 => "registry+v1",
            Self::Plain => "plain",
            Self::Helm => "helm",
        })
    }
}

impl MediaType {
    /// The form of a bundle with these manifests; `None` where there is no readable file among them.
    ///
    /// A ClusterServiceVersion is found in any document of a file, though catalogs use only the first: whoever wrote it
    /// meant a bundle of that form, and [`check`](crate::check) says where it must go.
    pub fn detect(manifests: &[File]) -> Option<Self> {
        let mut contents =
            manifests.iter().filter_map(|file| Some((file.name.as_str(), file.content.as_deref().ok()?)));
        contents.clone().next()?;
        let is_chart = |value: &Value| value.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        let chart = contents.clone().find(|(name, _)| *name == "Chart.yaml");
        if chart.is_some_and(|(_, input)| {
            opm_document::first(input).is_ok_and(|value| value.as_ref().is_some_and(is_chart))
        }) {
            return Some(Self::Helm);
        }
        let is_csv = |input| {
            let mut documents = Documents::new(input).map_while(Result::ok);
            documents.any(|document| document.value.get("kind").and_then(Value::as_str) == Some(CSV_KIND))
        };
        Some(if contents.any(|(_, input)| is_csv(input)) { Self::RegistryV1 } else { Self::Plain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detected_by_content() {
        let csv = "kind: ClusterServiceVersion\n";
        for (files, expected) in [
            (&[][..], None),
            (&[("readme.txt", "hello")], Some(MediaType::Plain)),
            (&[("a.yaml", "kind: Service\n"), ("b.yaml", csv)], Some(MediaType::RegistryV1)),
            (&[("a.yaml", "kind: Service\n---\nkind: ClusterServiceVersion\n")], Some(MediaType::RegistryV1)),
            (&[("Chart.yaml", "name: demo\n"), ("b.yaml", csv)], Some(MediaType::Helm)),
            (&[("Chart.yaml", "name: ''\n"), ("b.yaml", csv)], Some(MediaType::RegistryV1)),
            (&[("a.bin", "\u{0}\u{1}: [")], Some(MediaType::Plain)),
        ] {
            let files: Vec<File> = files.iter().map(|(name, content)| File::new(*name, *content)).collect();
            assert_eq!(MediaType::detect(&files), expected, "{files:?}");
        }
    }
}
