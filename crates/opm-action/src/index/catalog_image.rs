//! Catalogs of files into images.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_catalog::{Index, Purpose, Report, pack};
use opm_image::build::{Change, Contents};

use crate::build::{BuildTool, Builder, Built, Native};
use crate::index::DEFAULT_BINARY_IMAGE;
use crate::index::pipeline::{CONFIGS_LABEL, DOCKERFILE, write_atomically};
use crate::serve::store::ENCODING;
use crate::{Context, ImageOptions, bundles};

/// Where an image keeps its catalog.
const CONFIGS: &str = "configs";
/// Where an image keeps what is made of its catalog.
const CACHE: &str = "tmp/cache";

/// A catalog on its way into an image.
pub(crate) struct CatalogImage<'a> {
    /// The catalog: a directory or a file.
    pub(crate) catalog: &'a Path,
    /// The image that it is built on.
    pub(crate) base: Option<&'a str>,
    /// Whether the pack of the catalog is part of the image.
    pub(crate) with_pack: bool,
    pub(crate) images: &'a ImageOptions,
}

impl CatalogImage<'_> {
    /// Validates the catalog, and builds its image. Of the catalog's directory, the image has what is read of it.
    pub(crate) async fn build(&self, builder: &Builder, context: &Context) -> anyhow::Result<Built> {
        let place = bundles::private_dir()?;
        let files = self.prepare(place.path(), context)?;
        match builder {
            Builder::Native(outputs) => {
                let mut contents = Contents::default();
                for (path, from) in files {
                    contents.file(&path, from, false)?;
                }
                let native = Native { base: self.base, contents, change: self.change(), images: self.images };
                Builder::native(outputs, native, context).await
            }
            Builder::Tool(tool, tag) => {
                lay_out(place.path(), &files)?;
                write(&place.path().join(DOCKERFILE), &self.dockerfile()?)?;
                let verb = if *tool == BuildTool::Buildah { "bud" } else { "build" };
                tool.run(&[verb, "-f", DOCKERFILE, "-t", tag, "."], place.path(), context).await?;
                Ok(Built { name: tag.clone(), digest: None })
            }
        }
    }

    /// The files of the image, by their paths in it. The pack is made in `place`.
    fn prepare(&self, place: &Path, context: &Context) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        tokio::task::block_in_place(|| {
            let mut index = Index::default();
            index.read(self.catalog, Purpose::Check, context.stop())?;
            index.validate().and_then(Report::into_result)?;
            let root = self.directory(place)?;
            let mut files = BTreeMap::new();
            for file in opm_catalog::files(&root)? {
                let name = file.strip_prefix(&root)?.to_str();
                let name = name.with_context(|| format!("{} has a name that is not UTF-8", file.display()))?;
                files.insert(format!("{CONFIGS}/{name}"), file);
            }
            if self.with_pack {
                let pack = place.join(pack::FILE_NAME);
                pack::build(&root, &pack, &ENCODING, context.stop())?;
                files.insert(format!("{CACHE}/{}", pack::FILE_NAME), pack);
            }
            Ok(files)
        })
    }

    /// The catalog as a directory, which it is in the image. Packs belong to files at their paths.
    fn directory(&self, place: &Path) -> anyhow::Result<PathBuf> {
        if self.catalog.is_dir() {
            return Ok(self.catalog.to_owned());
        }
        let (root, name) = (place.join("catalog"), self.catalog.file_name().unwrap_or(CONFIGS.as_ref()));
        fs::create_dir(&root).with_context(|| format!("create {}", root.display()))?;
        fs::copy(self.catalog, root.join(name)).with_context(|| format!("copy {}", self.catalog.display()))?;
        Ok(root)
    }

    fn change(&self) -> Change {
        Change {
            labels: BTreeMap::from([(CONFIGS_LABEL.to_owned(), format!("/{CONFIGS}"))]),
            ports: vec!["50051/tcp".to_owned()],
            entrypoint: Some(vec!["/bin/opm".to_owned()]),
            cmd: Some(self.arguments()),
            history: "opm index".to_owned(),
            ..Change::default()
        }
    }

    /// How `opm` is started in the image.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["serve".to_owned(), format!("/{CONFIGS}")];
        if self.with_pack {
            arguments.push(format!("--cache-dir=/{CACHE}"));
        }
        arguments
    }

    /// Validates the catalog, and writes what its image is built from to a directory: the catalog as `configs`, and a Dockerfile.
    pub(crate) fn write(&self, directory: &Path, dockerfile: &Path, context: &Context) -> anyhow::Result<()> {
        let place = bundles::private_dir()?;
        let files = self.prepare(place.path(), context)?;
        let (target, draft) = (directory.join(CONFIGS), directory.join(format!(".opm-{CONFIGS}.tmp")));
        ensure!(!target.exists(), "{} is there already: remove it, or run the command elsewhere", target.display());
        let text = self.dockerfile()?;
        let made = lay_out(&draft, &files)
            .and_then(|()| {
                fs::rename(draft.join(CONFIGS), &target).with_context(|| format!("write {}", target.display()))
            })
            .and_then(|()| write(dockerfile, &text));
        let _gone = fs::remove_dir_all(&draft);
        made
    }

    fn dockerfile(&self) -> anyhow::Result<String> {
        let base = self.base.unwrap_or(DEFAULT_BINARY_IMAGE);
        let cache = if self.with_pack { format!("ADD {CACHE} /{CACHE}\n") } else { String::new() };
        let arguments = serde_json::to_string(&self.arguments())?;
        Ok(format!(
            "FROM {base}\nLABEL {CONFIGS_LABEL}=/{CONFIGS}\nADD {CONFIGS} /{CONFIGS}\n{cache}EXPOSE 50051\n\
            ENTRYPOINT [\"/bin/opm\"]\nCMD {arguments}\n"
        ))
    }
}

/// Copies the files of an image to a directory.
fn lay_out(directory: &Path, files: &BTreeMap<String, PathBuf>) -> anyhow::Result<()> {
    for (path, from) in files {
        let to = directory.join(path);
        let parent = to.parent().unwrap_or(directory);
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        fs::copy(from, &to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_atomically(path, text.as_bytes()).with_context(|| format!("write {}", path.display()))
}
