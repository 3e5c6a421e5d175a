//! A built image into a registry: what a manifest names before the manifest, and the tag at the very end.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::build::{AT_ONCE, Blob, Blobs, Made, Origin};
use crate::client::Client;
use crate::error::{ErrorKind, ImageError};
use crate::image::Store;
use crate::progress::{Event, Progress};
use crate::reference::Reference;
use crate::transport::{Mount, Transport};

/// Pushes all that the repository lacks, and then the tag.
pub(crate) async fn push(
    blobs: &Blobs<'_>,
    made: &Made,
    to: &Reference,
    progress: &dyn Progress,
) -> Result<(), ImageError> {
    let of_target = |kind| ImageError::of(to, kind);
    let transport = way(blobs.client, to).await.map_err(of_target)?;
    let pushes: Vec<_> = made.blobs.values().map(|blob| push_blob(blobs, blob, (to, &transport), progress)).collect();
    stream::iter(pushes).buffer_unordered(AT_ONCE).try_collect::<()>().await?;

    for child in &made.children {
        transport.put_manifest(to, child.digest.as_str(), child, progress).await.map_err(of_target)?;
    }
    let tag = to.tag().ok_or_else(|| of_target(ErrorKind::NotFound("there is no tag to push under".to_owned())))?;
    transport.put_manifest(to, tag, &made.top, progress).await.map_err(of_target)
}

/// Sees to it that the repository has a blob, by the shortest way there is.
async fn push_blob(
    blobs: &Blobs<'_>,
    blob: &Blob,
    (to, transport): (&Reference, &Transport),
    progress: &dyn Progress,
) -> Result<(), ImageError> {
    let of_blob = |kind| match &blob.origin {
        Origin::Base(..) => ImageError::in_layer(to, &blob.digest, kind),
        Origin::File(_) | Origin::Elsewhere(_) => ImageError::of(to, kind),
    };
    if matches!(blob.origin, Origin::Elsewhere(_))
        || transport.has_blob(to, &blob.digest, progress).await.map_err(of_blob)?
    {
        return Ok(());
    }
    let mut session = None;
    if let Some(from) = elsewhere(blobs, &blob.origin, to, progress).await {
        match transport.mount(to, from, &blob.digest, progress).await {
            Mount::Taken => return Ok(()),
            Mount::Upload(begun) => session = Some(begun),
            Mount::Refused => {}
        }
    }
    // Who may not write is told before anything is fetched.
    if session.is_none() && !matches!(blob.origin, Origin::File(_)) {
        session = transport.session_ahead(to).await.map_err(of_blob)?;
    }
    let file = blobs.local(blob, progress).await?;
    progress.event(Event::Pushing { digest: &blob.digest, size: blob.size });
    transport.upload(to, (&blob.digest, blob.size), &file, session, progress).await.map_err(of_blob)
}

/// In which other repository of the same registry a blob is.
async fn elsewhere<'a>(
    blobs: &Blobs<'_>,
    origin: &'a Origin,
    to: &Reference,
    progress: &dyn Progress,
) -> Option<&'a Reference> {
    let Origin::Base(image, _) = origin else { return None };
    let Store::Registry(places) = &*image.0.store else { return None };
    let from = &places.chosen(blobs.client, progress).await.ok()?.reference;
    (from.api_host() == to.api_host() && from.repository() != to.repository()).then_some(from)
}

/// The way to a registry: of those that the machine's settings allow, the first that leads to an answer.
pub(crate) async fn way(client: &Client, to: &Reference) -> Result<Arc<Transport>, ErrorKind> {
    let mut ways = client.ways(client.registries()?.insecure(to)?)?;
    let last = ways.pop().ok_or_else(|| ErrorKind::Setup("no way to the registry".to_owned()))?;
    for way in ways {
        if way.answers(to).await {
            return Ok(way);
        }
    }
    Ok(last)
}
