//! Puts questions to the catalog: on the right thread, for no longer than somebody waits.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use opm_model::{Query, QueryError, Stop};
use tokio::sync::Semaphore;
use tonic::Status;

use crate::answer::Content;
use crate::calls::Call;
use crate::phase::Cell;
use crate::pool::Pool;

/// The catalog and the bounds within which it is asked. Clones share both.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) cell: Cell,
    /// One permit for each of the runtime's workers but the last.
    here: Arc<Semaphore>,
    lookups: Pool,
    scans: Pool,
}

/// How much of a catalog a question touches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// Nothing but memory.
    Memory,
    /// A few rows.
    Lookup,
    /// Every row, perhaps.
    Scan,
}

/// What a question is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    /// Names and edges.
    Graph,
    /// A bundle.
    Content,
}

impl Asker {
    pub(crate) fn new(cell: Cell) -> Self {
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        Self {
            cell,
            here: Arc::new(Semaphore::new(workers.saturating_sub(1))),
            lookups: Pool::new("lookup"),
            scans: Pool::new("scan"),
        }
    }

    /// Puts a question to a catalog. When the future is dropped, the store is asked to stop.
    ///
    /// A lookup is answered right here, as long as another of the runtime's workers remains for connections and health; so a
    /// disk that hangs never stops those. With a thread of a pool, the server needs 2 µs more processor time for each
    /// `GetPackage` (and with a single client a fifth more time), with `block_in_place` 22 µs.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        reach: Reach,
        catalog: Arc<dyn Query>,
        deadline: Option<Instant>,
        question: impl FnOnce(&dyn Query, &Stop) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Status> {
        let stop = AskOnDrop(Stop::new().by(deadline));
        let inner = stop.0.clone();
        let question = move || question(&*catalog, &inner);
        let answer = match reach {
            Reach::Memory => Some(catch_unwind(AssertUnwindSafe(question))),
            Reach::Scan => self.scans.run(question).await,
            Reach::Lookup => {
                // Until a call first waits, it runs within its connection, which must not wait for a disk.
                tokio::task::yield_now().await;
                match self.here.try_acquire() {
                    Ok(_permit) => Some(catch_unwind(AssertUnwindSafe(question))),
                    Err(_) => self.lookups.run(question).await,
                }
            }
        };
        match answer {
            Some(Ok(answer)) => answer.map_err(|error| status(error, deadline)),
            Some(Err(panic)) => Err(panicked(&*panic)),
            None => Err(Status::internal("the server has no threads for this question")),
        }
    }

    /// Puts a question to a catalog, and finds room for the answer. If there is none, the answer is thrown away and made again when
    /// there is, so that those who wait hold nothing.
    pub(crate) async fn one<M: Send + 'static>(
        &self,
        topic: Topic,
        reach: Reach,
        call: &Call,
        deadline: Option<Instant>,
        message: M,
        question: impl Fn(&dyn Query, &M, &Stop) -> Result<Bytes, QueryError> + Copy + Send + 'static,
    ) -> Result<Content, Status> {
        let catalog = self.cell.catalog().await?;
        let reach = match topic {
            Topic::Graph if catalog.has_graph_in_memory() => Reach::Memory,
            Topic::Graph | Topic::Content => reach,
        };
        let ask = async |message: M| {
            let question =
                move |q: &dyn Query, stop: &Stop| question(q, &message, stop).map(|answer| (answer, message));
            self.ask(reach, Arc::clone(&catalog), deadline, question).await
        };
        let (answer, message) = ask(message).await?;
        if let Some(ticket) = call.room().try_admit(&call.peer, answer.len()) {
            return Ok(Content::One(answer, Some(ticket)));
        }
        let length = answer.len();
        drop(answer);
        let ticket = call.room().admit(&call.peer, length).await?;
        let (answer, _) = ask(message).await?;
        Ok(Content::One(answer, Some(ticket)))
    }
}

/// Asks to stop when nobody waits any more.
struct AskOnDrop(Stop);

impl Drop for AskOnDrop {
    fn drop(&mut self) {
        self.0.ask();
    }
}

/// Waits no longer than until the deadline.
pub(crate) async fn by<T>(
    deadline: Option<Instant>,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match deadline {
        None => answer.await,
        Some(at) => tokio::time::timeout_at(at.into(), answer).await.unwrap_or_else(|_| Err(too_late())),
    }
}

fn too_late() -> Status {
    Status::deadline_exceeded("the deadline passed before the question was answered")
}

/// The status that tells a client why it has no answer. The reference knows but one code for all that a store says.
fn status(error: QueryError, deadline: Option<Instant>) -> Status {
    match error {
        QueryError::Stopped if deadline.is_some_and(|at| Instant::now() >= at) => too_late(),
        QueryError::Stopped => Status::cancelled(error.to_string()),
        error => Status::unknown(error.to_string()),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Status {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("of an unknown kind"), "the catalog panicked over a question");
    Status::internal("the catalog failed over this question; the server's log says how")
}
