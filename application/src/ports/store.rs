//! The store: the registry of commands, the journal of events, views, snapshots and leases.
//!
//! What every implementation must hold:
//!
//! - [`Registry::accept`] returns only when the commands are durable.
//! - [`Journal::commit`] is all or nothing, and refuses with [`StoreError::Fenced`] when the caller no longer
//!   owns a partition, with [`StoreError::Conflict`] when a command is settled already or an event's number is
//!   taken. Nothing of a refused unit of work remains.
//! - The offsets of a partition are handed out under its row's lock: 1, 2, 3 … with no gap, visible in order.
//! - After [`StoreError::Unavailable`] from a write its outcome is unknown; the caller must look.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wilco_domain::kernel::Problem;

/// Everything the engine asks of a store.
pub trait Store: Registry + Journal + Views + Leases {}
impl<T: Registry + Journal + Views + Leases> Store for T {}

/// Why a store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is out of space or is overloaded. A write may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another replica owns a partition of the unit of work.
    #[error("a partition is owned by another replica")]
    Fenced,
    /// A command is settled already, or an event's sequence number is taken.
    #[error("the unit of work conflicts with what is stored")]
    Conflict,
    /// The store refuses the data itself, or holds data that cannot be read.
    #[error("the store refuses the data")]
    Data(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How a command stands in the registry. Scheduled and pending are both [`State::Open`]; `not_before` and the
/// clock tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum State {
    /// Accepted and not settled.
    Open = 0,
    /// Applied; its events are in the journal.
    Succeeded = 1,
    /// Refused by a rule, or given up.
    Failed = 2,
    /// Taken back before it was applied.
    Cancelled = 3,
}

impl State {
    /// From the number it is stored as.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Succeeded),
            2 => Some(Self::Failed),
            3 => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// A client's claim that two requests are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique per tenant. `None`: the command's own (client-chosen) id is the key.
    pub key: Option<String>,
    /// Hash of the request; the same key with another fingerprint is refused.
    pub fingerprint: [u8; 16],
}

/// An entry of the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its id, UUIDv7 unless the client chose one.
    pub id: Uuid,
    /// Whose it is; empty while there are no API keys.
    pub tenant: String,
    /// The partition of its target.
    pub partition: u16,
    /// `pet.reserve`; the part before the dot is the aggregate type.
    pub command_type: String,
    /// The aggregate's id.
    pub target: String,
    /// The command's own fields, as JSON.
    pub data: String,
    /// The version the client expects the aggregate to have.
    pub expected_version: Option<i64>,
    /// Not to be applied earlier.
    pub not_before: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Who asked for it, where known.
    pub actor: Option<String>,
    /// Where to post the outcome.
    pub callback_url: Option<String>,
    /// The client's metadata, as a JSON object of strings.
    pub metadata: Option<String>,
    /// The request it is the answer to, for retries.
    pub idempotency: Option<Idempotency>,
    /// The id shared by everything one request set off.
    pub correlation_id: Uuid,
    /// The command that led to this one.
    pub caused_by: Option<Uuid>,
    /// W3C Trace Context of the request.
    pub traceparent: Option<String>,
    /// How it ended; `None` while it is open.
    pub settlement: Option<Settlement>,
}

impl Command {
    /// The aggregate type: the part of the command type before the dot.
    pub fn aggregate_type(&self) -> &str {
        self.command_type.split_once('.').map_or(self.command_type.as_str(), |(aggregate, _)| aggregate)
    }

    /// The part of the command type after the dot.
    pub fn verb(&self) -> &str {
        self.command_type.split_once('.').map_or("", |(_, verb)| verb)
    }

    /// How it stands.
    pub fn state(&self) -> State {
        self.settlement.as_ref().map_or(State::Open, |settlement| settlement.state)
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// Never [`State::Open`].
    pub state: State,
    /// When.
    pub at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// Its place in the feed of its partition.
    pub offset: i64,
    /// Succeeded: the aggregate's version after it.
    pub version: Option<i64>,
    /// Failed or cancelled: why.
    pub error: Option<Problem>,
}

/// What became of a command given to [`Registry::accept`].
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// It is stored now.
    New,
    /// A command with its id or its idempotency key is there already: this one, with its present state and its
    /// fingerprint. The caller compares fingerprints.
    Existing(Box<Command>),
}

/// What became of a request to cancel.
#[derive(Clone, Debug, PartialEq)]
pub enum CancelOutcome {
    /// It is cancelled now.
    Cancelled(Box<Command>),
    /// It was settled before.
    Settled(Box<Command>),
    /// There is no such command.
    Unknown,
}

/// Which commands to list, newest (highest id) first.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter {
    /// Only this tenant's.
    pub tenant: String,
    /// Only in this state.
    pub state: Option<State>,
    /// Of the open ones, only those that are (true) or are not (false) waiting for their `not_before`.
    pub scheduled: Option<bool>,
    /// The present, which `scheduled` is judged by.
    pub now: Option<DateTime<Utc>>,
    /// Only of this type.
    pub command_type: Option<String>,
    /// Only for this aggregate: its id.
    pub target: Option<String>,
    /// With `target`: of this aggregate type.
    pub aggregate_type: Option<String>,
    /// Only of this correlation.
    pub correlation_id: Option<Uuid>,
    /// Only those before this one, in the list's order.
    pub before: Option<(DateTime<Utc>, Uuid)>,
    /// At most so many.
    pub limit: u32,
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

/// The registry of commands.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Stores the commands that are new, all in one durable write, and says of each what became of it, in order.
    /// Two of the batch with the same id or key: the first wins, the second is `Existing`.
    ///
    /// Runs to its end even when the caller is dropped.
    async fn accept(&self, commands: Vec<Arc<Command>>) -> Result<Vec<Accepted>, StoreError>;

    /// The command with this id.
    async fn command(&self, id: Uuid) -> Result<Option<Command>, StoreError>;

    /// Those of `ids` that exist, in no particular order.
    async fn commands(&self, ids: &[Uuid]) -> Result<Vec<Command>, StoreError>;

    /// The commands that match, newest first (`accepted_at`, then id, descending).
    async fn list(&self, filter: &CommandFilter) -> Result<Page<Command>, StoreError>;

    /// The open commands of each partition that are due at `now`, oldest first by order of acceptance, at most
    /// `limit` for each partition. A command with a `not_before` in the past counts as due.
    async fn due(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError>;

    /// How many commands are open and not waiting for a later `not_before`; counting may stop at `limit`.
    async fn backlog(&self, now: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;

    /// Cancels the command if it is open, at the next offset of its partition.
    async fn cancel(&self, id: Uuid, at: DateTime<Utc>, error: &Problem)
    -> Result<CancelOutcome, StoreError>;
}

/// Names an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AggregateKey {
    /// `pet`
    pub aggregate_type: String,
    /// `pet-42`
    pub id: String,
}

impl AggregateKey {
    /// `pet/pet-42`: as it is written in headers and as the key of its view.
    pub fn path(&self) -> String {
        format!("{}/{}", self.aggregate_type, self.id)
    }
}

/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `pet`
    pub aggregate_type: String,
    /// `pet-42`
    pub aggregate_id: String,
    /// 1, 2, 3 … within the aggregate.
    pub sequence: i64,
    /// `pet.reserved`
    pub event_type: String,
    /// `1.0`
    pub event_version: String,
    /// The event as JSON.
    pub payload: String,
    /// A JSON object of strings: `command_id`, `correlation_id`, `at`, `actor`, `traceparent`, and what the
    /// client gave.
    pub metadata: String,
}

/// What a store holds of an aggregate: enough to go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Which one.
    pub key: AggregateKey,
    /// The newest snapshot: the version it was taken at, and the state as JSON.
    pub snapshot: Option<(i64, String)>,
    /// The landing view: its version and payload.
    pub view: Option<(i64, String)>,
    /// The events later than the older of snapshot and view (a missing one counts as 0), in order.
    pub events: Vec<EventRow>,
}

/// Where in its partition's feed an entry of a unit of work goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The partition.
    pub partition: u16,
    /// 0, 1, 2 … from the first offset that the commit gives this partition.
    pub index: u32,
}

/// An event to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its place in the feed.
    pub seat: Seat,
    /// The event.
    pub row: EventRow,
}

/// A command to settle. Its `settlement.offset` is filled in by the worker once the commit has told the bases.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its place in the feed.
    pub seat: Seat,
    /// The command.
    pub command_id: Uuid,
    /// How it ended; the `offset` in it is not looked at.
    pub settlement: Settlement,
}

/// A landing view to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRow {
    /// `pet/pet-42`
    pub view_id: String,
    /// The aggregate's version it shows.
    pub version: i64,
    /// What the resource answers, as JSON.
    pub payload: String,
    /// For `?status=`.
    pub status: String,
    /// Whether the resource is gone (410).
    pub gone: bool,
}

/// A snapshot to write, unless a newer one is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Of which aggregate.
    pub key: AggregateKey,
    /// At which version.
    pub version: i64,
    /// The state as JSON.
    pub payload: String,
}

/// A partition's part of a unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionSlice {
    /// The partition.
    pub partition: u16,
    /// The epoch in which the caller owns it.
    pub epoch: i64,
    /// How many feed entries (events and outcomes) it gets.
    pub entries: u32,
}

/// All that one commit writes: plain data, filled by the worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitOfWork {
    /// The replica that commits.
    pub owner: Uuid,
    /// The partitions touched, in ascending order.
    pub partitions: Vec<PartitionSlice>,
    /// Events to append.
    pub events: Vec<NewEvent>,
    /// Commands to settle.
    pub outcomes: Vec<Outcome>,
    /// Landing views, the last state of each.
    pub views: Vec<ViewRow>,
    /// Snapshots.
    pub snapshots: Vec<SnapshotRow>,
}

/// A commit that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// For each partition of the unit of work, in its order: the offset of the entry with index 0.
    pub bases: Vec<i64>,
}

/// One entry of the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEntry {
    /// Its partition.
    pub partition: u16,
    /// Its offset there: 1, 2, 3 …
    pub offset: i64,
    /// What it tells.
    pub body: EntryBody,
}

/// What a feed entry tells.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryBody {
    /// An event happened.
    Event(EventRow),
    /// A command was settled.
    Outcome(Arc<Command>),
}

/// The newest offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionHead {
    /// The partition.
    pub partition: u16,
    /// The offset of its newest entry; 0 when it has none.
    pub head: i64,
}

/// How far a durable reader has come in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The partition.
    pub partition: u16,
    /// Everything up to and including this offset is done.
    pub offset: i64,
    /// The broker's sequence number at that point, for readers that publish.
    pub mark: Option<i64>,
}

/// The journal of events, and the feed made of it and of the settled commands.
#[async_trait]
pub trait Journal: Send + Sync {
    /// What is stored of each aggregate, in the order of `keys`; those without anything come back empty.
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError>;

    /// Writes it all or nothing. Runs to its end even when the caller is dropped.
    async fn commit(&self, work: Arc<UnitOfWork>) -> Result<Committed, StoreError>;

    /// Events of one aggregate with a sequence above `after`, in order, at most `limit`.
    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError>;

    /// Entries of a partition with an offset above `after`, in order, at most `limit`.
    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError>;

    /// The newest offset of every partition, in order of partition: its length is the number of partitions.
    async fn heads(&self) -> Result<Vec<PartitionHead>, StoreError>;

    /// Where the durable reader `reader` stands: the newest checkpoint of each partition it has one for.
    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError>;

    /// Moves the reader. A checkpoint with a mark is also kept as history (the newest 1000 of each partition), so
    /// that [`Journal::rewind`] can go back.
    async fn save_checkpoints(&self, reader: &str, checkpoints: &[Checkpoint]) -> Result<(), StoreError>;

    /// Moves the reader back, in each partition, to its newest checkpoint whose mark is at most `mark`, or to
    /// offset 0, forgets the later ones, and says where it stands now.
    async fn rewind(&self, reader: &str, mark: i64) -> Result<Vec<Checkpoint>, StoreError>;
}

/// Which views to list, in ascending order of their ids.
#[derive(Clone, Debug, Default)]
pub struct ViewFilter {
    /// `pet`: only of this type.
    pub view_type: String,
    /// Only with this status; without one, all that are not gone.
    pub status: Option<String>,
    /// Only those whose id (without the type) is greater than this.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// The landing views.
#[async_trait]
pub trait Views: Send + Sync {
    /// The view with this id (`pet/pet-42`).
    async fn view(&self, view_id: &str) -> Result<Option<ViewRow>, StoreError>;

    /// The views that match; gone ones never do.
    async fn views(&self, filter: &ViewFilter) -> Result<Page<ViewRow>, StoreError>;

    /// The aggregates of a type in ascending order of id, starting after `after`: for rebuilding.
    async fn aggregates(
        &self,
        aggregate_type: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Writes rebuilt views, each unless a newer one is there.
    async fn save_views(&self, views: Vec<ViewRow>) -> Result<(), StoreError>;
}

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
