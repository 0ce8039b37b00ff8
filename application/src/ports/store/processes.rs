use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use wilco_domain::kernel::{Problem, Progress, Tenant};

use super::{Checkpoint, Command, CommandKey, EventRow, Page, ProcessKey, ReplyTo, StoreError};

/// An instance as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessRow {
    /// Which one.
    pub key: ProcessKey,
    /// That of its commands.
    pub partition: u16,
    /// How many inputs it has handled.
    pub version: i64,
    /// The layout of its state.
    pub state_version: u16,
    /// As JSON.
    pub state: String,
    /// The commands that it is to settle.
    pub holds: Vec<Uuid>,
    /// How many of its commands have not been answered yet.
    pub awaits: u32,
    /// How far it is.
    pub progress: Option<Progress>,
    /// How many processes led to it, one by way of the other.
    pub depth: u16,
    /// Shared by everything that the request it began with set off.
    pub correlation_id: Uuid,
    /// The command that began it.
    pub caused_by: Option<Uuid>,
    /// Who asked for it.
    pub actor: Option<String>,
    /// W3C Trace Context of the request.
    pub traceparent: Option<String>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it stands still until somebody sees to it.
    pub parked: Option<Problem>,
    /// Somebody has let it go on: what waited for it is to be handled before what comes now.
    pub resumed: bool,
    /// Up to which offset of each partition's feed it has seen what it observes: an event up to there is never shown to it
    /// again. Of partitions that are not in it, it has seen nothing.
    pub seen: BTreeMap<u16, i64>,
}

/// What an instance is to hear of: a command that it issued is settled, or something has happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Who is to hear of it. Its label is empty if it is of an event.
    pub to: ReplyTo,
    /// The command as it was settled, or the one that led to the event.
    pub command: Arc<Command>,
    /// What has happened; `None`: the command was settled.
    pub event: Option<Arc<Sighted>>,
}

/// An event that an instance is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// The partition of its feed entry.
    pub source: u16,
    /// And the offset.
    pub offset: i64,
    /// When it is its turn: never before an earlier one of the same source.
    pub at: DateTime<Utc>,
    /// The event.
    pub row: EventRow,
}

/// That an instance is to be shown an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which instance, and in which partition it is.
    pub to: ReplyTo,
    /// Whose it is.
    pub tenant: Tenant,
    /// The offset of the event in the partition that is observed.
    pub offset: i64,
    /// See [`Sighted::at`].
    pub at: DateTime<Utc>,
    /// The command that led to the event.
    pub command_id: Uuid,
}

impl Signal {
    /// When it is its turn: as of then it is to be heard of.
    pub fn turn(&self) -> DateTime<Utc> {
        let settled = self.command.settlement.as_ref().map(|settlement| settlement.at);
        self.event.as_ref().map(|event| event.at).or(settled).unwrap_or(self.command.accepted_at)
    }

    /// Where it was told: the partition of the feed's entry, and its offset there. An unsettled command has no offset.
    pub fn place(&self) -> (u16, Option<i64>) {
        if let Some(event) = &self.event {
            return (event.source, Some(event.offset));
        }
        (self.command.partition, self.command.settlement.as_ref().map(|settlement| settlement.offset))
    }
}

/// A timer of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Whose.
    pub process: ProcessKey,
    /// The partition of the instance.
    pub partition: u16,
    /// Its name within the instance.
    pub name: String,
    /// When it fires.
    pub due_at: DateTime<Utc>,
}

/// What instances did, as part of a unit of work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// The instances afterwards, each with the version that it had before; 0: it begins with this. Another one is a
    /// conflict.
    pub rows: Vec<(i64, ProcessRow)>,
    /// What they have heard of: not to be handled again. One that is not there any more is a conflict.
    pub heard: Vec<Signal>,
    /// Commands that this unit of work settles, and whose instances have handled that in it: no signal is left of them. Where
    /// none would be it is a conflict.
    pub told: Vec<CommandKey>,
    /// Timers that have fired. One that is not there any more as it was is a conflict.
    pub fired: Vec<Timer>,
    /// Timers that are not to fire: the instance and the name.
    pub stopped: Vec<(ProcessKey, String)>,
    /// Timers to set, or to set anew.
    pub set: Vec<Timer>,
    /// Instances that stand still: what is to come to them waits until they [go on](Processes::resume). One that does not
    /// stand still (any more) is a conflict: what is left waiting for it would wait for ever.
    pub parked: Vec<ProcessKey>,
    /// Commands that are running from now on. One that is not open is a conflict.
    pub begun: Vec<Begun>,
}

/// A command that an instance or an activity has begun to work on.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    /// Which one.
    pub command: Arc<Command>,
    /// Nobody has stored it yet: the commit accepts it.
    pub fresh: bool,
}

impl Steps {
    /// Whether no instance did anything, none was told of anything, and no command was begun.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.heard.is_empty()
            && self.told.is_empty()
            && self.fired.is_empty()
            && self.parked.is_empty()
            && self.begun.is_empty()
    }
}

/// How an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProcessStatus")]
pub enum Standing {
    /// It goes on.
    Running,
    /// It met a defect, and stands still until somebody sees to it.
    Parked,
    /// It has ended.
    Ended,
}

impl ProcessRow {
    /// How it stands.
    pub const fn standing(&self) -> Standing {
        match (&self.ended_at, &self.parked) {
            (Some(_), _) => Standing::Ended,
            (None, Some(_)) => Standing::Parked,
            (None, None) => Standing::Running,
        }
    }
}

/// Which instances to list, in the order of type and id.
#[derive(Clone, Debug, Default)]
pub struct ProcessFilter {
    /// Only this tenant's.
    pub tenant: Tenant,
    /// Only of this type.
    pub process_type: Option<String>,
    /// Only those that stand so.
    pub standing: Option<Standing>,
    /// Only those behind this type and id.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: u32,
}

/// The instances of processes, and what is to come to them. They are written by units of work, but for what somebody
/// does about one that stands still.
#[async_trait]
pub trait Processes: Send + Sync {
    /// Those of `keys` that are there, in no particular order.
    async fn processes(&self, keys: &[ProcessKey]) -> Result<Vec<ProcessRow>, StoreError>;

    /// What instances in these partitions are to hear of, in order of settlement, at most `limit` for each partition.
    async fn signals(&self, partitions: &[u16], limit: u32) -> Result<Vec<Signal>, StoreError>;

    /// The timers in these partitions that fire by `until`, in order, at most `limit` for each partition.
    async fn timers(
        &self,
        partitions: &[u16],
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Timer>, StoreError>;

    /// Has the feed's reader of this name, which hands events to instances, begin at the heads of all partitions. Where it
    /// stands already it stays.
    async fn begin_observing(&self, reader: &str) -> Result<(), StoreError>;

    /// Leaves signals of events for instances, and moves the reader that has found them to `to` in its partition, if it
    /// stands at `from` there. False: it does not, and nothing was done. A signal that is there already stays as it is.
    async fn observe(
        &self,
        reader: &str,
        from: i64,
        to: &Checkpoint,
        sightings: &[Sighting],
    ) -> Result<bool, StoreError>;

    /// The instances that match, and whether there are more.
    async fn process_list(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError>;

    /// The timers of an instance, those that stand still included, in order.
    async fn timers_of(&self, process: &ProcessKey) -> Result<Vec<Timer>, StoreError>;

    /// The commands that an instance has issued and that are not settled, in no particular order.
    async fn awaited_by(&self, process: &ProcessKey) -> Result<Vec<Command>, StoreError>;

    /// Lets an instance that stands still go on, with all that waits for it; `home` is what its commands are named after.
    /// False: it does not stand still.
    async fn resume(&self, process: &ProcessKey, home: &str) -> Result<bool, StoreError>;

    /// Ends an instance that stands still: what it holds has failed with `error`, at the next offsets of its partition, and
    /// what waits for it is dropped. False: it does not stand still.
    async fn give_up(
        &self,
        process: &ProcessKey,
        home: &str,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<bool, StoreError>;
}
