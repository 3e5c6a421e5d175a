//! The wish that work should end: because the caller is gone, or the time is up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A request to stop that work looks at now and then. Clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Stop {
    /// A stop that is never asked for unless by [`Stop::ask`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The same stop, which also asks by itself once `deadline` has passed.
    #[must_use]
    pub fn by(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Asks all who share this stop to end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether work should end now.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.deadline.is_some_and(|at| Instant::now() >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_flag_and_deadlines_pass() {
        let stop = Stop::new();
        let other = stop.clone();
        assert!(!other.is_asked());
        stop.ask();
        assert!(other.is_asked());
        assert!(Stop::new().by(Some(Instant::now())).is_asked());
    }
}
