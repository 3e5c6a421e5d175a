//! What need not be fetched again.

use bytes::Bytes;

use super::{Document, Places, Resolver};
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::manifest;
use crate::transport::Call;
use crate::unpack::check_content;

impl Resolver<'_> {
    /// What the cache has under a digest.
    pub(super) async fn cached(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        self.client.cache()?.read(digest, limit).await
    }

    /// Keeps a manifest, if it can be told without help what it is.
    pub(super) async fn keep(&self, document: &Document) {
        if let Some(cache) = self.client.cache()
            && manifest::is_plain(&document.bytes, document.served_as.as_deref())
        {
            cache.put(&document.digest, &document.bytes).await;
        }
    }

    /// Fetches and keeps an image's configuration.
    pub(super) async fn configuration(&self, places: &Places, digest: &Digest, size: u64) -> Result<Bytes, ErrorKind> {
        let place = places.chosen(self.client, self.progress).await?;
        let missing = "the registry lacks the image's configuration";
        let call = Call::pull(&place.reference, format!("blobs/{digest}"), missing);
        let (limit, what) = (self.client.limits().config, "the size of the configuration in bytes");
        let bytes = place.transport.fetch(&call, limit, what, self.progress).await?.body;
        check_content("the configuration", digest, size, digest.same_kind_of(&bytes), bytes.len() as u64)?;
        if let Some(cache) = self.client.cache() {
            cache.put(digest, &bytes).await;
        }
        Ok(bytes)
    }
}
