//! One image: what its manifests name before them, what is signed of it, and its name at the very end.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::blobs::{Target, Traffic, on_a_thread};
use super::{Arrival, Copied, Place, Task};
use crate::build::Document;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::layout::Stock;
use crate::manifest;
use crate::platform::Platform;
use crate::progress::{Event, Progress};
use crate::push::way;
use crate::resolve::{Whole, whole};
use crate::source::Source;

/// An image all of which is where it is to be, but for its name.
pub(super) struct Filled {
    pub(super) top: Document,
    pub(super) parts: Vec<(Digest, u64)>,
}

impl Traffic<'_> {
    /// Copies one image, and what is signed of it.
    pub(super) async fn image(&self, task: &Task, progress: &dyn Progress) -> Result<Copied, ErrorKind> {
        let target = self.target(&task.to).await?;
        let there = self.there(&target, &task.to, progress).await?;
        let wanted = match &task.from {
            Source::Registry(source) => source.digest(),
            _ => None,
        };
        // What has its name is complete, and asking for it is cheap when the digest is known.
        let same = there.as_ref().filter(|there| [wanted, task.known.as_ref()].contains(&Some(*there)));
        if let Some(digest) = same
            && let Some(parts) = self.parts(&target, &task.to, progress).await
        {
            return Ok(Copied { digest: digest.clone(), arrival: Arrival::Before, parts });
        }
        if let Some(digest) = wanted.filter(|digest| self.settings.left_out.contains(digest)) {
            return Ok(Copied { digest: digest.clone(), arrival: Arrival::LeftOut, parts: Vec::new() });
        }
        let whole = self.whole(&task.from, &self.settings.platforms, progress).await?;
        let digest = top(&whole)?.digest.clone();
        let mut arrival = Arrival::Copied;
        if self.settings.left_out.contains(&digest) {
            return Ok(Copied { digest, arrival: Arrival::LeftOut, parts: Vec::new() });
        }
        if there.as_ref() == Some(&digest) {
            arrival = Arrival::Before;
            if matches!(target, Target::Registry(..)) {
                return Ok(Copied { digest, arrival, parts: Vec::new() });
            }
        }
        let text = task.to.to_string();
        progress.event(Event::Writing { output: &text });
        let Filled { top, mut parts } = self.fill(&whole, &target, progress).await?;
        if !self.settings.dry_run {
            if self.settings.signatures {
                parts.extend(self.signatures(task, &digest, progress).await);
            }
            self.name(&target, &task.to, &top, progress).await?;
            progress.event(Event::Written { output: &text, digest: &digest });
        }
        Ok(Copied { digest, arrival, parts })
    }

    /// All there is of an image. The index of a layout is read once for all of its images.
    async fn whole(
        &self,
        source: &Source,
        platforms: &[Platform],
        progress: &dyn Progress,
    ) -> Result<Whole, ErrorKind> {
        let names = match source {
            Source::OciLayout { dir, tag: Some(_) } => Some(self.names(dir)?),
            _ => None,
        };
        let entry = match (&names, source) {
            (Some(names), Source::OciLayout { tag: Some(name), .. }) => names.get(name),
            _ => None,
        };
        whole(self.client, (source, entry), platforms, progress).await
    }

    /// Copies something without looking whether it is there.
    pub(super) async fn copy(&self, from: &Source, to: &Place, progress: &dyn Progress) -> Result<Filled, ErrorKind> {
        let whole = self.whole(from, &[], progress).await?;
        let target = self.target(to).await?;
        let filled = self.fill(&whole, &target, progress).await?;
        self.name(&target, to, &filled.top, progress).await?;
        Ok(filled)
    }

    /// Copies something that has no name into a layout or a tree: others call it by its digest.
    pub(super) async fn unnamed(
        &self,
        from: &Source,
        to: &Place,
        progress: &dyn Progress,
    ) -> Result<Filled, ErrorKind> {
        let whole = self.whole(from, &[], progress).await?;
        let target = self.target(to).await?;
        let filled = self.fill(&whole, &target, progress).await?;
        if let Target::Stock(stock) = target {
            let top = filled.top.clone();
            on_a_thread(move || stock.put(&top)).await?;
        }
        Ok(filled)
    }

    pub(super) async fn target<'p>(&self, to: &'p Place) -> Result<Target<'p>, ErrorKind> {
        Ok(match to {
            Place::Registry(to) => Target::Registry(to, way(self.client, to).await?),
            Place::Layout { dir, .. } => Target::Stock(Stock::layout(dir)?),
            Place::Tree { root, repository, .. } => Target::Stock(Stock::tree(root, repository)),
        })
    }

    /// The digest of what is at a place.
    async fn there(
        &self,
        target: &Target<'_>,
        to: &Place,
        progress: &dyn Progress,
    ) -> Result<Option<Digest>, ErrorKind> {
        match (target, to) {
            (Target::Registry(to, transport), _) => transport.head_manifest(to, to.object(), progress).await,
            (Target::Stock(_), Place::Layout { dir, name }) => {
                self.names(dir)?.get(name).map(|entry| manifest::digest(&entry.digest)).transpose()
            }
            (Target::Stock(stock), Place::Tree { object, .. }) => Ok(stock.tagged(object)),
            (Target::Stock(_), Place::Registry(_)) => Ok(None),
        }
    }

    /// What an image consists of that is in a layout or a tree; `None` when some of it is lacking there after all. Of a
    /// registry nothing is asked.
    async fn parts(&self, target: &Target<'_>, to: &Place, progress: &dyn Progress) -> Option<Vec<(Digest, u64)>> {
        let Target::Stock(stock) = target else { return Some(Vec::new()) };
        let own = match to.clone() {
            Place::Registry(_) => return None,
            Place::Layout { dir, name } => Source::OciLayout { dir, tag: Some(name) },
            Place::Tree { root, repository, object } => Source::Tree { root, repository, object },
        };
        let whole = self.whole(&own, &self.settings.platforms, progress).await.ok()?;
        let parts = parts(&whole);
        let left_out = &self.settings.left_out;
        parts.iter().all(|(digest, size)| left_out.contains(digest) || stock.has(digest, *size)).then_some(parts)
    }

    /// Everything but the name.
    pub(super) async fn fill(
        &self,
        whole: &Whole,
        target: &Target<'_>,
        progress: &dyn Progress,
    ) -> Result<Filled, ErrorKind> {
        let mut filled = Filled { top: top(whole)?.clone(), parts: parts(whole) };
        let blobs: Vec<_> = whole
            .blobs
            .iter()
            .map(|(digest, size)| self.blob((digest, *size), &whole.store, target, progress))
            .collect();
        stream::iter(blobs).buffer_unordered(self.settings.blobs.max(1)).try_collect::<()>().await?;
        for (digest, size) in &whole.foreign {
            match self.blob((digest, *size), &whole.store, target, progress).await {
                Ok(()) => filled.parts.push((digest.clone(), *size)),
                Err(error) if error.is_transient() => return Err(error),
                // Whoever runs the image fetches it from where it is.
                Err(error) => {
                    let what = format!("layer {digest} is kept elsewhere, and is not copied: {error}");
                    progress.event(Event::Skipped { what: &what });
                }
            }
        }
        if self.settings.dry_run {
            return Ok(filled);
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
                Target::Stock(stock) => {
                    let (stock, child) = (stock.clone(), child.clone());
                    on_a_thread(move || stock.put(&child)).await?;
                }
            }
        }
        Ok(filled)
    }

    async fn name(
        &self,
        target: &Target<'_>,
        to: &Place,
        top: &Document,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let name = match (target, to) {
            (Target::Registry(to, transport), _) => {
                return transport.put_manifest(to, to.object(), top, progress).await;
            }
            (Target::Stock(_), Place::Registry(_)) => return Ok(()),
            (Target::Stock(_), Place::Layout { name, .. } | Place::Tree { object: name, .. }) => name.clone(),
        };
        let Target::Stock(stock) = target else { return Ok(()) };
        let (stock, top) = (stock.clone(), top.clone());
        on_a_thread(move || stock.put(&top).and_then(|()| stock.name(&top, &name))).await
    }
}

fn top(whole: &Whole) -> Result<&Document, ErrorKind> {
    whole.documents.last().ok_or_else(|| ErrorKind::Manifest("there is no manifest".to_owned()))
}

fn parts(whole: &Whole) -> Vec<(Digest, u64)> {
    let documents = whole.documents.iter().map(|document| (document.digest.clone(), document.bytes.len() as u64));
    documents.chain(whole.blobs.iter().cloned()).collect()
}
