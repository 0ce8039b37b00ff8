use metrics::Counter;

use crate::catalog::Defect;
use crate::names;
use crate::ports::StoreError;

/// Why a batch was not committed.
#[derive(Debug)]
pub(super) enum Setback {
    /// The store did not do it.
    Store(StoreError),
    /// The store was not even asked: a handler, or what is stored, is defective.
    Defect(Defect),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Counts commits that were refused.
pub(super) struct Refusals {
    unavailable: Counter,
    fenced: Counter,
    conflict: Counter,
    data: Counter,
}

impl Default for Refusals {
    fn default() -> Self {
        let counter = |reason| metrics::counter!(names::COMMIT_REFUSED, "reason" => reason);
        Self {
            unavailable: counter("unavailable"),
            fenced: counter("fenced"),
            conflict: counter("conflict"),
            data: counter("data"),
        }
    }
}

impl Refusals {
    pub(super) fn count(&self, error: &StoreError) {
        let counter = match error {
            StoreError::Unavailable(_) => &self.unavailable,
            StoreError::Fenced => &self.fenced,
            StoreError::Conflict => &self.conflict,
            StoreError::Data(_) => &self.data,
        };
        counter.increment(1);
    }
}
