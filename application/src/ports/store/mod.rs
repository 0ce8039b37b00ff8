//! The store: the registry of commands, the journal of events, views, snapshots and leases.
//!
//! What every implementation must hold:
//!
//! - [`Registry::accept`] returns only when the commands are durable.
//! - [`Journal::commit`] is all or nothing, and refuses with [`StoreError::Fenced`] when the caller no longer
//!   owns a partition, with [`StoreError::Conflict`] when a command is settled already, a fresh or
//!   an issued one (or its idempotency key) is there already, or an event's number is taken. Nothing of a refused unit of work remains.
//! - The offsets of a partition are handed out under its row's lock: 1, 2, 3 … with no gap, visible in order.
//! - After [`StoreError::Unavailable`] from a write its outcome is unknown; the caller must look.

mod attempts;
mod checkpoints;
mod deploying;
mod event;
mod feed;
mod journal;
mod keys;
mod leases;
mod processes;
mod registry;
mod reply_to;
mod unit_of_work;
mod views;

pub use attempts::{AttemptRow, AttemptStep, Attempts, DueAttempt, MOST_DUE};
pub use checkpoints::{Checkpoint, Checkpoints, Fence, ParkedEntry};
pub use deploying::{BlockedCommand, Deploying, OpenType, StoredKind};
pub use event::EventRow;
pub use feed::{EntryBody, Feed, FeedEntry, Heads, StoreIdentity};
pub use journal::{Journal, Kept, Loaded};
pub use keys::AggregateKey;
pub use leases::{Leases, PartitionLease};
pub use processes::{
    Begun, ProcessFilter, ProcessRow, Processes, Sighted, Sighting, Signal, Standing as ProcessStanding,
    Steps, Timer,
};
pub use registry::{
    Accepted, CancelOutcome, Command, CommandFilter, CommandKey, Idempotency, Registry, Settlement, State,
    Waiting,
};
pub use reply_to::{ProcessKey, ReplyTo};
pub use unit_of_work::{Committed, NewEvent, Outcome, PartitionSlice, Seat, SnapshotRow, UnitOfWork};
pub use views::{MemberValue, ViewFilter, ViewMark, ViewRow, Views};

/// Everything the engine asks of a store.
pub trait Store:
    Registry + Journal + Feed + Checkpoints + Views + Leases + Deploying + Processes + Attempts
{
}
impl<T> Store for T where
    T: Registry + Journal + Feed + Checkpoints + Views + Leases + Deploying + Processes + Attempts
{
}

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

/// One page of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

impl<T> Page<T> {
    /// A page of at most `limit` of these rows, of which one more was asked for to see whether there are more.
    pub fn cut(mut items: Vec<T>, limit: u32) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Self { items, more }
    }
}
