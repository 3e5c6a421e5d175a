//! Building bundle images.

use std::path::Path;

use opm_image::build::{Change, Contents};

use super::generate::{self, DOCKERFILE, Generated, generate};
use crate::build::{Builder, Native};
use crate::{BuildOptions, BuildTool, Built, Context, ImageOptions};

/// What to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the bundle is made of.
    pub generate: generate::Options,
    /// How its image is built; a container tool does so from the Dockerfile in the working directory.
    pub build: BuildOptions,
    /// Whether to replace annotations and a Dockerfile that are there.
    pub overwrite: bool,
    /// How to pull and push images.
    pub images: ImageOptions,
}

/// Generates a bundle's files and builds its image from them.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Built> {
    let base = Some(options.generate.base_image.as_str());
    let builder = options.build.builder("", "run `opm bundle generate` and build the image elsewhere")?;
    builder.check(base)?;
    let made = tokio::task::block_in_place(|| generate(&options.generate, options.overwrite, !builder.is_native()))?;
    match builder {
        Builder::Native(outputs) => {
            let Generated { labels, manifests, metadata } = made;
            let mut contents = Contents::default();
            tokio::task::block_in_place(|| {
                add(&mut contents, "manifests", &manifests)?;
                add(&mut contents, "metadata", &metadata)
            })?;
            let change = Change {
                labels: labels.pairs().into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                history: "opm bundle build".to_owned(),
                ..Change::default()
            };
            Builder::native(&outputs, Native { base, contents, change, images: &options.images }, context).await
        }
        Builder::Tool(tool, tag) => {
            let verb: &[&str] = if tool == BuildTool::Buildah { &["bud", "--format=docker"] } else { &["build"] };
            let arguments = [verb, &["-f", DOCKERFILE, "-t", &tag, "."]].concat();
            tool.run(&arguments, Path::new("."), context).await?;
            Ok(Built { name: tag, digest: None })
        }
    }
}

/// Adds all files of a directory.
fn add(contents: &mut Contents, name: &str, directory: &Path) -> anyhow::Result<()> {
    for entry in walkdir::WalkDir::new(directory).follow_links(true).min_depth(1) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            continue;
        }
        let below = entry.path().strip_prefix(directory)?;
        let below = below.to_str();
        let below = below.ok_or_else(|| anyhow::anyhow!("{} has a name that is not UTF-8", entry.path().display()))?;
        contents.file(&format!("{name}/{below}"), entry.path(), false)?;
    }
    Ok(())
}
