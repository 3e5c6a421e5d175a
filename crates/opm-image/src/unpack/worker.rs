//! Work on a thread of its own, which ends before whoever wants it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use tokio::task::JoinHandle;

use crate::error::ErrorKind;

/// The wish that work should end early. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The error to end with, once the wish is there.
    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        if self.is_asked() { Err(ErrorKind::Stopped) } else { Ok(()) }
    }
}

/// A thread that may make files. Dropping this asks it to stop and waits until it has, so that whoever removes the files
/// afterwards removes them all.
#[derive(Debug)]
pub(crate) struct Worker<T> {
    stop: Stop,
    task: JoinHandle<Result<T, ErrorKind>>,
    /// Its other end goes with the work.
    working: mpsc::Receiver<()>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts `work`, which must look at `stop` every now and then, also while it waits for something.
    pub(crate) fn start(stop: &Stop, work: impl FnOnce() -> Result<T, ErrorKind> + Send + 'static) -> Self {
        let (token, working) = mpsc::channel();
        let stop = stop.clone();
        let asked = stop.clone();
        let task = tokio::task::spawn_blocking(move || {
            let result = asked.check().and_then(|()| work());
            drop(token);
            result
        });
        Self { stop, task, working }
    }

    /// What came of the work.
    pub(crate) async fn end(mut self) -> Result<T, ErrorKind> {
        (&mut self.task).await.unwrap_or(Err(ErrorKind::Stopped))
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        // Nothing is ever sent. What is waited for is the end of the work, or of the runtime that never began it.
        if self.working.try_recv() == Err(mpsc::TryRecvError::Empty) {
            self.stop.ask();
            let _ended = self.working.recv();
        }
    }
}
