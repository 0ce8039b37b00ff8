use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;

/// A partition that a replica owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionLease {
    /// The partition.
    pub partition: u16,
    /// Rises with each change of owner; commits carry it.
    pub epoch: i64,
    /// The offset of its newest entry.
    pub head: i64,
}

/// Who owns which partition.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Renews the replica's lease for `ttl` by the store's clock, claims its fair share of the partitions that
    /// are free or whose owner's lease has run out, gives back what is above its share, and says what it owns.
    async fn heartbeat(&self, replica: Uuid, ttl: Duration) -> Result<Vec<PartitionLease>, StoreError>;

    /// Ends the replica's lease and gives back all it owns.
    async fn resign(&self, replica: Uuid) -> Result<(), StoreError>;

    /// Resolves when another process may have accepted commands or committed entries for anyone to see; a hint
    /// only, spurious and lost wake-ups are allowed. A store that only one process can open never resolves.
    async fn changed(&self);

    /// Whether the store answers: for readiness.
    async fn ping(&self) -> Result<(), StoreError>;
}
