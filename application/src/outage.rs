//! Tells the log of something that is lost, and that it is back: once, not with each attempt.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a failure the next one is news again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Whether something is lost, as far as the log was told.
#[derive(Debug)]
pub struct Outage {
    lost: &'static str,
    back: &'static str,
    last: Mutex<Option<Instant>>,
}

impl Outage {
    /// Nothing was lost so far. These are the words for a loss and for its end.
    pub const fn new(lost: &'static str, back: &'static str) -> Self {
        Self { lost, back, last: Mutex::new(None) }
    }

    /// Of the store.
    pub const fn of_store() -> Self {
        Self::new("the store does not answer", "the store answers again")
    }

    /// It did not do something; it will be asked again.
    pub fn failed(&self, error: &(dyn std::error::Error + 'static), what: &'static str) {
        let lost = self.lost;
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now());
        if before.is_none_or(|last| last.elapsed() > FORGOTTEN) {
            tracing::warn!(error, what, "{lost}; it is tried again, and told of here when it works");
        } else {
            tracing::debug!(error, what, "{lost}");
        }
    }

    /// It did something.
    pub fn is_over(&self) {
        if self.last.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("{}", self.back);
        }
    }
}
