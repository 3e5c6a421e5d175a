//! What every deed gets from its caller besides its options.

use std::sync::Arc;

use opm_image::{Environment, Progress, Silent};
use opm_model::Stop;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The surroundings of a deed: who wants to hear of its progress, what it may know of the process, and whether it should
/// end early.
#[derive(Clone)]
pub struct Context {
    /// Hears of every step of a pull.
    pub progress: Arc<dyn Progress>,
    /// What images may be pulled with.
    pub environment: Environment,
    stop: Stop,
    cancelled: CancellationToken,
    reload: Arc<Notify>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            progress: Arc::new(Silent),
            environment: Environment::from_process(),
            stop: Stop::new(),
            cancelled: CancellationToken::new(),
            reload: Arc::default(),
        }
    }
}

/// The deed was ended early, at the wish of its caller. Everything is as it was before.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; nothing was changed")]
pub(crate) struct Interrupted;

impl Context {
    /// Asks everything that runs in this context to end and to clean up.
    pub fn interrupt(&self) {
        self.stop.ask();
        self.cancelled.cancel();
    }

    /// Resolves once the deed should end.
    pub async fn interrupted(&self) {
        self.cancelled.cancelled().await;
    }

    /// Asks a server to look at its catalog anew. Wishes that come while one is being granted become one.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Resolves once a server should look at its catalog anew.
    pub(crate) async fn reload_wanted(&self) {
        self.reload.notified().await;
    }

    /// The wish to end, in the form that stores look at.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The result of `work`, unless the deed should end before it is there.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.interrupted() => Err(Interrupted.into()),
            result = work => result,
        }
    }
}
