//! How much a registry is asked for at a time: requests in lanes, of which there are fewer when it says that it is too much, and
//! bytes no faster than allowed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::options::Pace;

/// Complaints that come in together are one.
const TOGETHER: Duration = Duration::from_secs(1);

/// The lanes to all hosts.
#[derive(Debug)]
pub(super) struct Lanes {
    most: usize,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
    /// When the bytes that were let through will have had their time.
    paid: Arc<Meter>,
}

#[derive(Debug)]
struct Host {
    open: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many lanes there are to be.
    width: usize,
    /// Lanes that are in use and go when they are free.
    going: usize,
    /// Answers since the number last changed.
    calm: usize,
    narrowed: Option<Instant>,
    /// Nothing is asked before.
    quiet_until: Option<Instant>,
}

/// A lane, until an answer begins.
#[derive(Debug)]
pub(super) struct Lane {
    host: Arc<Host>,
    permit: Option<OwnedSemaphorePermit>,
}

/// Lets bytes through at a certain speed.
#[derive(Debug)]
pub(super) struct Meter {
    per_second: Option<u64>,
    free_at: Mutex<Option<Instant>>,
}

impl Lanes {
    pub(super) fn new(pace: &Pace) -> Self {
        let paid = Arc::new(Meter { per_second: pace.bytes_per_second, free_at: Mutex::default() });
        Self { most: pace.requests_per_host.max(1), hosts: Mutex::default(), paid }
    }

    pub(super) fn meter(&self) -> &Arc<Meter> {
        &self.paid
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        let state = State { width: self.most, going: 0, calm: 0, narrowed: None, quiet_until: None };
        let host = Arc::new(Host { open: Arc::new(Semaphore::new(self.most)), state: Mutex::new(state) });
        hosts.insert(name.to_owned(), Arc::clone(&host));
        host
    }

    /// Waits for a free lane to a host, and until the host wants to be asked again.
    pub(super) async fn enter(&self, name: &str) -> Lane {
        let host = self.host(name);
        let permit = Arc::clone(&host.open).acquire_owned().await.ok();
        let lane = Lane { host, permit };
        loop {
            let until = lane.host.state().quiet_until.filter(|until| *until > Instant::now());
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return lane,
            }
        }
    }

    /// A host says that it is asked too much, and perhaps for how long it wants quiet.
    pub(super) fn crowded(&self, name: &str, quiet: Option<Duration>) {
        self.host(name).crowded(quiet, Instant::now());
    }

    /// A host answered as it should.
    pub(super) fn calm(&self, name: &str) {
        self.host(name).calm(self.most);
    }
}

impl Host {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn crowded(&self, quiet: Option<Duration>, now: Instant) {
        let mut state = self.state();
        state.quiet_until = state.quiet_until.max(quiet.map(|quiet| now + quiet));
        state.calm = 0;
        if state.narrowed.is_some_and(|at| now.saturating_duration_since(at) < TOGETHER) {
            return;
        }
        state.narrowed = Some(now);
        let width = (state.width / 2).max(1);
        let fewer = state.width - width;
        state.width = width;
        state.going += fewer - self.open.forget_permits(fewer);
    }

    fn calm(&self, most: usize) {
        let mut state = self.state();
        if state.width >= most {
            return;
        }
        state.calm += 1;
        if state.calm > state.width {
            state.calm = 0;
            state.width += 1;
            if state.going > 0 {
                state.going -= 1;
            } else {
                self.open.add_permits(1);
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.host.state();
        if state.going > 0
            && let Some(permit) = self.permit.take()
        {
            state.going -= 1;
            permit.forget();
        }
    }
}

impl Meter {
    /// Waits until so many bytes may pass.
    pub(super) async fn pass(&self, bytes: u64) {
        let Some(per_second) = self.per_second else { return };
        let wait = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let begin = free_at.map_or(now, |at| at.max(now));
            let micros = u128::from(bytes) * 1_000_000 / u128::from(per_second.max(1));
            let end = begin + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
            *free_at = Some(end);
            end
        };
        tokio::time::sleep_until(wait).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn lanes(requests_per_host: usize, bytes_per_second: Option<u64>) -> Lanes {
        Lanes::new(&Pace { requests_per_host, bytes_per_second })
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_are_halved_by_complaints_and_come_back_one_by_one() {
        let lanes = lanes(8, None);
        let free = || lanes.host("h").open.available_permits();
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(lanes.enter("h").await);
        }
        // Six are in use; of four, none is free until three of them are done.
        for _ in 0..6 {
            lanes.crowded("h", None);
        }
        assert_eq!((lanes.host("h").state().width, free()), (4, 0));
        held.truncate(3);
        assert_eq!(free(), 1);
        drop(held);
        assert_eq!(free(), 4);
        for (answers, width) in [(5, 5), (6, 6), (7, 7), (8, 8), (100, 8)] {
            (0..answers).for_each(|_| lanes.calm("h"));
            assert_eq!((lanes.host("h").state().width, free()), (width, width));
        }
        // Each complaint of its own time halves again, down to one.
        for width in [4, 2, 1, 1] {
            tokio::time::advance(TOGETHER).await;
            lanes.crowded("h", None);
            assert_eq!(free(), width);
        }
        assert_eq!(lanes.host("other").open.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn who_wants_quiet_has_it_from_everybody() {
        let lanes = lanes(4, None);
        lanes.crowded("h", Some(Duration::from_secs(7)));
        lanes.crowded("h", Some(Duration::from_secs(3)));
        let begun = Instant::now();
        let _other = lanes.enter("other").await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let _lane = lanes.enter("h").await;
        assert!(begun.elapsed() >= Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_take_their_time() {
        let lanes = lanes(4, Some(1000));
        let begun = Instant::now();
        for _ in 0..10 {
            lanes.meter().pass(500).await;
        }
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}
