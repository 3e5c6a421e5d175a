//! What is signed of an image, attested or listed of its content. It is copied before the image gets its name, so that what has
//! a name has them. Most images have none, and an image without is an image: what fails here is only told.

use serde_json::json;

use super::blobs::{Target, Traffic, on_a_thread};
use super::{Place, Task};
use crate::build::Document;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::manifest::{self, Manifest};
use crate::progress::Progress;
use crate::push::way;
use crate::reference::Reference;
use crate::source::Source;
use crate::transport::Call;
use oci_distribution::manifest::{ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE};

/// What a tag has behind the digest of an image that it is about: what cosign adds; and nothing, for the list of what refers to the
/// image where a registry has no other (distribution specification 1.1, "Referrers Tag Schema").
const BESIDE: [&str; 4] = [".sig", ".att", ".sbom", ""];

/// No more of what refers to an image is copied.
const MOST_REFERRERS: usize = 64;

impl Traffic<'_> {
    /// Copies all there is beside an image, and answers what it consists of.
    pub(super) async fn signatures(&self, task: &Task, digest: &Digest, progress: &dyn Progress) -> Vec<(Digest, u64)> {
        let mut parts = Vec::new();
        let listed = self.referrers(task, digest, progress).await;
        for kind in BESIDE {
            let tag = format!("{}-{}{kind}", digest.algorithm(), digest.hex());
            let (Some(from), Some(to)) = (beside_source(&task.from, &tag), beside_place(&task.to, &tag)) else {
                continue;
            };
            if kind.is_empty() && !listed.is_empty() {
                match self.list(task, &listed, &to, progress).await {
                    Ok(found) => parts.extend(found),
                    Err(error) => tracing::warn!("what refers to {} is not copied: {error}", task.from),
                }
                continue;
            }
            // Asking a layout for what it lacks is more work than looking at all its names once.
            if let Source::OciLayout { dir, tag: Some(name) } = &from
                && !self.names(dir).is_ok_and(|names| names.contains_key(name))
            {
                continue;
            }
            match self.copy(&from, &to, progress).await {
                Ok(filled) => parts.extend(filled.parts),
                Err(error) => tracing::debug!(%from, %error, "not copied"),
            }
        }
        parts
    }

    /// What says of itself that it belongs to an image (distribution specification 1.1, "Listing Referrers"). Many registries
    /// have no such list.
    async fn referrers(&self, task: &Task, digest: &Digest, progress: &dyn Progress) -> Vec<ImageIndexEntry> {
        let Source::Registry(from) = &task.from else { return Vec::new() };
        let listed = async {
            let missing = "the registry lists no referrers";
            let mut call = Call::pull(from, format!("referrers/{digest}"), missing);
            call.addressed_by_content = false;
            let (limit, what) = (self.client.limits().manifest, "the size of the list of referrers in bytes");
            let answer = way(self.client, from).await?.fetch(&call, limit, what, progress).await?;
            match manifest::decode(&answer.body, None)? {
                Manifest::Index(index) => Ok(index.manifests),
                Manifest::Image(..) => Err(ErrorKind::Manifest("the list of referrers is an image".to_owned())),
            }
        };
        let mut listed = listed.await.unwrap_or_default();
        listed.truncate(MOST_REFERRERS);
        listed
    }

    /// Copies what a registry lists: into another registry, which makes a list of its own, or with the list into a layout or a tree.
    async fn list(
        &self,
        task: &Task,
        listed: &[ImageIndexEntry],
        to: &Place,
        progress: &dyn Progress,
    ) -> Result<Vec<(Digest, u64)>, ErrorKind> {
        let Source::Registry(from) = &task.from else { return Ok(Vec::new()) };
        let at = |of: &Reference, digest: &str| {
            format!("{}/{}@{digest}", of.registry(), of.repository()).parse::<Reference>().map_err(ErrorKind::Reference)
        };
        let (mut parts, mut arrived) = (Vec::new(), Vec::new());
        for entry in listed {
            let from = Source::Registry(at(from, &entry.digest)?);
            let copied = match to {
                Place::Registry(to) => self.copy(&from, &Place::Registry(at(to, &entry.digest)?), progress).await,
                Place::Layout { .. } | Place::Tree { .. } => self.unnamed(&from, to, progress).await,
            };
            match copied {
                Ok(filled) => {
                    parts.extend(filled.parts);
                    arrived.push(entry);
                }
                Err(error) => tracing::warn!("{from}, which refers to {}, is not copied: {error}", task.from),
            }
        }
        if let Target::Stock(stock) = self.target(to).await?
            && !arrived.is_empty()
        {
            let media_type = OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned();
            let list = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": arrived});
            let bytes = bytes::Bytes::from(list.to_string());
            let list = Document { digest: Digest::of(&bytes), bytes, media_type };
            parts.push((list.digest.clone(), list.bytes.len() as u64));
            let name = match to {
                Place::Layout { name, .. } | Place::Tree { object: name, .. } => name.clone(),
                Place::Registry(_) => return Ok(parts),
            };
            on_a_thread(move || stock.put(&list).and_then(|()| stock.name(&list, &name))).await?;
        }
        Ok(parts)
    }
}

/// What is called by `tag` where an image comes from. In a layout it is called as its image is, with another tag.
fn beside_source(of: &Source, tag: &str) -> Option<Source> {
    match of {
        Source::Registry(of) => retagged(of, tag).map(Source::Registry),
        Source::OciLayout { dir, tag: Some(name) } => {
            let name = retagged(&name.parse().ok()?, tag)?.to_string();
            Some(Source::OciLayout { dir: dir.clone(), tag: Some(name) })
        }
        Source::Tree { root, repository, .. } => {
            Some(Source::Tree { root: root.clone(), repository: repository.clone(), object: tag.to_owned() })
        }
        Source::OciLayout { tag: None, .. } | Source::OciArchive { .. } | Source::DockerArchive { .. } => None,
    }
}

fn beside_place(of: &Place, tag: &str) -> Option<Place> {
    match of {
        Place::Registry(of) => retagged(of, tag).map(Place::Registry),
        Place::Layout { dir, name } => {
            let name = retagged(&name.parse().ok()?, tag)?.to_string();
            Some(Place::Layout { dir: dir.clone(), name })
        }
        Place::Tree { root, repository, .. } => {
            Some(Place::Tree { root: root.clone(), repository: repository.clone(), object: tag.to_owned() })
        }
    }
}

fn retagged(of: &Reference, tag: &str) -> Option<Reference> {
    format!("{}/{}:{tag}", of.registry(), of.repository()).parse().ok()
}
