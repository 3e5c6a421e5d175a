//! One image: what its manifests name before them, and its name at the very end.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::blobs::{Target, Traffic, on_a_thread};
use super::{Copied, Place, Task};
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::layout::Stock;
use crate::manifest::{self, Manifest};
use crate::progress::{Event, Progress};
use crate::push::way;
use crate::reference::Reference;
use crate::resolve::{Whole, whole};
use crate::source::Source;
use crate::transport::Call;

/// What cosign calls what it keeps of an image, behind the digest.
const BESIDE: [&str; 3] = ["sig", "att", "sbom"];

/// No more of what refers to an image is copied.
const MOST_REFERRERS: usize = 64;

impl Traffic<'_> {
    /// Copies one image, and what is signed of it.
    pub(super) async fn image(&self, task: &Task, progress: &dyn Progress) -> Result<Copied, ErrorKind> {
        let copied = self.copy(&task.from, &task.to, task.known.as_ref(), progress).await?;
        if self.settings.signatures && !self.settings.dry_run && !copied.was_there {
            for kind in BESIDE {
                self.beside(task, &copied, kind, progress).await;
            }
            self.referrers(task, &copied, progress).await;
        }
        Ok(copied)
    }

    async fn copy(
        &self,
        from: &Source,
        to: &Place,
        known: Option<&Digest>,
        progress: &dyn Progress,
    ) -> Result<Copied, ErrorKind> {
        let text = to.to_string();
        let target = match to {
            Place::Registry(to) => Target::Registry(to, way(self.client, to).await?),
            Place::Layout { dir, .. } => Target::Layout(Stock::at(dir)?),
        };
        // What is there under its name is complete, and asking for it is cheap when the digest is known.
        let there = match &target {
            Target::Registry(to, transport) => transport.head_manifest(to, to.object(), progress).await?,
            Target::Layout(_) => None,
        };
        let wanted = match from {
            Source::Registry(source) => source.digest(),
            _ => None,
        };
        if let Some(there) = there.as_ref().filter(|there| [wanted, known].contains(&Some(*there))) {
            return Ok(Copied { digest: there.clone(), was_there: true });
        }
        let whole = whole(self.client, from, progress).await?;
        let Some(top) = whole.documents.last() else {
            return Err(ErrorKind::Manifest("there is no manifest".to_owned()));
        };
        let digest = top.digest.clone();
        if there.as_ref() == Some(&digest) {
            return Ok(Copied { digest, was_there: true });
        }
        progress.event(Event::Writing { output: &text });
        self.fill(&whole, &target, progress).await?;
        if !self.settings.dry_run {
            match (&target, to) {
                (Target::Registry(to, transport), _) => {
                    transport.put_manifest(to, to.object(), top, progress).await?;
                }
                (Target::Layout(stock), Place::Layout { name, .. }) => {
                    let (stock, name) = (stock.clone(), name.clone());
                    let top = top.clone();
                    on_a_thread(move || stock.put(&top).and_then(|()| stock.name(&top, &name))).await?;
                }
                (Target::Layout(_), Place::Registry(_)) => {}
            }
            progress.event(Event::Written { output: &text, digest: &digest });
        }
        Ok(Copied { digest, was_there: false })
    }

    /// Everything but the name.
    async fn fill(&self, whole: &Whole, target: &Target<'_>, progress: &dyn Progress) -> Result<(), ErrorKind> {
        let blobs: Vec<_> = whole
            .blobs
            .iter()
            .map(|(digest, size)| self.blob((digest, *size), &whole.store, target, progress))
            .collect();
        stream::iter(blobs).buffer_unordered(self.settings.blobs.max(1)).try_collect::<()>().await?;
        if self.settings.dry_run {
            return Ok(());
        }
        let children = whole.documents.split_last().map_or(&[][..], |(_, children)| children);
        for child in children {
            match target {
                Target::Registry(to, transport) => {
                    let object = child.digest.as_str();
                    if transport.head_manifest(to, object, progress).await?.as_ref() != Some(&child.digest) {
                        transport.put_manifest(to, object, child, progress).await?;
                    }
                }
                Target::Layout(stock) => {
                    let (stock, child) = (stock.clone(), child.clone());
                    on_a_thread(move || stock.put(&child)).await?;
                }
            }
        }
        Ok(())
    }

    /// What cosign keeps of an image under a tag of its own. Most images have none, and an image without is an image.
    async fn beside(&self, task: &Task, copied: &Copied, kind: &str, progress: &dyn Progress) {
        let tag = format!("{}-{}.{kind}", copied.digest.algorithm(), copied.digest.hex());
        let tagged = |of: &Reference| format!("{}/{}:{tag}", of.registry(), of.repository());
        // In a layout it is called as its image is, with another tag.
        let named = |name: &str| name.parse::<Reference>().ok().map(|of| tagged(&of));
        let from = match &task.from {
            Source::Registry(of) => tagged(of).parse::<Reference>().ok().map(Source::Registry),
            Source::OciLayout { dir, tag: Some(name) } => {
                named(name).map(|name| Source::OciLayout { dir: dir.clone(), tag: Some(name) })
            }
            _ => None,
        };
        let to = match &task.to {
            Place::Registry(of) => tagged(of).parse::<Reference>().ok().map(Place::Registry),
            Place::Layout { dir, name } => named(name).map(|name| Place::Layout { dir: dir.clone(), name }),
        };
        if let (Some(from), Some(to)) = (from, to)
            && let Err(error) = self.copy(&from, &to, None, progress).await
        {
            tracing::debug!(%from, %error, "not copied");
        }
    }

    /// What says of itself that it belongs to an image (distribution specification 1.1, "Listing Referrers"). Many registries
    /// have no such list.
    async fn referrers(&self, task: &Task, copied: &Copied, progress: &dyn Progress) {
        let (Source::Registry(from), Place::Registry(to)) = (&task.from, &task.to) else { return };
        let listed = async {
            let missing = "the registry lists no referrers";
            let mut call = Call::pull(from, format!("referrers/{}", copied.digest), missing);
            call.addressed_by_content = false;
            let (limit, what) = (self.client.limits().manifest, "the size of the list of referrers in bytes");
            let answer = way(self.client, from).await?.fetch(&call, limit, what, progress).await?;
            match manifest::decode(&answer.body, None)? {
                Manifest::Index(index) => Ok(index.manifests),
                Manifest::Image(..) => Err(ErrorKind::Manifest("the list of referrers is an image".to_owned())),
            }
        };
        for entry in listed.await.unwrap_or_default().iter().take(MOST_REFERRERS) {
            let at = |of: &Reference| format!("{}/{}@{}", of.registry(), of.repository(), entry.digest).parse();
            if let (Ok(from), Ok(to)) = (at(from), at(to))
                && let Err(error) = self.copy(&Source::Registry(from), &Place::Registry(to), None, progress).await
            {
                tracing::debug!(image = %task.from, referrer = entry.digest, %error, "not copied");
            }
        }
    }
}
