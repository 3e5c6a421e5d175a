//! An image into one tar file, whose bytes depend on the image alone.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::draft::{draft, settle};
use super::oci::{Order, VERSION, blob_path, described, indexed};
use crate::build::{Blobs, Contents, Copy, Made, Origin, Stoppable};
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::progress::Progress;
use crate::unpack::{Stop, Worker, decompress, unreadable};

/// Writes an image as an OCI image layout into a tar file, under a tag.
pub(crate) async fn write_oci(
    blobs: &Blobs<'_>,
    made: &Made,
    (file, tag): (&Path, Option<&str>),
    epoch: u64,
    progress: &dyn Progress,
) -> Result<(), ImageError> {
    let contents = oci_contents(blobs, made, tag, progress).await?;
    write(contents, file, epoch).await.map_err(ImageError::from)
}

/// Writes an image as `docker save` does, under a name and tag.
pub(crate) async fn write_docker(
    blobs: &Blobs<'_>,
    made: &Made,
    (file, tag): (&Path, Option<&str>),
    epoch: u64,
    progress: &dyn Progress,
) -> Result<(), ImageError> {
    let contents = docker_contents(blobs, made, tag, progress).await?;
    write(contents, file, epoch).await.map_err(ImageError::from)
}

/// The files of an OCI image layout.
async fn oci_contents(
    blobs: &Blobs<'_>,
    made: &Made,
    tag: Option<&str>,
    progress: &dyn Progress,
) -> Result<Contents, ImageError> {
    let mut contents = Contents::default();
    let stored = made.blobs.values().filter(|blob| !matches!(blob.origin, Origin::Elsewhere(_)));
    for (digest, file) in blobs.all_local(stored, progress).await? {
        contents.file(&blob_path(&digest), file, false)?;
    }
    for document in made.documents() {
        let path = blob_path(&document.digest);
        put(blobs, &mut contents, &path, &document.bytes)?;
    }
    let index = indexed(None, described(&made.top, tag), Order::Last).map_err(ErrorKind::Manifest)?;
    put(blobs, &mut contents, "index.json", &index)?;
    put(blobs, &mut contents, "oci-layout", VERSION.as_bytes())?;
    Ok(contents)
}

/// The files of what `docker save` writes: configurations and layers by their digests, layers without compression.
async fn docker_contents(
    blobs: &Blobs<'_>,
    made: &Made,
    tag: Option<&str>,
    progress: &dyn Progress,
) -> Result<Contents, ImageError> {
    let [image] = &made.images[..] else {
        let why =
            "a docker archive holds an image for one platform; choose one with --platform, or write an OCI archive";
        return Err(ErrorKind::Unsupported(why.to_owned()).into());
    };
    let mut contents = Contents::default();
    let mut layers = Vec::new();
    for (digest, diff_id) in &image.layers {
        let path = format!("{}.tar", diff_id.hex());
        if !layers.contains(&path) {
            let blob =
                made.blobs.get(digest).ok_or_else(|| ErrorKind::Manifest(format!("layer {digest} is nowhere")))?;
            let from = blobs.local(blob, progress).await?;
            let into = blobs.place(&path);
            let limit = blobs.client.limits().unpacked;
            inflate(from, into.clone(), diff_id.clone(), limit)
                .await
                .map_err(|kind| ImageError::in_layer("docker archive", digest, kind))?;
            contents.file(&path, into, false)?;
        }
        layers.push(path);
    }
    let config = format!("{}.json", image.config.hex());
    if let Some(blob) = made.blobs.get(&image.config) {
        contents.file(&config, blobs.local(blob, progress).await?, false)?;
    }
    let tags: Option<Vec<&str>> = tag.map(|tag| vec![tag]);
    let manifest = json!([{"Config": config, "RepoTags": tags, "Layers": layers}]);
    put(blobs, &mut contents, "manifest.json", manifest.to_string().as_bytes())?;
    Ok(contents)
}

fn put(blobs: &Blobs<'_>, contents: &mut Contents, path: &str, bytes: &[u8]) -> Result<(), ErrorKind> {
    match blobs.put(bytes)?.origin {
        Origin::File(file) => contents.file(path, file, false),
        Origin::Base(..) | Origin::Elsewhere(_) => Ok(()),
    }
}

/// Decompresses a layer and checks what comes of it.
async fn inflate(from: PathBuf, into: PathBuf, expected: Digest, limit: u64) -> Result<(), ErrorKind> {
    let stop = Stop::default();
    let asked = stop.clone();
    let work = move || {
        let unread = |error| unreadable(&error);
        let written = |error| ErrorKind::io(&into)(error);
        let reader = BufReader::with_capacity(128 << 10, File::open(&from).map_err(ErrorKind::io(&from))?);
        let mut stream = decompress(reader).map_err(unread)?;
        let mut file = File::create(&into).map_err(written)?;
        let copy = Copy { hasher: expected.hasher(), limit, stop: &asked };
        let found = copy.run((&mut stream, &unread), (&mut file, &written))?;
        if found == expected { Ok(()) } else { Err(ErrorKind::Digest { what: "the layer", expected, found }) }
    };
    Worker::start(&stop, work).end().await
}

/// Writes the tar file beside its place and renames it.
async fn write(contents: Contents, file: &Path, epoch: u64) -> Result<(), ErrorKind> {
    let (file, stop) = (file.to_owned(), Stop::default());
    let asked = stop.clone();
    let work = move || {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft = draft(parent)?;
        let mut out = BufWriter::with_capacity(128 << 10, Stoppable { inner: draft.as_file(), stop: &asked });
        let written = contents.archive(&mut out, &file, epoch);
        asked.check()?;
        written?;
        out.flush().map_err(ErrorKind::io(&file))?;
        drop(out);
        settle(draft, &file)
    };
    Worker::start(&stop, work).end().await
}
