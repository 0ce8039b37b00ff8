use std::sync::Arc;

use async_trait::async_trait;

use super::{AggregateKey, Committed, EventRow, StoreError, UnitOfWork};

/// A snapshot or a view as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The version of the aggregate that it shows.
    pub version: i64,
    /// As JSON.
    pub payload: String,
    /// Whose code made it, where that is known: see [`crate::catalog::fingerprint`].
    pub fingerprint: Option<String>,
}

/// What a store holds of an aggregate: enough to go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Which one.
    pub key: AggregateKey,
    /// The newest snapshot.
    pub snapshot: Option<Kept>,
    /// The landing view.
    pub view: Option<Kept>,
    /// The events later than the older of snapshot and view (a missing one counts as 0), in order.
    pub events: Vec<EventRow>,
}

/// The journal of events, and the one way to write it.
#[async_trait]
pub trait Journal: Send + Sync {
    /// What is stored of each aggregate, in the order of `keys`; those without anything come back empty.
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError>;

    /// Writes it all or nothing. Runs to its end even when the caller is dropped.
    async fn commit(&self, work: Arc<UnitOfWork>) -> Result<Committed, StoreError>;

    /// Events of one aggregate with a sequence above `after`, in order, at most `limit`.
    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError>;
}
