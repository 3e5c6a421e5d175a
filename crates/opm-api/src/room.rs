//! How much may wait for clients that take their time, and who has to leave when there is no room for others.
//!
//! An answer is held from when it is made until its client has taken it. Small answers have a room of their own, so that
//! they are never behind large ones. Who finds no room waits; and if there is a connection that has taken nothing for
//! a while although answers are held for it, the one with most of them is cut off.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::phase::stopping;

/// The largest answer that counts as small, in bytes.
const SMALL: usize = 16 * 1024;
/// What all small answers, and all others, may have together, in kibibytes.
const SMALL_ROOM: u32 = 16 * 1024;
const LARGE_ROOM: u32 = 32 * 1024;
/// What a call costs beside its answer, in kibibytes.
const CALL: u32 = 2;
/// What a listing holds while it waits, in bytes: a buffer in the connection, and one that is about to go there.
pub(crate) const LISTING: usize = 128 * 1024;
/// How often to look for somebody who has to leave.
const LOOK: Duration = Duration::from_millis(500);

/// The room that all connections of a server share.
pub(crate) struct Room {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    peers: Mutex<Vec<Arc<Peer>>>,
    opened: Instant,
    /// How long a connection may take nothing while others wait.
    patience: Duration,
}

/// The client at the other end of a connection.
pub(crate) struct Peer {
    /// Its address, as text.
    pub(crate) address: Box<str>,
    /// Asks the connection to end at once.
    pub(crate) leave: CancellationToken,
    /// What is held for it, in kibibytes.
    held: AtomicU64,
    /// When it last took something, in milliseconds since the room was opened.
    took: AtomicU64,
}

/// The right to hold an answer.
pub(crate) struct Ticket {
    peer: Arc<Peer>,
    permit: OwnedSemaphorePermit,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.peer.held.fetch_sub(self.weight(), Ordering::Relaxed);
    }
}

impl Ticket {
    fn weight(&self) -> u64 {
        self.permit.num_permits() as u64
    }
}

impl Room {
    pub(crate) fn new(patience: Duration) -> Self {
        let room = |kibibytes: u32| Arc::new(Semaphore::new(kibibytes as usize));
        Self {
            small: room(SMALL_ROOM),
            large: room(LARGE_ROOM),
            peers: Mutex::default(),
            opened: Instant::now(),
            patience,
        }
    }

    /// A client that came in. It is forgotten when all that is left of it is known here.
    pub(crate) fn enter(&self, address: SocketAddr) -> Arc<Peer> {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let peer = Arc::new(Peer {
            address: address.to_string().into(),
            leave: CancellationToken::new(),
            held: AtomicU64::new(0),
            took: AtomicU64::new(self.now()),
        });
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() == peers.capacity() {
            peers.retain(|peer| Arc::strong_count(peer) > 1);
        }
        peers.push(Arc::clone(&peer));
        peer
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes that a client took something.
    pub(crate) fn took(&self, peer: &Peer) {
        peer.took.store(self.now(), Ordering::Relaxed);
    }

    /// Room for an answer of so many bytes, if there is any right now.
    pub(crate) fn try_admit(&self, peer: &Arc<Peer>, bytes: usize) -> Option<Ticket> {
        let (room, weight) = self.of(bytes);
        Arc::clone(room).try_acquire_many_owned(weight).ok().map(|permit| self.ticket(peer, permit))
    }

    /// Waits for room for an answer of so many bytes.
    pub(crate) async fn admit(&self, peer: &Arc<Peer>, bytes: usize) -> Result<Ticket, Status> {
        if let Some(ticket) = self.try_admit(peer, bytes) {
            return Ok(ticket);
        }
        let (room, weight) = self.of(bytes);
        let mut turn = pin!(Arc::clone(room).acquire_many_owned(weight));
        loop {
            match tokio::time::timeout(LOOK, turn.as_mut()).await {
                Ok(permit) => return permit.map(|permit| self.ticket(peer, permit)).map_err(|_| stopping()),
                Err(_) => self.make(),
            }
        }
    }

    fn of(&self, bytes: usize) -> (&Arc<Semaphore>, u32) {
        let weight = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).saturating_add(CALL);
        if bytes <= SMALL { (&self.small, weight) } else { (&self.large, weight.min(LARGE_ROOM)) }
    }

    fn ticket(&self, peer: &Arc<Peer>, permit: OwnedSemaphorePermit) -> Ticket {
        let ticket = Ticket { peer: Arc::clone(peer), permit };
        if peer.held.fetch_add(ticket.weight(), Ordering::Relaxed) == 0 {
            self.took(peer);
        }
        ticket
    }

    /// Cuts off the client that holds most of those that have taken nothing for long; where nobody does, nobody.
    fn make(&self) {
        let longest = self.now().saturating_sub(u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX));
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |peer: &Arc<Peer>| peer.held.load(Ordering::Relaxed);
        let stuck = peers.iter().filter(|peer| held(peer) > 0 && peer.took.load(Ordering::Relaxed) < longest);
        if let Some(peer) = stuck.filter(|peer| !peer.leave.is_cancelled()).max_by_key(|peer| held(peer)) {
            let kibibytes = held(peer);
            tracing::warn!(peer.address = %peer.address, kibibytes, "a client that takes none of its answers is cut off");
            peer.leave.cancel();
        }
    }
}
