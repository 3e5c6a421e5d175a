//! Building images: by ourselves, or with a container tool.

mod native;
mod tool;

use anyhow::{bail, ensure};
use opm_image::Digest;
use opm_image::build::Output;

pub use tool::BuildTool;

use crate::Context;
pub(crate) use native::{Native, add_programs, runs_alone, this_program};

/// How an image is built, and where it goes.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// The name of the image.
    pub tag: Option<String>,
    /// What builds it. Where nothing is named, we do if there is an output, else podman or docker, whichever is installed.
    pub tool: Option<BuildTool>,
    /// Where the image goes that we build: `registry`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME:TAG]`.
    pub outputs: Vec<String>,
}

/// An image that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Its name, or where it is.
    pub name: String,
    /// Its digest, where we built it ourselves.
    pub digest: Option<Digest>,
}

/// What is going to build an image.
#[derive(Clone, Debug)]
pub(crate) enum Builder {
    /// We, to these places.
    Native(Vec<Output>),
    /// A tool that is installed, under this name.
    Tool(BuildTool, String),
}

impl BuildOptions {
    /// Decides what builds the image, before any work is done. `default_tag` is what tools name it; `instead` is what one may do
    /// without any of that.
    pub(crate) fn builder(&self, default_tag: &str, instead: &str) -> anyhow::Result<Builder> {
        match (self.tool, self.outputs.is_empty()) {
            (Some(tool), false) if tool != BuildTool::None => {
                bail!(
                    "an image that is pushed or written to a place is built without {tool}: leave out the flag that names it"
                )
            }
            (Some(BuildTool::None), true) | (_, false) => Ok(Builder::Native(self.outputs()?)),
            (tool, true) => {
                let tag = self.tag.as_deref().unwrap_or(default_tag);
                ensure!(!tag.is_empty() && !tag.starts_with('-'), "{tag:?} is no name of an image");
                Ok(Builder::Tool(BuildTool::installed(tool, instead)?, tag.to_owned()))
            }
        }
    }

    /// Where an image goes that we build.
    pub(crate) fn outputs(&self) -> anyhow::Result<Vec<Output>> {
        ensure!(
            !self.outputs.is_empty(),
            "say where the image goes: --push, or --output with oci:DIR, oci-archive:FILE or docker-archive:FILE"
        );
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for text in &self.outputs {
            let output = match (text.as_str(), &self.tag) {
                ("registry", Some(tag)) => Output::Registry(tag.parse()?),
                ("registry", None) => bail!("say with --tag where the image is pushed to: REGISTRY/REPOSITORY:TAG"),
                _ => match text.parse() {
                    Ok(Output::Registry(_)) | Err(_) => bail!(
                        "{text:?} is no output: there are registry, oci:DIR[:TAG], oci-archive:FILE[:TAG] and \
                        docker-archive:FILE[:NAME:TAG]"
                    ),
                    Ok(Output::OciLayout { dir, tag: None }) => Output::OciLayout { dir, tag: self.tag.clone() },
                    Ok(Output::OciArchive { file, tag: None }) => Output::OciArchive { file, tag: self.tag.clone() },
                    Ok(Output::DockerArchive { file, tag: None }) => {
                        Output::DockerArchive { file, tag: self.tag.clone() }
                    }
                    Ok(named) => named,
                },
            };
            if !outputs.contains(&output) {
                outputs.push(output);
            }
        }
        Ok(outputs)
    }
}

impl Builder {
    /// Whether we build the image ourselves.
    pub(crate) fn is_native(&self) -> bool {
        matches!(self, Self::Native(_))
    }

    /// Checks what an image that has no base would be made of, before any work is done.
    pub(crate) fn check(&self, base: Option<&str>) -> anyhow::Result<()> {
        match (self, base) {
            (Self::Native(_), None) => native::own_binary().map(drop),
            _ => Ok(()),
        }
    }

    /// What is built, for people.
    fn names(outputs: &[Output]) -> String {
        outputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    pub(crate) async fn native(outputs: &[Output], image: Native<'_>, context: &Context) -> anyhow::Result<Built> {
        let digest = image.build(outputs, context).await?;
        Ok(Built { name: Self::names(outputs), digest: Some(digest) })
    }
}
