use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Command, EventRow, StoreError};

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
    /// What stands there cannot be read; the text says why.
    Unreadable(String),
}

/// How far the feed goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The generation of the store: in another one the same offset names another entry.
    pub generation: i64,
    /// For each partition, in its order, the offset of its newest entry; 0 when it has none.
    pub offsets: Vec<i64>,
}

/// Which store this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Made with the store; copies and restored backups keep it.
    pub id: Uuid,
    /// Which of its lives it lives: larger after each return to an earlier state.
    pub generation: i64,
}

/// The feed: every event and every settled command, per partition in commit order, gapless.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Entries of a partition with an offset above `after`, in order, at most `limit`.
    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError>;

    /// The newest offset of every partition, and the generation they belong to.
    async fn heads(&self) -> Result<Heads, StoreError>;

    /// Which store this is.
    async fn identity(&self) -> Result<StoreIdentity, StoreError>;

    /// Begins a new generation, because the store has returned to an earlier state; says which.
    async fn new_generation(&self) -> Result<i64, StoreError>;
}
