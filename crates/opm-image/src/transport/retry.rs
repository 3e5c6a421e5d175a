//! When to try again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::error::ErrorKind;
use crate::options::Retries;
use crate::progress::{Event, Progress};

/// The attempts made at one thing.
#[derive(Debug)]
pub(crate) struct Backoff<'a> {
    retries: &'a Retries,
    failed: u32,
}

impl<'a> Backoff<'a> {
    pub(crate) fn new(retries: &'a Retries) -> Self {
        Self { retries, failed: 0 }
    }

    /// Progress was made: what fails next fails for the first time.
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
    }

    /// Waits until it is time for the next attempt, or hands the error back when there is no use in one.
    pub(crate) async fn pause(&mut self, error: ErrorKind, progress: &dyn Progress) -> Result<(), ErrorKind> {
        if self.waited(&error, progress).await { Ok(()) } else { Err(error) }
    }

    /// Waits until it is time for the next attempt. Answers at once and no when there is no use in one.
    pub(crate) async fn waited(&mut self, error: &ErrorKind, progress: &dyn Progress) -> bool {
        self.failed += 1;
        if !error.is_transient() || self.failed >= self.retries.attempts {
            return false;
        }
        let wait = match error.asked_wait() {
            Some(asked) if asked > self.retries.longest_wait => return false,
            Some(asked) => asked,
            None => self.wait(random()),
        };
        let why = error.to_string();
        tracing::debug!(why, ?wait, attempt = self.failed, "trying again");
        progress.event(Event::Retrying { why: &why, wait });
        tokio::time::sleep(wait).await;
        true
    }

    /// Doubles with every failure, and is spread over its upper half so that many clients do not return at once.
    fn wait(&self, random: u64) -> Duration {
        let doubled = self.retries.first_wait.saturating_mul(1 << (self.failed - 1).min(20));
        let wait = doubled.min(self.retries.longest_wait);
        let permille = u32::try_from(random % 501).unwrap_or(0);
        wait.saturating_sub(wait.saturating_mul(permille) / 1000)
    }
}

/// Unpredictable enough for this, without a crate.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The wait that an answer asks for, in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retries = Retries {
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_millis(350),
            ..Retries::default()
        };
        let mut backoff = Backoff::new(&retries);
        for (failed, least, most) in [(1, 50, 100), (2, 100, 200), (3, 175, 350), (40, 175, 350)] {
            backoff.failed = failed;
            assert_eq!(backoff.wait(0), Duration::from_millis(most));
            assert_eq!(backoff.wait(500), Duration::from_millis(least));
        }
    }

    #[test]
    fn reads_seconds_and_dates() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 10);
        for (text, expected) in [
            ("3", Some(3)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(10)),
            ("Tue, 06 Nov 1984 08:49:37 GMT", Some(0)),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
