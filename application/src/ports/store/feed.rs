use std::sync::Arc;

use uuid::Uuid;

use super::{Command, EventRow};

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
