//! Getting bundles: from images in registries, layouts and archives, and from directories.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use futures_util::{StreamExt, stream};
use opm_bundle::Bundle;
use opm_image::{Client, Image, Keep, Limits, Options, Source};
use tempfile::TempDir;

use crate::local::{Found, LocalImage};
use crate::tool::inside;
use crate::{Context, PullTool};

/// How many bundles are pulled at a time.
const AT_ONCE: usize = 16;
/// The largest file of a bundle that is read, in bytes. Real ones stay below a tenth of this.
const LARGEST_FILE: u64 = 64 << 20;
/// What all layers of a bundle's image may decompress to, in bytes. Real ones stay below a hundredth of this.
const LARGEST_IMAGE: u64 = 2 << 30;
/// The most files, directories and links below `manifests/` and `metadata/`. Real bundles have a few dozen.
const MOST_FILES: u64 = 10_000;

/// Gets the bundles of these references, several at a time, and returns them in the given order.
///
/// A reference that is an existing directory is taken for an unpacked bundle, an existing file for an image archive;
/// anything else names an image, of a registry or with a prefix such as `oci:`, or with `containers-storage:` or `docker-daemon:`
/// one that podman or docker has, which must then be installed. Bundles that are in no registry are stored
/// without an image, so that catalogs hold their content.
pub async fn get(
    references: &[String],
    options: &Options,
    tool: PullTool,
    context: &Context,
) -> anyhow::Result<Vec<Bundle>> {
    get_as(references, options, tool, context, read_dir).await
}

/// The same, with what `read` makes of the directory of a bundle and the reference to remember.
pub(crate) async fn get_as<T>(
    references: &[String],
    options: &Options,
    tool: PullTool,
    context: &Context,
    read: impl Fn(&Path, &str) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    LocalImage::check(references)?;
    let client = Client::new(options.clone(), context.environment.clone())?;
    let limits = Limits { unpacked: LARGEST_IMAGE, kept: MOST_FILES, ..client.limits().clone() };
    let client = client.with_limits(limits);
    let all = stream::iter(references)
        .map(|reference| async {
            match tool.for_reference(reference) {
                PullTool::None => get_one(&client, reference, context, &read).await,
                tool => get_with(tool, reference, options, &read).await,
            }
        })
        .buffered(AT_ONCE)
        .collect::<Vec<anyhow::Result<T>>>();
    let all = context.unless_interrupted(async { Ok(all.await) }).await?;
    let mut bundles = Vec::with_capacity(all.len());
    let mut failures = Vec::new();
    for result in all {
        match result {
            Ok(bundle) => bundles.push(bundle),
            Err(error) => failures.push(error),
        }
    }
    match failures.len() {
        0 => Ok(bundles),
        1 => Err(failures.remove(0)),
        _ => Err(anyhow!(failures.iter().map(|f| format!("{f:#}")).collect::<Vec<_>>().join("\n"))),
    }
}

async fn get_one<T>(
    client: &Client,
    reference: &str,
    context: &Context,
    read: &impl Fn(&Path, &str) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let local = Path::new(reference);
    if local.is_dir() {
        return read(local, "").with_context(|| format!("bundle directory {reference}"));
    }
    let unpacked = private_dir()?;
    let image = resolve(client, reference, context).await?;
    let kept = Keep::under(["manifests", "metadata"]);
    // An empty place within the private directory, which is dropped with all that is in it.
    let root = unpacked.path().join("image");
    let bundle = client.unpack(&image, &root, &kept, context.progress.as_ref()).await?;
    let remembered = if matches!(image.source(), Source::Registry(_)) { reference } else { "" };
    read(bundle.root(), remembered).with_context(|| format!("bundle image {reference}"))
}

async fn get_with<T>(
    tool: PullTool,
    reference: &str,
    options: &Options,
    read: &impl Fn(&Path, &str) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let dir = private_dir()?;
    tool.pull(reference, options).await?;
    tool.unpack(reference, dir.path()).await?;
    for part in ["manifests", "metadata"] {
        if let Ok(entries) = fs::read_dir(inside(dir.path(), part)?) {
            for entry in entries {
                inside(dir.path(), &format!("{part}/{}", entry?.file_name().to_string_lossy()))?;
            }
        }
    }
    read(dir.path(), reference).with_context(|| format!("bundle image {reference}"))
}

/// Looks up the image that a reference names: in a registry or layout, in an archive file, or in the storage of a container tool.
pub(crate) async fn resolve(client: &Client, reference: &str, context: &Context) -> anyhow::Result<Found> {
    if let Some(local) = LocalImage::of(reference) {
        let (dir, source) = local.save().await?;
        let image = client.resolve(&source, context.progress.as_ref()).await;
        return Ok(Found { image: image.with_context(|| reference.to_owned())?, _saved: Some(dir) });
    }
    let image = resolve_elsewhere(client, reference, context).await?;
    Ok(Found { image, _saved: None })
}

async fn resolve_elsewhere(client: &Client, reference: &str, context: &Context) -> anyhow::Result<Image> {
    let path = PathBuf::from(reference);
    if !path.is_file() {
        let beside = if path.exists() { "" } else { "; and there is no file or directory of this name" };
        let source = reference.parse().map_err(|error| anyhow!("{error}{beside}"))?;
        return Ok(client.resolve(&source, context.progress.as_ref()).await?);
    }
    let layout = Source::OciArchive { file: path.clone(), tag: None };
    match client.resolve(&layout, context.progress.as_ref()).await {
        Ok(image) => Ok(image),
        Err(first) => {
            let saved = Source::DockerArchive { file: path, tag: None };
            client.resolve(&saved, context.progress.as_ref()).await.map_err(|_| first.into())
        }
    }
}

/// A temporary directory that only this user may enter, and that goes away with the value.
pub(crate) fn private(prefix: &str) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir()
}

/// The same, with an error that says where.
pub(crate) fn private_dir() -> anyhow::Result<TempDir> {
    private("opm-")
        .with_context(|| format!("cannot create a temporary directory in {}", std::env::temp_dir().display()))
}

/// Reads the bundle in a directory with `manifests/` and `metadata/`; `image` is the reference to remember.
pub(crate) fn read_dir(dir: &Path, image: &str) -> anyhow::Result<Bundle> {
    let manifests = files(&dir.join("manifests"))?;
    let metadata = files(&dir.join("metadata"))?;
    Ok(Bundle::from_files(
        image,
        manifests.iter().map(|(name, content)| (name.as_str(), content.as_slice())),
        metadata.iter().map(|(name, content)| (name.as_str(), content.as_slice())),
    )?)
}

/// The regular files of a directory by name, with their content; none where there is no such directory.
pub(crate) fn files(dir: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut names: Vec<PathBuf> = match fs::read_dir(dir) {
        Ok(entries) => entries
            .map(|e| e.map(|e| e.path()))
            .collect::<Result<_, _>>()
            .with_context(|| format!("read {}", dir.display()))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(|| format!("read {}", dir.display())),
    };
    names.sort();
    let mut files = Vec::new();
    for path in names {
        let about = fs::metadata(&path).with_context(|| format!("read {}", path.display()))?;
        if !about.is_file() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        anyhow::ensure!(
            about.len() <= LARGEST_FILE,
            "{}/{name}: its {} bytes are more than the {LARGEST_FILE} that a file of a bundle may have",
            dir.file_name().unwrap_or_default().to_string_lossy(),
            about.len(),
        );
        files.push((name, fs::read(&path).with_context(|| format!("read {}", path.display()))?));
    }
    Ok(files)
}
