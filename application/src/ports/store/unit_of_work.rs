use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    AggregateKey, AttemptStep, BlockedCommand, Command, CommandKey, EventRow, Settlement, State, Steps,
    StoredKind, ViewRow,
};

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
    pub command: Arc<Command>,
    /// Nobody has stored it yet: the commit accepts it and settles it at once.
    pub fresh: bool,
    /// How it ended; the `offset` in it is not looked at.
    pub settlement: Settlement,
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
    /// Whose code made it: see [`crate::catalog::fingerprint`].
    pub fingerprint: Option<String>,
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
    /// Kinds of events that were not stored before, as far as this process knows.
    pub kinds: Vec<StoredKind>,
    /// Commands that come of it, for whichever partitions: stored as open, to be applied later. One that is there
    /// already is a conflict.
    pub issued: Vec<Arc<Command>>,
    /// Commands that cannot be applied. They stay open and are not due until they are let go; their partitions are
    /// among those of the unit of work.
    pub blocked: Vec<BlockedCommand>,
    /// What instances of processes did. Their partitions are among those of the unit of work.
    pub steps: Steps,
    /// What becomes of the attempts at activities. Their partitions are among those of the unit of work.
    pub attempts: Vec<AttemptStep>,
    /// Open commands that are not to be applied before then, after all. One that is not open is a conflict.
    pub postponed: Vec<(CommandKey, DateTime<Utc>)>,
}

impl UnitOfWork {
    /// Whether it is of the everyday kind: it settles commands, and nothing else comes of it.
    pub fn is_plain(&self) -> bool {
        self.issued.is_empty()
            && self.steps.is_empty()
            && self.attempts.is_empty()
            && self.postponed.is_empty()
    }

    /// How many commands it stores that nobody has stored before.
    pub fn stores(&self) -> usize {
        let fresh = self.outcomes.iter().filter(|outcome| outcome.fresh).count();
        fresh + self.stored_as().count()
    }

    /// What activities have brought back, with the commands that it is of.
    pub fn results(&self) -> impl Iterator<Item = (&Command, &str)> {
        let result = |outcome: &Outcome| outcome.settlement.result.is_some();
        let with = self.outcomes.iter().filter(move |outcome| result(outcome));
        with.filter_map(|outcome| Some((&*outcome.command, outcome.settlement.result.as_deref()?)))
    }

    /// The commands that it stores without settling them, and how they stand then: those that come of it, and new ones
    /// that instances have begun to work on.
    pub fn stored_as(&self) -> impl Iterator<Item = (&Command, State)> {
        let issued = self.issued.iter().map(|command| (&**command, State::Open));
        let begun = self.steps.begun.iter().filter(|begun| begun.fresh);
        issued.chain(begun.map(|begun| (&*begun.command, State::Running)))
    }
}

/// A commit that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// For each partition of the unit of work, in its order: the offset of the entry with index 0.
    pub bases: Vec<i64>,
}
