//! Tells the log of a store that is lost, and that it is back: once, not with each batch and request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a failure the next one is news again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Whether the store is lost, as far as the log was told.
#[derive(Debug, Default)]
pub struct Outage {
    last: Mutex<Option<Instant>>,
}

impl Outage {
    /// The store was not lost so far.
    pub const fn new() -> Self {
        Self { last: Mutex::new(None) }
    }

    /// The store did not do something.
    pub fn failed(&self, error: &(dyn std::error::Error + 'static), what: &'static str) {
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now());
        if before.is_none_or(|last| last.elapsed() > FORGOTTEN) {
            tracing::warn!(
                error,
                what,
                "the store does not answer; it is asked again, and told of here when it does"
            );
        } else {
            tracing::debug!(error, what, "the store does not answer");
        }
    }

    /// The store wrote something.
    pub fn is_over(&self) {
        if self.last.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("the store answers again");
        }
    }
}
