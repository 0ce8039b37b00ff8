use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_domain::kernel::Problem;

use super::{AggregateKey, CommandKey, StoreError};

/// A kind of event that is stored, and one event of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredKind {
    /// `pet`
    pub aggregate_type: String,
    /// `pet.reserved`
    pub event_type: String,
    /// The version of the layout: `1.0`.
    pub event_version: String,
    /// The stored id of the aggregate of the sample.
    pub aggregate_id: String,
    /// The number of the sample there.
    pub sequence: i64,
}

/// Open commands of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenType {
    /// `pet.reserve`
    pub command_type: String,
    /// How many there are, among those that were looked at.
    pub count: u64,
    /// When the first of them is due: its `not_before`, or when it was accepted.
    pub first_due: DateTime<Utc>,
    /// Some of them, those due first.
    pub samples: Vec<CommandKey>,
}

/// A command that cannot be applied by the build that owns its partition.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockedCommand {
    /// The id of the command, whose tenant is the target's.
    pub id: Uuid,
    /// The partition of its target.
    pub partition: u16,
    /// Its aggregate.
    pub target: AggregateKey,
    /// It only waits behind another one for the same aggregate.
    pub behind: bool,
    /// Why it cannot be applied.
    pub reason: Problem,
}

/// What one build of the program leaves to the next: the kinds of what is stored, and what could not be applied.
#[async_trait]
pub trait Deploying: Send + Sync {
    /// Every kind of event that was noted, in ascending order.
    async fn event_kinds(&self) -> Result<Vec<StoredKind>, StoreError>;

    /// The open commands by type, each type with at most so many `samples`. At most `most` of those that are to be
    /// applied at once are looked at, and as many of those with a `not_before`.
    async fn open_types(&self, most: u32, samples: u32) -> Result<Vec<OpenType>, StoreError>;

    /// Why these commands cannot be applied, as far as they are blocked.
    async fn blocked(&self, keys: &[CommandKey]) -> Result<Vec<(CommandKey, Problem)>, StoreError>;

    /// Those of these aggregates that commands are blocked for.
    async fn blocked_targets(&self, keys: &[AggregateKey]) -> Result<Vec<AggregateKey>, StoreError>;

    /// Lets go of what waits behind commands that are settled by now, and says for which aggregates of these
    /// partitions commands are still blocked, at most `most`.
    async fn release(&self, partitions: &[u16], most: u32) -> Result<Vec<AggregateKey>, StoreError>;

    /// Lets go of everything that is blocked in these partitions, so that it is tried again.
    async fn unblock(&self, partitions: &[u16]) -> Result<(), StoreError>;
}
