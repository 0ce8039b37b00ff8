//! The store as a program has it at the end of its [line](Line).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_application::ports::{
    Accepted, AggregateKey, AttemptRow, Attempts, CancelOutcome, Checkpoint, Checkpoints, Command,
    CommandFilter, CommandKey, Committed, Deploying, DueAttempt, EventRow, Feed, FeedEntry, Fence, Heads,
    Journal, Leases, Loaded, OpenType, Page, ParkedEntry, PartitionLease, ProcessFilter, ProcessKey,
    ProcessRow, Processes, Registry, Sighting, Signal, StoreError, StoreIdentity, StoredKind, Timer,
    UnitOfWork, ViewFilter, ViewMark, ViewRow, Views, Waiting,
};
use wilco_domain::kernel::{Problem, Tenant};

use super::line::Line;

/// See the module's description.
pub(super) struct Lined(pub(super) Arc<Line>);

#[async_trait]
impl Registry for Lined {
    async fn accept(&self, commands: Vec<Arc<Command>>) -> Result<Vec<Accepted>, StoreError> {
        let what = format!("accept {}", names(commands.iter().map(|command| &**command)));
        self.0.write(&what, self.0.store().accept(commands)).await
    }

    async fn command(&self, key: &CommandKey) -> Result<Option<Command>, StoreError> {
        self.0.read(self.0.store().command(key)).await
    }

    async fn commands(&self, keys: &[CommandKey]) -> Result<Vec<Command>, StoreError> {
        self.0.read(self.0.store().commands(keys)).await
    }

    async fn list(&self, filter: &CommandFilter) -> Result<Page<Command>, StoreError> {
        self.0.read(self.0.store().list(filter)).await
    }

    async fn unfinished(
        &self,
        tenant: &Tenant,
        target: &str,
        command_type: &str,
    ) -> Result<Option<Command>, StoreError> {
        self.0.read(self.0.store().unfinished(tenant, target, command_type)).await
    }

    async fn led_to(&self, tenant: &Tenant, ids: &[Uuid], limit: u32) -> Result<Vec<Command>, StoreError> {
        self.0.read(self.0.store().led_to(tenant, ids, limit)).await
    }

    async fn due(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        self.0.read(self.0.store().due(partitions, now, limit)).await
    }

    async fn backlog(&self, now: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        self.0.read(self.0.store().backlog(now, limit)).await
    }

    async fn waiting(&self, now: DateTime<Utc>, limit: u64) -> Result<Waiting, StoreError> {
        self.0.read(self.0.store().waiting(now, limit)).await
    }

    async fn cancel(
        &self,
        key: &CommandKey,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<CancelOutcome, StoreError> {
        self.0.write("cancel", self.0.store().cancel(key, at, error)).await
    }
}

#[async_trait]
impl Processes for Lined {
    async fn processes(&self, keys: &[ProcessKey]) -> Result<Vec<ProcessRow>, StoreError> {
        self.0.read(self.0.store().processes(keys)).await
    }

    async fn signals(&self, partitions: &[u16], limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.0.read(self.0.store().signals(partitions, limit)).await
    }

    async fn timers(
        &self,
        partitions: &[u16],
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Timer>, StoreError> {
        self.0.read(self.0.store().timers(partitions, until, limit)).await
    }

    async fn begin_observing(&self, reader: &str) -> Result<(), StoreError> {
        self.0.write("begin to observe", self.0.store().begin_observing(reader)).await
    }

    async fn observe(
        &self,
        reader: &str,
        from: i64,
        to: &Checkpoint,
        sightings: &[Sighting],
    ) -> Result<bool, StoreError> {
        self.0.write("observe", self.0.store().observe(reader, from, to, sightings)).await
    }

    async fn process_list(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError> {
        self.0.read(self.0.store().process_list(filter)).await
    }

    async fn timers_of(&self, process: &ProcessKey) -> Result<Vec<Timer>, StoreError> {
        self.0.read(self.0.store().timers_of(process)).await
    }

    async fn awaited_by(&self, process: &ProcessKey) -> Result<Vec<Command>, StoreError> {
        self.0.read(self.0.store().awaited_by(process)).await
    }

    async fn resume(&self, process: &ProcessKey, home: &str) -> Result<bool, StoreError> {
        self.0.write("resume", self.0.store().resume(process, home)).await
    }

    async fn give_up(
        &self,
        process: &ProcessKey,
        home: &str,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<bool, StoreError> {
        self.0.write("give up", self.0.store().give_up(process, home, at, error)).await
    }
}

#[async_trait]
impl Attempts for Lined {
    async fn due_attempts(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        each: u32,
        without: &[String],
    ) -> Result<Vec<DueAttempt>, StoreError> {
        self.0.read(self.0.store().due_attempts(partitions, now, each, without)).await
    }

    async fn attempts(&self, commands: &[CommandKey]) -> Result<Vec<(CommandKey, AttemptRow)>, StoreError> {
        self.0.read(self.0.store().attempts(commands)).await
    }
}

#[async_trait]
impl Journal for Lined {
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError> {
        self.0.read(self.0.store().load(keys)).await
    }

    async fn commit(&self, work: Arc<UnitOfWork>) -> Result<Committed, StoreError> {
        self.0.write(&told(&work), self.0.store().commit(work)).await
    }

    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.0.read(self.0.store().events(key, after, limit)).await
    }
}

#[async_trait]
impl Feed for Lined {
    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError> {
        self.0.read(self.0.store().feed(partition, after, limit)).await
    }

    async fn heads(&self) -> Result<Heads, StoreError> {
        self.0.read(self.0.store().heads()).await
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.0.read(self.0.store().identity()).await
    }

    async fn new_generation(&self) -> Result<i64, StoreError> {
        self.0.write("a new generation", self.0.store().new_generation()).await
    }
}

#[async_trait]
impl Checkpoints for Lined {
    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
        self.0.read(self.0.store().checkpoints(reader)).await
    }

    async fn save_checkpoints(
        &self,
        reader: &str,
        fence: &Fence,
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError> {
        self.0.write("checkpoints", self.0.store().save_checkpoints(reader, fence, checkpoints)).await
    }

    async fn park(&self, reader: &str, entry: &ParkedEntry) -> Result<(), StoreError> {
        self.0.write("park an entry", self.0.store().park(reader, entry)).await
    }

    async fn parked(&self, reader: &str) -> Result<u64, StoreError> {
        self.0.read(self.0.store().parked(reader)).await
    }
}

#[async_trait]
impl Deploying for Lined {
    async fn event_kinds(&self) -> Result<Vec<StoredKind>, StoreError> {
        self.0.read(self.0.store().event_kinds()).await
    }

    async fn open_types(&self, most: u32, samples: u32) -> Result<Vec<OpenType>, StoreError> {
        self.0.read(self.0.store().open_types(most, samples)).await
    }

    async fn blocked(&self, keys: &[CommandKey]) -> Result<Vec<(CommandKey, Problem)>, StoreError> {
        self.0.read(self.0.store().blocked(keys)).await
    }

    async fn blocked_targets(&self, keys: &[AggregateKey]) -> Result<Vec<AggregateKey>, StoreError> {
        self.0.read(self.0.store().blocked_targets(keys)).await
    }

    async fn release(&self, partitions: &[u16], most: u32) -> Result<Vec<AggregateKey>, StoreError> {
        self.0.write("release", self.0.store().release(partitions, most)).await
    }

    async fn unblock(&self, partitions: &[u16]) -> Result<(), StoreError> {
        self.0.write("unblock", self.0.store().unblock(partitions)).await
    }
}

#[async_trait]
impl Views for Lined {
    async fn view_marks(&self, after: Option<&str>, limit: u32) -> Result<Vec<ViewMark>, StoreError> {
        self.0.read(self.0.store().view_marks(after, limit)).await
    }

    async fn view(&self, view_id: &str) -> Result<Option<ViewRow>, StoreError> {
        self.0.read(self.0.store().view(view_id)).await
    }

    async fn index(&self, members: &[&'static str]) -> Result<(), StoreError> {
        self.0.write("index", self.0.store().index(members)).await
    }

    async fn views(&self, filter: &ViewFilter) -> Result<Page<ViewRow>, StoreError> {
        self.0.read(self.0.store().views(filter)).await
    }

    async fn aggregates(
        &self,
        aggregate_type: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.0.read(self.0.store().aggregates(aggregate_type, after, limit)).await
    }

    async fn save_views(&self, views: Vec<ViewRow>) -> Result<(), StoreError> {
        self.0.write("views", self.0.store().save_views(views)).await
    }
}

#[async_trait]
impl Leases for Lined {
    async fn heartbeat(&self, replica: Uuid, ttl: Duration) -> Result<Vec<PartitionLease>, StoreError> {
        self.0.note(replica);
        self.0.write("heartbeat", self.0.store().heartbeat(replica, ttl)).await
    }

    async fn resign(&self, replica: Uuid) -> Result<(), StoreError> {
        self.0.write("resign", self.0.store().resign(replica)).await
    }

    async fn changed(&self) {
        self.0.store().changed().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.read(self.0.store().ping()).await
    }
}

/// A commit as it is told of.
fn told(work: &UnitOfWork) -> String {
    let settled = names(work.outcomes.iter().map(|outcome| &*outcome.command));
    let issued = names(work.issued.iter().map(|command| &**command));
    let heard = names(work.steps.heard.iter().map(|signal| &*signal.command));
    let timers = |timers: &[Timer]| {
        let mut names: Vec<String> =
            timers.iter().map(|timer| format!("{}/{}", timer.process.id, timer.name)).collect();
        // They have no order.
        names.sort_unstable();
        names.join(" ")
    };
    let attempts: Vec<String> = work
        .attempts
        .iter()
        .map(|step| format!("{:?}→{:?}", step.before, step.after.as_ref().map(|row| row.attempt)))
        .collect();
    let mut parts =
        vec![format!("commit in {:?}", work.partitions.iter().map(|one| one.partition).collect::<Vec<_>>())];
    for (what, them) in [
        ("settles", settled),
        ("issues", issued),
        ("hears", heard),
        ("fires", timers(&work.steps.fired)),
        ("sets", timers(&work.steps.set)),
        ("attempts", attempts.join(" ")),
        ("parks", work.steps.parked.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(" ")),
    ] {
        if !them.is_empty() {
            parts.push(format!("{what} {them}"));
        }
    }
    parts.join("; ")
}

/// Commands by type and target.
fn names<'c>(commands: impl Iterator<Item = &'c Command>) -> String {
    let names: Vec<String> =
        commands.map(|command| format!("{}({})", command.command_type, command.target)).collect();
    names.join(" ")
}
