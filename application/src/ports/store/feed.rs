use std::sync::Arc;

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
