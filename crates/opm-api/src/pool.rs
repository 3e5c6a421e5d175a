//! Threads that wait for the disk, so that connections need not.
//!
//! The runtime's own threads for blocking work would do, but it starts another whenever none is idle at that very moment: a
//! listing of many pages ends up with dozens, each with memory that its allocator keeps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

/// What was thrown by a job that panicked.
pub(crate) type Panic = Box<dyn std::any::Any + Send>;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that take jobs in the order of their arrival. They end with the last clone.
#[derive(Clone)]
pub(crate) struct Pool(mpsc::Sender<Job>);

impl Pool {
    /// One thread more than there are processors, so that none is idle while a job waits for the disk.
    pub(crate) fn new(name: &str) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..=thread::available_parallelism().map_or(1, usize::from) {
            let queue = Arc::clone(&queue);
            let started = thread::Builder::new().name(format!("{name}-{number}")).spawn(move || work(&queue));
            if let Err(error) = started {
                // With none at all, the queue is gone and `run` says so.
                tracing::error!(%error, "a thread could not be started");
            }
        }
        Self(jobs)
    }

    /// Runs the job on one of the threads. `None` if there are none.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Result<T, Panic>> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // A job that nobody waits for any more need not begin; its answer goes nowhere.
            if !answer.is_closed() {
                drop(answer.send(catch_unwind(AssertUnwindSafe(job))));
            }
        };
        self.0.send(Box::new(job)).ok()?;
        answered.await.ok()
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // Jobs run outside of the lock, and catch their own panics.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(mpsc::RecvError) => return,
        }
    }
}
