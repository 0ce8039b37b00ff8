//! How long an accepted command will take, judged by the backlog and the present rate.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Weight of the newest measurement in the moving average.
const WEIGHT: f64 = 0.2;
/// Measurements are taken over at least this many seconds, so that one batch does not make a rate.
const WINDOW_SECONDS: f64 = 0.5;
/// Assumed before anything was measured, in commands per second.
const FIRST_GUESS: f64 = 1000.0;

/// Counts accepted and settled commands of this replica. Estimates only: nothing is decided by them but waiting
/// times and admission.
#[derive(Debug)]
pub struct Pace {
    backlog: AtomicI64,
    rate: Mutex<Rate>,
}

#[derive(Debug)]
struct Rate {
    since: Option<DateTime<Utc>>,
    settled: u64,
    per_second: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            backlog: AtomicI64::new(0),
            rate: Mutex::new(Rate { since: None, settled: 0, per_second: FIRST_GUESS }),
        }
    }
}

impl Pace {
    /// The backlog as counted in the store.
    pub fn counted(&self, backlog: u64) {
        self.backlog.store(i64::try_from(backlog).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// So many were accepted.
    pub fn accepted(&self, count: usize) {
        self.backlog.fetch_add(count as i64, Ordering::Relaxed);
    }

    /// So many were settled at `now`.
    pub fn settled(&self, count: usize, now: DateTime<Utc>) {
        self.backlog.fetch_sub(count as i64, Ordering::Relaxed);
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.settled += count as u64;
        let since = *rate.since.get_or_insert(now);
        let seconds = (now - since).num_microseconds().unwrap_or_default() as f64 / 1e6;
        // While nothing waits the rate says how much is asked, not how much can be done: keep the better one.
        if seconds >= WINDOW_SECONDS {
            let measured = rate.settled as f64 / seconds;
            if self.backlog() > 0 || measured > rate.per_second {
                rate.per_second = rate.per_second.mul_add(1.0 - WEIGHT, measured * WEIGHT).max(1.0);
            }
            rate.since = Some(now);
            rate.settled = 0;
        }
    }

    /// Commands accepted and not settled.
    pub fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed).try_into().unwrap_or(0)
    }

    /// When a command that waits now should be settled.
    pub fn eta(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let per_second = self.rate.lock().unwrap_or_else(PoisonError::into_inner).per_second;
        let seconds = (self.backlog() as f64 / per_second).min(86_400.0);
        now + TimeDelta::milliseconds((seconds * 1000.0) as i64 + 10)
    }

    /// The same as whole seconds to wait, at least one: what `Retry-After` says.
    pub fn retry_after(&self, now: DateTime<Utc>) -> u64 {
        seconds_until(self.eta(now), now)
    }
}

/// Whole seconds from `now` until `then`, rounded up, at least one.
pub fn seconds_until(then: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    u64::try_from((then - now).num_milliseconds()).unwrap_or(0).div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).unwrap()
    }

    #[test]
    fn the_estimate_grows_with_the_backlog_and_shrinks_with_the_rate() {
        let pace = Pace::default();
        pace.accepted(100_000);
        assert_eq!(pace.retry_after(at(0)), 101);
        pace.settled(0, at(0));
        for second in 1..100 {
            pace.accepted(10_000);
            pace.settled(10_000, at(second * 1000));
        }
        assert_eq!(pace.retry_after(at(0)), 11);
    }

    #[test]
    fn an_idle_server_asks_for_one_second() {
        assert_eq!(Pace::default().retry_after(at(0)), 1);
    }
}
