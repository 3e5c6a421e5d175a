//! A server and a client over loopback, around a catalog that does as it is told.

mod calls;
mod experimental;
pub(crate) mod fake;
mod generated;
mod hostile;
mod life;
mod numbers;
mod stops;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use opm_model::Query;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use crate::calls::{Call, Shared, Tallies};
use crate::room::Room;
use crate::{Client, Metrics, ServeOptions, Server, Swap};

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs until it is told to stop.
struct Running {
    address: String,
    swap: Swap,
    metrics: Metrics,
    load: Option<oneshot::Sender<Result<Arc<dyn Query>, &'static str>>>,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), &'static str>>,
}

impl Running {
    /// Starts a server whose catalog is yet to be loaded.
    async fn loading(drain: Duration) -> Self {
        Self::with(ServeOptions { drain, ..ServeOptions::default() }).await
    }

    async fn with(options: ServeOptions) -> Self {
        let server = Server::bind(0).await.unwrap();
        let address = format!("127.0.0.1:{}", server.local_port());
        let (swap, metrics) = (server.swap(), server.metrics());
        let (load, loaded) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(
            async { loaded.await.unwrap_or(Err("the test ended")) },
            async { drop(stopped.await) },
            options,
        ));
        Self { address, swap, metrics, load: Some(load), stop: Some(stop), ended }
    }

    async fn serving(catalog: impl Query) -> Self {
        let mut running = Self::loading(PATIENCE).await;
        running.load(Ok(Arc::new(catalog)));
        running
    }

    fn load(&mut self, catalog: Result<Arc<dyn Query>, &'static str>) {
        self.load.take().unwrap().send(catalog).unwrap_or_else(|_| panic!("the server is gone"));
    }

    async fn client(&self) -> Client {
        Client::connect(&self.address).await.unwrap()
    }

    /// A connection for calls that [`Client`] does not make.
    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(self) -> Result<(), &'static str> {
        soon(self.ended).await.unwrap()
    }
}

/// Fails if it takes too long.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("this should not take so long")
}

/// A call that nobody made.
pub(crate) fn call() -> Call {
    let shared = Arc::new(Shared { tallies: Arc::<Tallies>::default(), room: Room::new(PATIENCE) });
    let peer = shared.room.enter(([127, 0, 0, 1], 1).into());
    Call::begin(&shared, &peer, "api.Registry", "GetPackage")
}
