//! Which images may be used at all, as `policy.json` says (`containers-policy.json(5)`).
//!
//! Acceptance and rejection are honoured. What demands a signature is refused, because signatures are not checked here and
//! an image that its owner wants to see checked must not slip through.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::reference::Reference;
use crate::source::Source;

type Requirements = Vec<Requirement>;

/// The policy of this machine or user.
#[derive(Debug)]
pub(crate) struct Policy {
    path: PathBuf,
    wire: Wire,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    default: Requirements,
    #[serde(default)]
    transports: BTreeMap<String, BTreeMap<String, Requirements>>,
}

/// All of several must be met.
#[derive(Debug, Deserialize)]
struct Requirement {
    r#type: String,
}

impl Policy {
    /// The user's policy, else the machine's, else none: then everything is accepted.
    pub(crate) fn load(environment: &Environment) -> Result<Option<Self>, ErrorKind> {
        for dir in [environment.user_config_dir(), environment.system_config_dir.clone()].into_iter().flatten() {
            let path = dir.join("policy.json");
            match std::fs::read(&path) {
                Ok(bytes) => return Self::parse(&bytes, path).map(Some),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(ErrorKind::io(&path)(error)),
            }
        }
        Ok(None)
    }

    fn parse(bytes: &[u8], path: PathBuf) -> Result<Self, ErrorKind> {
        let bad = |path: &Path, why: String| ErrorKind::Policy { path: path.to_owned(), why };
        let wire: Wire =
            serde_json::from_slice(bytes).map_err(|error| bad(&path, format!("the policy is malformed: {error}")))?;
        let scopes = wire.transports.values().flat_map(BTreeMap::values);
        for requirements in scopes.chain([&wire.default]) {
            if requirements.is_empty() {
                return Err(bad(&path, "the policy is malformed: a list of requirements is empty".to_owned()));
            }
            let known = ["insecureAcceptAnything", "reject", "signedBy", "signedBaseLayer", "sigstoreSigned"];
            if let Some(other) = requirements.iter().find(|one| !known.contains(&one.r#type.as_str())) {
                let why = format!("the policy is malformed: there is no requirement `{}`", other.r#type);
                return Err(bad(&path, why));
            }
        }
        Ok(Self { path, wire })
    }

    /// Whether an image may be used. `reference` is its full name, if it is one in a registry.
    pub(crate) fn check(&self, source: &Source, reference: Option<&Reference>) -> Result<(), ErrorKind> {
        let (transport, scopes) = match (source, reference) {
            (Source::Registry(written), full) => ("docker", scopes(full.unwrap_or(written))),
            (Source::OciLayout { dir, tag }, _) => ("oci", path_scopes(dir, tag.as_deref())),
            (Source::OciArchive { file, tag }, _) => ("oci-archive", path_scopes(file, tag.as_deref())),
            (Source::DockerArchive { .. }, _) => ("docker-archive", Vec::new()),
            (Source::Tree { .. }, _) => ("file", Vec::new()),
        };
        let (said_by, requirements) = self.requirements(transport, &scopes);
        let path = self.path.clone();
        for requirement in requirements {
            let image = reference.map_or_else(|| source.to_string(), ToString::to_string);
            let why = match requirement.r#type.as_str() {
                "insecureAcceptAnything" => continue,
                "reject" => {
                    format!("{image} is rejected by policy: {said_by} in {} says so", path.display())
                }
                kind => format!(
                    "{said_by} in {} demands a signature of {image} ({kind}), and signatures are not checked here; copy the image \
                     with a tool that checks them to a place that the policy accepts, or set insecureAcceptAnything for it",
                    path.display()
                ),
            };
            return Err(ErrorKind::Rejected { path, why });
        }
        Ok(())
    }

    /// What holds for the first of these scopes that is mentioned, and where that is said.
    fn requirements(&self, transport: &str, scopes: &[String]) -> (String, &Requirements) {
        if let Some(mentioned) = self.wire.transports.get(transport) {
            for scope in scopes.iter().map(String::as_str).chain([""]) {
                if let Some(requirements) = mentioned.get(scope) {
                    return (format!("transports.{transport}.\"{scope}\""), requirements);
                }
            }
        }
        ("default".to_owned(), &self.wire.default)
    }
}

/// What an image in a registry may be called, most specific first: the image, its repository, the namespaces of that, the
/// host, and the domains of that behind `*.`.
fn scopes(reference: &Reference) -> Vec<String> {
    let repository = format!("{}/{}", reference.registry(), reference.repository());
    let identity = match (reference.digest(), reference.tag()) {
        // The digest decides which image is meant.
        (Some(digest), _) => format!("{repository}@{digest}"),
        (None, tag) => format!("{repository}:{}", tag.unwrap_or_default()),
    };
    let mut scopes = vec![identity, repository.clone()];
    scopes.extend(repository.rmatch_indices('/').map(|(at, _)| repository[..at].to_owned()));
    let host = reference.registry();
    scopes.extend(host.match_indices('.').map(|(at, _)| format!("*.{}", &host[at + 1..])));
    scopes
}

/// The same for a directory or file: with its tag, without, and the directories above.
fn path_scopes(path: &Path, tag: Option<&str>) -> Vec<String> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let tagged = tag.map(|tag| format!("{}:{tag}", path.display()));
    let above = path.ancestors().filter(|dir| dir.parent().is_some()).map(|dir| dir.display().to_string());
    tagged.into_iter().chain(above).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(policy: &str, image: &str) -> Result<(), String> {
        let policy = Policy::parse(policy.as_bytes(), "/p/policy.json".into()).map_err(|error| error.to_string())?;
        let source: Source = image.parse().unwrap();
        let reference = match &source {
            Source::Registry(reference) => Some(reference),
            _ => None,
        };
        policy.check(&source, reference).map_err(|error| error.to_string())
    }

    #[test]
    fn the_most_specific_scope_decides() {
        let yes = r#"[{"type":"insecureAcceptAnything"}]"#;
        let no = r#"[{"type":"reject"}]"#;
        let scope = |scope: &str, within: &str| {
            format!(r#"{{"default":{no},"transports":{{"docker":{{"":{no},"a.b.io:5000":{no},"{scope}":{within}}}}}}}"#)
        };
        let image = "a.b.io:5000/ns/sub/name:v1";
        for accepted in [
            "a.b.io:5000/ns/sub/name:v1",
            "a.b.io:5000/ns/sub/name",
            "a.b.io:5000/ns/sub",
            "a.b.io:5000/ns",
            "a.b.io:5000",
        ] {
            check(&scope(accepted, yes), image).unwrap();
        }
        for other in ["a.b.io:5000/ns/sub/name:v2", "a.b.io:5000/n", "*.b.io:5000", "b.io:5000"] {
            let error = check(&scope(other, yes), image).unwrap_err();
            assert_eq!(
                error,
                "Source image rejected: a.b.io:5000/ns/sub/name:v1 is rejected by policy: transports.docker.\"a.b.io:5000\" in \
                 /p/policy.json says so"
            );
        }
        // Domains come after hosts, before all others.
        let domain = format!(r#"{{"default":{no},"transports":{{"docker":{{"":{no},"*.b.io":{yes}}}}}}}"#);
        check(&domain, "a.b.io/x:1").unwrap();
        check(&domain, "b.io/x:1").unwrap_err();
        // A digest is what decides, whatever the tag.
        let tagged = scope("a.b.io:5000/ns/sub/name:v1", yes);
        check(&tagged, &format!("{image}@{SHA}")).unwrap_err();
        check(&scope(&format!("a.b.io:5000/ns/sub/name@{SHA}"), yes), &format!("{image}@{SHA}")).unwrap();
    }

    #[test]
    fn archives_and_layouts_have_rules_of_their_own() {
        let policy = r#"{"default":[{"type":"insecureAcceptAnything"}],"transports":{
            "docker-archive":{"":[{"type":"reject"}]},"oci":{"/no-such/dir":[{"type":"reject"}]}}}"#;
        check(policy, "quay.io/x:1").unwrap();
        check(policy, "oci-archive:/x.tar").unwrap();
        check(policy, "oci:/other").unwrap();
        assert!(
            check(policy, "docker-archive:/x.tar")
                .unwrap_err()
                .starts_with("Source image rejected: docker-archive:/x.tar is")
        );
        check(policy, "oci:/no-such/dir/below:tag").unwrap_err();
    }

    #[test]
    fn signatures_are_not_passed_over() {
        for kind in ["signedBy", "sigstoreSigned", "signedBaseLayer"] {
            let policy =
                format!(r#"{{"default":[{{"type":"insecureAcceptAnything"}},{{"type":"{kind}","keyPath":"/k"}}]}}"#);
            let error = check(&policy, "quay.io/x:1").unwrap_err();
            assert!(
                error
                    .starts_with("Source image rejected: default in /p/policy.json demands a signature of quay.io/x:1")
                    && error.contains(kind)
                    && error.contains("insecureAcceptAnything"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_policy_that_is_not_understood_is_an_error() {
        let cases = [
            ("{", "EOF"),
            ("{}", "missing field `default`"),
            (r#"{"default":[]}"#, "a list of requirements is empty"),
            (r#"{"default":[{"type":"reject"}],"transports":{"docker":{"":[]}}}"#, "a list of requirements is empty"),
            (r#"{"default":[{"type":"trust"}]}"#, "no requirement `trust`"),
            (r#"{"default":[{"type":"reject"}],"transport":{}}"#, "unknown field `transport`"),
        ];
        for (policy, expected) in cases {
            let error = check(policy, "quay.io/x:1").unwrap_err();
            assert!(
                error.starts_with("/p/policy.json: the policy is malformed: ") && error.contains(expected),
                "{error}"
            );
        }
    }
}
