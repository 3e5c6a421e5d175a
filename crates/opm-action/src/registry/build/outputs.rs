//! Where an image goes.

use anyhow::{bail, ensure};
use opm_image::build::Output;
use opm_image::{Reference, Source};

use super::{Options, check_base};
use crate::build::Builder;

/// Where an image goes, registries first: what fails there leaves no files.
#[derive(Debug)]
pub(super) struct Outputs(pub(super) Vec<Output>);

impl Outputs {
    /// Checks all that is known before any work is done.
    pub(super) fn new(options: &Options) -> anyhow::Result<Self> {
        let to = options.to.as_deref().map(to).transpose()?;
        let save = options.save.as_deref().map(save).transpose()?;
        let outputs: Vec<Output> = to.into_iter().chain(save).collect();
        if outputs.is_empty() {
            ensure!(options.database.is_some(), "say where the index goes: --to, --save or --to-db");
        } else {
            if let Some(base) = options.base.as_deref().filter(|base| *base != "scratch") {
                base.parse::<Source>()?;
            }
            check_base(&Builder::Native(outputs.clone()), options.base.as_deref())?;
        }
        Ok(Self(outputs))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn to(text: &str) -> anyhow::Result<Output> {
    match text.parse::<Source>()? {
        Source::Registry(reference) => {
            ensure!(is_tag(&reference), "{text}: an image is pushed under a tag, REGISTRY/REPOSITORY:TAG");
            Ok(Output::Registry(reference))
        }
        _ => Ok(text.parse()?),
    }
}

fn is_tag(reference: &Reference) -> bool {
    reference.digest().is_none() && reference.tag().is_some()
}

fn save(text: &str) -> anyhow::Result<Output> {
    match text.split_once(':') {
        Some(("oci" | "oci-archive" | "docker-archive", _)) => Ok(text.parse()?),
        _ if text.is_empty() => bail!("say with --save which file the image is written to"),
        _ => Ok(Output::OciArchive { file: text.into(), tag: None }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn places_are_checked_first() {
        let outputs = |to: Option<&str>, save: Option<&str>, base: &str| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let options = Options { to: own(to), save: own(save), base: Some(base.to_owned()), ..Options::default() };
            let outputs = Outputs::new(&options).map_err(|error| format!("{error:#}"))?;
            Ok::<_, String>(outputs.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(
            outputs(Some("r.io/ns/x:1"), Some("a:b.tar"), "scratch").unwrap(),
            "r.io/ns/x:1 oci-archive:a:b.tar"
        );
        assert_eq!(
            outputs(Some("oci:d:1"), Some("docker-archive:x.tar"), "q.io/x:1").unwrap(),
            "oci:d:1 docker-archive:x.tar"
        );
        let digest = format!("r.io/x@sha256:{}", "a".repeat(64));
        for (to, save, base, why) in [
            (None, None, "scratch", "--to, --save or --to-db"),
            (Some(digest.as_str()), None, "scratch", "pushed under a tag"),
            (Some("r.io/X:1"), None, "scratch", "r.io/X:1"),
            (Some("r.io/x:1"), Some(""), "scratch", "--save"),
            (Some("r.io/x:1"), None, "q.io/X", "q.io/X"),
        ] {
            let error = outputs(to, save, base).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
