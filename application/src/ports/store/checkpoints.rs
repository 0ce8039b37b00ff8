use async_trait::async_trait;
use uuid::Uuid;

use super::{PartitionLease, StoreError};

/// How far a durable reader has come in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The partition.
    pub partition: u16,
    /// Everything up to and including this offset is done.
    pub offset: i64,
    /// What the reader remembers of that point: one that publishes the broker's sequence number, one that hands events to
    /// processes the latest turn (microseconds since 1970) that it has given one.
    pub mark: Option<i64>,
}

/// The right to move a reader. A replica that was replaced while it stood still must not move it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The replica that moves it.
    pub owner: Uuid,
    /// The generation of the store that it reads.
    pub generation: i64,
    /// The partitions that it owns, with their epochs.
    pub leases: Vec<PartitionLease>,
}

impl Fence {
    /// The epoch in which a partition is owned; one that is not has none that could be right.
    pub fn epoch(&self, partition: u16) -> i64 {
        self.leases.iter().find(|lease| lease.partition == partition).map_or(-1, |lease| lease.epoch)
    }
}

/// An entry of the feed that a durable reader passes over, because it can never be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedEntry {
    /// Its partition.
    pub partition: u16,
    /// Its offset there.
    pub offset: i64,
    /// The generation of the store that the offset belongs to.
    pub generation: i64,
    /// Why it cannot be told.
    pub reason: String,
}

/// Where the feed's durable readers stand.
#[async_trait]
pub trait Checkpoints: Send + Sync {
    /// Where the durable reader `reader` stands: the newest checkpoint of each partition it has one for.
    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError>;

    /// Moves the reader in partitions that `fence` names, all or, where one is not owned any more or the store has
    /// another generation, none ([`StoreError::Fenced`]).
    async fn save_checkpoints(
        &self,
        reader: &str,
        fence: &Fence,
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError>;

    /// Keeps an entry that the reader passes over, for somebody to look at. To park it again changes nothing.
    async fn park(&self, reader: &str, entry: &ParkedEntry) -> Result<(), StoreError>;

    /// How many entries the reader has passed over.
    async fn parked(&self, reader: &str) -> Result<u64, StoreError>;
}
