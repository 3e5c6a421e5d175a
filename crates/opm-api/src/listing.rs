//! Long answers, page by page.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use opm_model::{Cursor, Page, Query, QueryError, Reply, Stop};
use tonic::Status;

use crate::answer::{Content, Encoder};
use crate::ask::{Asker, Reach, by};
use crate::calls::Call;
use crate::repack::Repack;
use crate::request::Head;
use crate::room;

/// A listing under way. The connection pulls: the next page is asked for when the last buffer of the one before is taken.
pub(crate) struct Listing<F, E> {
    asker: Asker,
    catalog: Arc<dyn Query>,
    head: Head,
    fetch: F,
    encode: E,
    /// What is left of the page, in reverse order.
    ready: Vec<Bytes>,
    next: Option<Cursor>,
    reach: Reach,
    repack: Repack,
}

/// What the connection writes of a page, in reverse order.
enum Pieces {
    Messages(Vec<Bytes>),
    Encoded(Vec<u8>),
}

impl<F, E, T> Listing<F, E>
where
    F: Fn(&dyn Query, Cursor, &Stop) -> Result<Page<Reply<Vec<T>>>, QueryError> + Clone + Send + 'static,
    E: Fn(Vec<T>, Encoder) -> Result<Vec<Bytes>, QueryError> + Copy + Send + 'static,
    T: 'static,
{
    /// Lists what `fetch` fetches. Where those are values, `encode` makes buffers of them, in reverse order.
    pub(crate) async fn begin(asker: &Asker, call: &Call, head: Head, fetch: F, encode: E) -> Result<Content, Status> {
        let listing = Self {
            catalog: asker.cell.catalog().await?,
            asker: asker.clone(),
            head,
            fetch,
            encode,
            ready: Vec::new(),
            next: Some(Cursor::default()),
            reach: Reach::Scan,
            repack: Repack::default(),
        };
        let ticket = call.room().admit(&call.peer, room::LISTING).await?;
        Ok(Content::Many(Box::pin(try_unfold(listing, Self::step)), Some(ticket)))
    }

    async fn step(mut self) -> Result<Option<(Bytes, Self)>, Status> {
        let Head { deadline, gzip } = self.head;
        loop {
            if let Some(buffer) = self.ready.pop() {
                return Ok(Some((buffer, self)));
            }
            let Some(from) = self.next.take() else { return Ok(None) };
            let (fetch, encode) = (self.fetch.clone(), self.encode);
            let page = self.asker.ask(self.reach, Arc::clone(&self.catalog), deadline, move |q, stop| {
                let page = fetch(q, from, stop)?;
                let pieces = match page.items {
                    Reply::Value(values) => Pieces::Messages(encode(values, Encoder { gzip })?),
                    Reply::Encoded(piece) => Pieces::Encoded(piece),
                };
                Ok((pieces, page.next))
            });
            let (pieces, next) = by(deadline, page).await?;
            self.next = next;
            match pieces {
                Pieces::Messages(buffers) => self.ready = buffers,
                Pieces::Encoded(piece) => {
                    // What needs no encoding is merely read, and that is quick.
                    self.reach = Reach::Lookup;
                    let piece = if gzip {
                        self.repack.take(&piece).map_err(|error| Status::internal(error.to_string()))?
                    } else {
                        piece
                    };
                    if !piece.is_empty() {
                        self.ready.push(piece.into());
                    }
                }
            }
        }
    }
}
