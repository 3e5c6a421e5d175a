//! Connections: accepts, bounds and drains them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use opm_model::Query;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::ask::Asker;
use crate::calls::{Shared, Tallies};
use crate::dispatch::Dispatch;
use crate::error::ServeError;
use crate::executor::AtOnce;
use crate::lingering::Lingering;
use crate::metrics::Metrics;
use crate::phase::{Cell, Swap};
use crate::room::{Peer, Room};

/// How many connections are held at once; more wait to be accepted. An idle one costs some forty kilobytes.
const CONNECTIONS: usize = 1024;
/// How many calls one connection may have under way; a client keeps more to itself until some are done.
const CALLS: u32 = 200;
/// How long a connection may be silent at its beginning.
const HELLO: Duration = Duration::from_secs(20);
/// After how long a silent client is asked whether it is still there, and how long it may think about that.
const PING: Duration = Duration::from_mins(1);
const PONG: Duration = Duration::from_secs(20);
/// How much of an answer waits in a connection for its client to take it, in bytes per call.
const SEND_BUFFER: usize = 64 * 1024;
/// How much of a request a client may send before it is read, in bytes per call and per connection. Requests are names.
const RECEIVE_WINDOW: u32 = 64 * 1024;
/// How long to wait when the system has no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How a server serves.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// How long answers under way may take to finish once the server was told to stop. 20 seconds unless told otherwise.
    pub drain: Duration,
    /// How long a client may take none of its answers while others wait for room; then it is cut off. 10 seconds unless told
    /// otherwise.
    pub patience: Duration,
    /// Whether to answer `api.ExperimentalRegistry`, too, which only file-based catalogs have anything for.
    pub experimental: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { drain: Duration::from_secs(20), patience: Duration::from_secs(10), experimental: false }
    }
}

/// A gRPC server that has its port and waits to be [run](Server::run).
///
/// It answers `api.Registry`, `grpc.health.v1.Health` and server reflection (v1 and v1alpha), in plain text over HTTP/2.
pub struct Server {
    listener: TcpListener,
    port: u16,
    cell: Cell,
    tallies: Arc<Tallies>,
    metrics: Metrics,
}

impl Server {
    /// Listens on all interfaces, with IPv6 and IPv4 on the one port. Port 0 is any that is free.
    #[expect(clippy::unused_async, reason = "needs a runtime to be there, and may need to wait for one some day")]
    pub async fn bind(port: u16) -> Result<Self, ServeError> {
        let failed = |source| ServeError::new(port, source);
        let listener = listen(port).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let (cell, tallies) = (Cell::new(), Arc::<Tallies>::default());
        let metrics = Metrics::new(Arc::clone(&tallies), cell.clone());
        Ok(Self { listener, port, cell, tallies, metrics })
    }

    /// The port that the server listens on.
    pub fn local_port(&self) -> u16 {
        self.port
    }

    /// A handle to put another catalog in the place of the one that [`Server::run`] was given.
    pub fn swap(&self) -> Swap {
        Swap(self.cell.clone())
    }

    /// What the server tells of itself.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Serves until `shutdown` resolves.
    ///
    /// Clients are heard at once: until `catalog` resolves, health is `NOT_SERVING` and questions wait, each as long as its
    /// client does. After `shutdown`, health is `NOT_SERVING` again, nobody new is heard, and answers under way have
    /// [`ServeOptions::drain`] to finish; what then remains is cut off.
    ///
    /// Fails only with what `catalog` failed with, and at once.
    pub async fn run<E>(
        self,
        catalog: impl Future<Output = Result<Arc<dyn Query>, E>>,
        shutdown: impl Future<Output = ()>,
        options: ServeOptions,
    ) -> Result<(), E> {
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared { tallies: self.tallies, room: Room::new(options.patience) });
        let dispatch = Dispatch::new(Asker::new(self.cell.clone()), Arc::clone(&shared), options.experimental);
        // A task of its own, as loading may keep this one busy.
        let accepting = tokio::spawn(accept(self.listener, dispatch, shared, stop.clone()));
        let accepting = AbortOnDropHandle::new(accepting);

        let mut shutdown = pin!(shutdown);
        tokio::select! {
            biased;
            () = &mut shutdown => {}
            loaded = catalog => {
                self.cell.serve(loaded?);
                shutdown.await;
            }
        }
        self.cell.stop();
        stop.cancel();
        if tokio::time::timeout(options.drain, accepting).await.is_err() {
            tracing::warn!(drain = ?options.drain, "some answers were still under way and have been cut off");
        }
        Ok(())
    }
}

pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    listen_on(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
        // The system may have no IPv6.
        _ => listen_on(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
    })
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Elsewhere than on Unix, this would let two servers share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections until told to stop, then waits for those there are. Dropped, it cuts them all off.
async fn accept(listener: TcpListener, dispatch: Dispatch, shared: Arc<Shared>, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let next = async || {
        let room = Arc::clone(&room).acquire_owned().await;
        (listener.accept().await, room)
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (accepted, room) = next() => match accepted {
                Ok((stream, address)) => {
                    let peer = shared.room.enter(address);
                    let connection = connection(stream, peer, dispatch.clone(), stop.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(room);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: Arc<Peer>, dispatch: Dispatch, stop: CancellationToken) {
    // Answers are small, and somebody waits for each.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    // Nothing is set up for those who connect and say nothing.
    tokio::select! {
        hello = tokio::time::timeout(HELLO, stream.readable()) => if !matches!(hello, Ok(Ok(()))) { return },
        () = stop.cancelled() => return,
    }
    let service = service_fn({
        let peer = Arc::clone(&peer);
        move |request| dispatch.clone().respond(request, Arc::clone(&peer))
    });
    let connection = http2::Builder::new(AtOnce)
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .max_concurrent_streams(CALLS)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(RECEIVE_WINDOW)
        .initial_connection_window_size(RECEIVE_WINDOW)
        .serve_connection(TokioIo::new(Lingering::new(stream)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = peer.leave.cancelled() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = peer.leave.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
    }
}
