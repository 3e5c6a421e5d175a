//! Package manifests: which channels a package has, which bundle heads each, and which channel is the default.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Version, VersionError};

/// A package manifest, as the `*.package.yaml` of the manifests format holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageManifest {
    /// The package's name (`packageName`).
    pub package: String,
    /// The name of the default channel (`defaultChannel`); empty where none is declared.
    pub default_channel: String,
    /// The channels, in the order of the manifest.
    pub channels: Vec<ManifestChannel>,
}

/// A channel of a package manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestChannel {
    /// The channel's name.
    pub name: String,
    /// The name of the CSV at its head (`currentCSV`).
    pub current_csv: String,
}

/// A bundle that takes part in choosing channel heads by version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The bundle's name.
    pub name: String,
    /// The bundle's version; empty where it has none.
    pub version: String,
    /// The channels that it is in.
    pub channels: Vec<String>,
    /// The default channel that it declares for its package; empty where it declares none.
    pub default_channel: String,
}

/// Why a package manifest cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A field has another type than the format says.
    #[error("field {field} must be {expected}")]
    Field {
        /// The path of the field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A bundle's version is not a semantic version.
    #[error("error parsing bundle {bundle} version {version}")]
    Version {
        /// The bundle's name.
        bundle: String,
        /// Its version.
        version: String,
        /// What is wrong with it.
        source: VersionError,
    },
    /// Two bundles of one channel share its highest version.
    #[error("more than one potential channel head for {channel}: {} have version {version}", .bundles.join(" and "))]
    TwoHeads {
        /// The channel's name.
        channel: String,
        /// The version that they share.
        version: String,
        /// The bundles.
        bundles: Vec<String>,
    },
    /// Two bundles of the package share its highest version.
    #[error("more than one bundle with maximum version {version}: {}", .bundles.join(" and "))]
    TwoMaxima {
        /// The version that they share.
        version: String,
        /// The bundles.
        bundles: Vec<String>,
    },
    /// No channel can be the default.
    #[error("unable to determine default channel among channel heads: {}; {}", list(heads), explain(declared))]
    NoDefault {
        /// Channels and the bundles that head them.
        heads: Vec<(String, String)>,
        /// What the highest version declares.
        declared: String,
    },
}

fn list(heads: &[(String, String)]) -> String {
    heads.iter().map(|(channel, head)| format!("{channel}={head}")).collect::<Vec<_>>().join(", ")
}

fn explain(declared: &str) -> String {
    if declared.is_empty() {
        "the highest version declares no default channel".to_owned()
    } else {
        format!("the declared default channel {declared:?} is not one of them")
    }
}

/// A value that stands where a string is expected, as YAML decoders for typed fields read it: numbers and booleans by
/// their text.
fn text(value: Option<&Value>, field: &str) -> Result<String, ManifestError> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(s)) => Ok(s.clone()),
        Some(v @ (Value::Number(_) | Value::Bool(_))) => Ok(opm_document::json::to_string(v)),
        Some(_) => Err(ManifestError::Field { field: field.to_owned(), expected: "a string" }),
    }
}

/// The value of a field whose name is matched exactly or, failing that, without regard to case.
fn get<'a>(object: &'a serde_json::Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

impl PackageManifest {
    /// Reads a document as a package manifest. A document of any other form that has no field of a manifest reads as a
    /// manifest without a package name.
    pub fn from_value(value: &Value) -> Result<Self, ManifestError> {
        let Value::Object(object) = value else {
            return Err(ManifestError::Field { field: "(root)".to_owned(), expected: "an object" });
        };
        let mut channels = Vec::new();
        match get(object, "channels") {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    let Value::Object(item) = item else {
                        return Err(ManifestError::Field { field: format!("channels[{i}]"), expected: "an object" });
                    };
                    channels.push(ManifestChannel {
                        name: text(get(item, "name"), &format!("channels[{i}].name"))?,
                        current_csv: text(get(item, "currentCSV"), &format!("channels[{i}].currentCSV"))?,
                    });
                }
            }
            Some(_) => return Err(ManifestError::Field { field: "channels".to_owned(), expected: "a list" }),
        }
        Ok(Self {
            package: text(get(object, "packageName"), "packageName")?,
            default_channel: text(get(object, "defaultChannel"), "defaultChannel")?,
            channels,
        })
    }

    /// The manifest of a package whose channels are headed by their highest versions (build metadata counts), and whose
    /// default channel is the one that the highest version of all declares.
    pub fn by_version(package: &str, candidates: &[Candidate]) -> Result<Self, ManifestError> {
        let mut heads: BTreeMap<&str, Highest<'_>> = BTreeMap::new();
        let mut maximum = Highest { version: Version::zero(), bundles: Vec::new() };
        let mut default_channel = String::new();
        for candidate in candidates {
            let fault = |source| ManifestError::Version {
                bundle: candidate.name.clone(),
                version: candidate.version.clone(),
                source,
            };
            let version = if candidate.version.is_empty() {
                Version::missing()
            } else {
                Version::parse(&candidate.version).map_err(fault)?
            };
            for channel in &candidate.channels {
                match heads.get_mut(channel.as_str()) {
                    Some(head) => {
                        head.meet(&candidate.name, &version).map_err(fault)?;
                    }
                    None => {
                        heads.insert(channel, Highest { version: version.clone(), bundles: vec![&candidate.name] });
                    }
                }
            }
            if maximum.meet(&candidate.name, &version).map_err(fault)?.is_ge() && !candidate.default_channel.is_empty()
            {
                default_channel.clone_from(&candidate.default_channel);
            }
        }
        if maximum.bundles.len() > 1 {
            return Err(ManifestError::TwoMaxima {
                version: maximum.version.to_string(),
                bundles: maximum.bundles.iter().map(ToString::to_string).collect(),
            });
        }
        let mut channels = Vec::new();
        for (name, head) in heads {
            let [bundle] = head.bundles[..] else {
                return Err(ManifestError::TwoHeads {
                    channel: name.to_owned(),
                    version: head.version.to_string(),
                    bundles: head.bundles.iter().map(ToString::to_string).collect(),
                });
            };
            channels.push(ManifestChannel { name: name.to_owned(), current_csv: bundle.to_owned() });
        }
        if let ([only], "") = (&channels[..], default_channel.as_str()) {
            default_channel.clone_from(&only.name);
        }
        if !channels.iter().any(|c| c.name == default_channel) {
            return Err(ManifestError::NoDefault {
                heads: channels.into_iter().map(|c| (c.name, c.current_csv)).collect(),
                declared: default_channel,
            });
        }
        Ok(Self { package: package.to_owned(), default_channel, channels })
    }
}

/// The highest version met so far, and all bundles that have it.
struct Highest<'a> {
    version: Version,
    bundles: Vec<&'a str>,
}

impl<'a> Highest<'a> {
    /// Takes a bundle into account; says how it compares to the highest version before it.
    fn meet(&mut self, bundle: &'a str, version: &Version) -> Result<Ordering, VersionError> {
        let order = version.cmp_with_build(&self.version)?;
        match order {
            Ordering::Less => {}
            Ordering::Equal => self.bundles.push(bundle),
            Ordering::Greater => {
                self.version = version.clone();
                self.bundles = vec![bundle];
            }
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn candidate(name: &str, version: &str, channels: &str, default_channel: &str) -> Candidate {
        Candidate {
            name: name.to_owned(),
            version: version.to_owned(),
            channels: channels.split(',').map(str::to_owned).collect(),
            default_channel: default_channel.to_owned(),
        }
    }

    fn summary(result: Result<PackageManifest, ManifestError>) -> String {
        match result {
            Ok(m) => {
                let channels: Vec<_> = m.channels.iter().map(|c| format!("{}={}", c.name, c.current_csv)).collect();
                format!("{} default {}", channels.join(" "), m.default_channel)
            }
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn heads_are_the_highest_versions() {
        let (a, b, c) = (
            candidate("a", "0.14.0", "preview,stable", "stable"),
            candidate("b", "0.15.0", "preview,stable", "stable"),
            candidate("c", "0.22.2", "preview", "preview"),
        );
        for (candidates, expected) in [
            (vec![a.clone(), b.clone(), c.clone()], "preview=c stable=b default preview"),
            (vec![c.clone(), a.clone(), b.clone()], "preview=c stable=b default preview"),
            (vec![a.clone(), b.clone()], "preview=b stable=b default stable"),
            (vec![candidate("x", "1.0.0", "only", "")], "only=x default only"),
            (vec![candidate("x", "", "only", "only")], "only=x default only"),
            (
                vec![candidate("x", "1.0.0", "one,two", "")],
                "unable to determine default channel among channel heads: one=x, two=x; the highest version declares no default channel",
            ),
            (
                vec![candidate("x", "1.0.0", "one", "no")],
                "unable to determine default channel among channel heads: one=x; the declared default channel \"no\" is not one of them",
            ),
            (
                vec![candidate("x", "1.0.0", "c", "c"), candidate("y", "1.0.0", "c", "c")],
                "more than one bundle with maximum version 1.0.0: x and y",
            ),
            (
                vec![
                    candidate("x", "1.0.0", "c", "c"),
                    candidate("y", "1.0.0", "c", "c"),
                    candidate("z", "2.0.0", "d", "d"),
                ],
                "more than one potential channel head for c: x and y have version 1.0.0",
            ),
            (vec![candidate("x", "1.0.0", "c", "c"), candidate("y", "1.0.0+1", "c", "c")], "c=y default c"),
            (vec![candidate("x", "one", "c", "c")], "error parsing bundle x version one"),
        ] {
            assert_eq!(summary(PackageManifest::by_version("p", &candidates)), expected);
        }
    }

    #[test]
    fn reads_manifests_and_tells_them_from_other_documents() {
        let read = |v| PackageManifest::from_value(&v);
        let m =
            read(serde_json::json!({"packageName": "etcd", "channels": [{"name": 4.1, "currentCSV": "a"}]})).unwrap();
        assert_eq!((m.package.as_str(), m.channels[0].name.as_str()), ("etcd", "4.1"));
        assert_eq!(read(serde_json::json!({"kind": "Role"})).unwrap(), PackageManifest::default());
        for (value, expected) in [
            (serde_json::json!([]), "field (root) must be an object"),
            (serde_json::json!({"packageName": {}}), "field packageName must be a string"),
            (serde_json::json!({"channels": {}}), "field channels must be a list"),
            (serde_json::json!({"channels": ["a"]}), "field channels[0] must be an object"),
        ] {
            assert_eq!(read(value).unwrap_err().to_string(), expected);
        }
    }
}
