//! Where a server is in its life, and the catalog that it serves: one cell that everybody watches.

use std::sync::Arc;

use opm_model::Query;
use tokio::sync::watch;
use tonic::Status;

/// A server's phase. It only moves forward, but for a catalog that takes another's place.
#[derive(Clone)]
pub(crate) enum Phase {
    /// The catalog is not there yet: questions wait.
    Loading,
    /// Questions are put to this catalog.
    Serving(Arc<dyn Query>),
    /// The server drains. What arrives on the last moment is still answered, if there was ever a catalog.
    Stopping(Option<Arc<dyn Query>>),
}

/// The cell that holds the phase.
#[derive(Clone)]
pub(crate) struct Cell(watch::Sender<Phase>);

impl Cell {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Phase::Loading))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Phase> {
        self.0.subscribe()
    }

    pub(crate) fn is_serving(&self) -> bool {
        matches!(*self.0.borrow(), Phase::Serving(_))
    }

    /// The catalog that questions go to from now on.
    pub(crate) fn serve(&self, catalog: Arc<dyn Query>) {
        self.0.send_if_modified(|phase| match phase {
            Phase::Stopping(_) => false,
            Phase::Loading | Phase::Serving(_) => {
                *phase = Phase::Serving(catalog);
                true
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.0.send_modify(|phase| {
            *phase = match phase {
                Phase::Serving(catalog) => Phase::Stopping(Some(Arc::clone(catalog))),
                Phase::Loading => Phase::Stopping(None),
                Phase::Stopping(catalog) => Phase::Stopping(catalog.take()),
            }
        });
    }

    /// The catalog to ask. Waits for the first one.
    pub(crate) async fn catalog(&self) -> Result<Arc<dyn Query>, Status> {
        fn of(phase: &Phase) -> Option<Result<Arc<dyn Query>, Status>> {
            match phase {
                Phase::Loading => None,
                Phase::Serving(catalog) | Phase::Stopping(Some(catalog)) => Some(Ok(Arc::clone(catalog))),
                Phase::Stopping(None) => Some(Err(stopping())),
            }
        }
        if let Some(known) = of(&self.0.borrow()) {
            return known;
        }
        let mut watch = self.watch();
        let known = watch.wait_for(|phase| !matches!(phase, Phase::Loading)).await;
        known.ok().and_then(|phase| of(&phase)).unwrap_or_else(|| Err(stopping()))
    }
}

/// What a client hears of a server that is about to end.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the server is shutting down")
}

/// Puts another catalog in the place of the one that a [`Server`](crate::Server) serves. Clones act on the same server.
#[derive(Clone)]
pub struct Swap(pub(crate) Cell);

impl Swap {
    /// Resolves once there is a catalog to swap, or the server stops without one.
    pub async fn ready(&self) {
        drop(self.0.catalog().await);
    }

    /// Sends every question from now on to `catalog`; answers under way finish on the old one. Says whether it did: before
    /// the first catalog is loaded, and once the server stops, it does not.
    pub fn swap(&self, catalog: Arc<dyn Query>) -> bool {
        let serving = self.0.is_serving();
        if serving {
            self.0.serve(catalog);
        }
        serving
    }
}
