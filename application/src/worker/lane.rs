use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batch::{Draft, all_events, metadata_of};
use super::inbox::Inbox;
use super::{Backoff, WorkerSettings};
use crate::catalog::{Catalog, Defect, Executed, Executor};
use crate::feed::FeedHub;
use crate::names;
use crate::ownership::Ownership;
use crate::pace::Pace;
use crate::ports::{
    AggregateKey, Clock, Command, EntryBody, FeedEntry, Loaded, PartitionLease, State, Store, StoreError,
};
use crate::waiters::Waiters;

/// What a lane works with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) ownership: Ownership,
    pub(crate) hub: Arc<FeedHub>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: WorkerSettings,
}

/// Works through the commands of some of the partitions.
pub(crate) struct Lane {
    index: usize,
    inbox: Arc<Inbox>,
    around: Surroundings,
    leases: watch::Receiver<Vec<PartitionLease>>,
    epochs: HashMap<u16, i64>,
    executors: HashMap<&'static str, Box<dyn Executor>>,
    looked: Instant,
}

impl Lane {
    pub(super) fn new(index: usize, inbox: Arc<Inbox>, around: Surroundings) -> Self {
        let settings = &around.settings;
        let executors = around
            .catalog
            .aggregates()
            .map(|kind| (kind.name(), kind.executor(settings.cache, settings.snapshot_every)))
            .collect();
        let mut leases = around.ownership.subscribe();
        leases.mark_changed();
        Self { index, inbox, around, leases, epochs: HashMap::new(), executors, looked: Instant::now() }
    }

    /// Runs until `stop` is set and nothing waits any more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            self.take_assignment();
            self.refill().await;
            let batch = self.inbox.take(self.around.settings.batch);
            if !batch.is_empty() {
                self.settle(batch.clone()).await;
                self.inbox.done(&batch);
                self.let_gather(batch.len()).await;
            } else if stop.is_cancelled() {
                return;
            } else {
                self.idle(&stop).await;
            }
        }
    }

    /// Under load the commands that come in during a few milliseconds share a commit: its fixed cost is the store's
    /// dearest. A lane that had little to do, or has a full batch before it, does not wait.
    async fn let_gather(&mut self, last: usize) {
        let settings = &self.around.settings;
        if last >= settings.busy && self.inbox.len() < settings.batch {
            tokio::time::sleep(settings.gather).await;
        }
    }

    /// Waits for news, for the next command to fall due, or for the time of the next look.
    async fn idle(&mut self, stop: &CancellationToken) {
        let mut pause = self.around.settings.look_every.saturating_sub(self.looked.elapsed());
        if let Some(due) = self.inbox.next_due() {
            pause = pause.min((due - self.around.clock.now()).to_std().unwrap_or_default());
        }
        tokio::select! {
            () = self.inbox.news() => {}
            _ = self.leases.changed() => self.leases.mark_changed(),
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause.max(Duration::from_millis(1))) => {}
        }
    }

    fn take_assignment(&mut self) {
        if !self.leases.has_changed().unwrap_or(false) {
            return;
        }
        let lanes = self.around.settings.lanes.max(1);
        let mine = |lease: &&PartitionLease| usize::from(lease.partition) % lanes == self.index;
        let epochs: HashMap<u16, i64> = self
            .leases
            .borrow_and_update()
            .iter()
            .filter(mine)
            .map(|lease| (lease.partition, lease.epoch))
            .collect();
        if epochs != self.epochs {
            // Another replica may have written while a partition was not ours.
            self.executors.values_mut().for_each(|executor| executor.clear());
            self.inbox.assign(epochs.keys().copied().collect());
            self.epochs = epochs;
        }
    }

    /// Reads the registry when the inbox has run low, something fell due, or it is time for a look.
    async fn refill(&mut self) {
        if self.looked.elapsed() >= self.around.settings.look_every {
            self.looked = Instant::now();
            self.inbox.look();
        }
        let now = self.around.clock.now();
        let Some((partitions, limit)) = self.inbox.wants_refill(now) else { return };
        match self.around.store.due(&partitions, now, limit).await {
            Ok(found) => {
                let mut counts: HashMap<u16, u32> = HashMap::new();
                for command in &found {
                    *counts.entry(command.partition).or_default() += 1;
                }
                let complete = counts.values().all(|count| *count < limit);
                self.inbox.refill(found.into_iter().map(Arc::new).collect(), complete);
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the registry could not be read");
                self.inbox.refill_failed();
                Backoff::default().wait().await;
            }
        }
    }

    /// Settles every command of the batch that is still open and still ours, however long it takes.
    async fn settle(&mut self, mut batch: Vec<Arc<Command>>) {
        let mut backoff = Backoff::default();
        while !batch.is_empty() {
            let Err(error) = self.attempt(&batch, Attempt::First).await else { return };
            self.refused(&error);
            match error {
                StoreError::Fenced => return self.around.ownership.doubt(),
                StoreError::Unavailable(_) => {
                    backoff.wait().await;
                    batch = self.still_open(batch).await;
                }
                StoreError::Conflict => {
                    let before = batch.len();
                    batch = self.still_open(batch).await;
                    if batch.len() == before {
                        return self.settle_each(batch).await;
                    }
                }
                StoreError::Data(_) => return self.settle_each(batch).await,
            }
        }
    }

    /// One by one: what is wrong with one command must not harm another.
    async fn settle_each(&mut self, batch: Vec<Arc<Command>>) {
        for command in batch {
            if let Err(StoreError::Fenced) = self.settle_one(command).await {
                return self.around.ownership.doubt();
            }
        }
    }

    async fn settle_one(&mut self, command: Arc<Command>) -> Result<(), StoreError> {
        /// A sequence number that is taken again and again: another program writes to this aggregate.
        const CONFLICTS: u32 = 5;
        let mut backoff = Backoff::default();
        let mut conflicts = 0;
        let mut alone = vec![command];
        let mut attempt = Attempt::Alone;
        loop {
            let Err(error) = self.attempt(&alone, attempt).await else { return Ok(()) };
            self.refused(&error);
            match error {
                StoreError::Fenced => return Err(error),
                StoreError::Conflict if conflicts < CONFLICTS => conflicts += 1,
                StoreError::Unavailable(_) => backoff.wait().await,
                StoreError::Conflict | StoreError::Data(_) if attempt == Attempt::Alone => {
                    attempt = Attempt::GivenUp;
                }
                StoreError::Conflict | StoreError::Data(_) => {
                    tracing::error!(command = %alone[0].id, "a command can be neither applied nor failed");
                    return Ok(());
                }
            }
            alone = self.still_open(alone).await;
            if alone.is_empty() {
                return Ok(());
            }
        }
    }

    fn refused(&mut self, error: &StoreError) {
        self.executors.values_mut().for_each(|executor| executor.forget());
        let reason = match error {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Fenced => "fenced",
            StoreError::Conflict => "conflict",
            StoreError::Data(_) => "data",
        };
        metrics::counter!(names::COMMIT_REFUSED, "reason" => reason).increment(1);
        tracing::warn!(error = error as &dyn std::error::Error, reason, "a batch was not committed");
    }

    /// Load, execute, commit, tell.
    async fn attempt(&mut self, batch: &[Arc<Command>], attempt: Attempt) -> Result<(), StoreError> {
        self.load(batch, attempt).await?;
        let at = self.around.clock.now();
        let mut draft = Draft::new(self.around.ownership.replica, self.epochs.clone(), at);
        for command in batch {
            if self.epochs.contains_key(&command.partition) {
                let (result, attempts) = self.execute(command, attempt, at).await;
                draft.settle(command, result, attempts);
            }
        }
        for executor in self.executors.values_mut() {
            let work = draft.work();
            executor
                .writes(&mut work.views, &mut work.snapshots)
                .map_err(|error| StoreError::Data(Box::new(error)))?;
        }
        let finished = draft.finish();
        if finished.work.outcomes.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let committed = self.around.store.commit(Arc::clone(&finished.work)).await?;
        metrics::histogram!(names::COMMIT_SECONDS).record(started.elapsed());
        metrics::histogram!(names::COMMIT_BATCH).record(finished.work.outcomes.len() as f64);
        self.executors.values_mut().for_each(|executor| executor.keep());
        self.tell(finished.entries(&committed), at);
        Ok(())
    }

    /// Loads every aggregate of the batch that is not cached, all in one go.
    async fn load(&mut self, batch: &[Arc<Command>], attempt: Attempt) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        for command in batch {
            let Some(executor) = self.executors.get_mut(command.aggregate_type()) else { continue };
            if !executor.needs(&command.target) {
                continue;
            }
            // A server-made target bears the command's own id: nothing can be stored of it. A client can choose
            // both ids alike; then the commit conflicts, and the second look is a real one.
            if attempt == Attempt::First && is_server_made(command) {
                executor.begin(&command.target);
            } else {
                let aggregate_type = command.aggregate_type().to_owned();
                keys.push(AggregateKey { aggregate_type, id: command.target.clone() });
            }
        }
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        for loaded in self.around.store.load(&keys).await? {
            let Some(executor) = self.executors.get_mut(loaded.key.aggregate_type.as_str()) else { continue };
            let key = loaded.key.clone();
            if !executor.hydrate(loaded) {
                let events = all_events(&*self.around.store, &key).await?;
                executor.hydrate(Loaded { key, snapshot: None, view: None, events });
            }
        }
        Ok(())
    }

    /// Runs a command; one that meets a defect is run once more.
    async fn execute(
        &mut self,
        command: &Command,
        attempt: Attempt,
        at: DateTime<Utc>,
    ) -> (Result<Executed, Defect>, u32) {
        if attempt == Attempt::GivenUp {
            return (Err(Defect("the store refuses what it leads to".to_owned())), 2);
        }
        let Some(executor) = self.executors.get_mut(command.aggregate_type()) else {
            return (Err(Defect(format!("no aggregate type {}", command.aggregate_type()))), 1);
        };
        let metadata = metadata_of(command, at);
        match executor.execute(command, &metadata).await {
            Ok(executed) => (Ok(executed), 1),
            Err(_) => (executor.execute(command, &metadata).await, 2),
        }
    }

    /// The feed first: whoever is woken finds there what it was woken for.
    fn tell(&self, entries: Vec<Arc<FeedEntry>>, at: DateTime<Utc>) {
        let outcomes: Vec<Arc<Command>> = entries
            .iter()
            .filter_map(|entry| match &entry.body {
                EntryBody::Outcome(command) => Some(Arc::clone(command)),
                EntryBody::Event(_) => None,
            })
            .collect();
        self.around.hub.committed(entries);
        self.around.pace.settled(outcomes.len(), at);
        if !self.around.waiters.is_empty() {
            for command in &outcomes {
                self.around.waiters.settled(command);
            }
        }
        let succeeded = outcomes.iter().filter(|command| command.state() == State::Succeeded).count();
        metrics::counter!(names::SETTLED, "state" => "succeeded").increment(succeeded as u64);
        metrics::counter!(names::SETTLED, "state" => "failed").increment((outcomes.len() - succeeded) as u64);
    }

    /// Those that the registry still holds as open. Asks until it gets an answer. The outcome of those that turn
    /// out to be settled is told to whoever waits for it.
    async fn still_open(&mut self, batch: Vec<Arc<Command>>) -> Vec<Arc<Command>> {
        let ids: Vec<Uuid> = batch.iter().map(|command| command.id).collect();
        let mut backoff = Backoff::default();
        let stored = loop {
            match self.around.store.commands(&ids).await {
                Ok(stored) => break stored,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the registry could not be read"
                    );
                    backoff.wait().await;
                }
            }
        };
        let (open, settled): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|command| command.state() == State::Open);
        for command in &settled {
            self.around.waiters.settled(&Arc::new(command.clone()));
        }
        self.around.pace.settled(settled.len(), self.around.clock.now());
        self.around.hub.catch_up().await;
        let open: std::collections::HashSet<Uuid> = open.iter().map(|command| command.id).collect();
        batch.into_iter().filter(|command| open.contains(&command.id)).collect()
    }
}

/// How a command is being tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// With its batch.
    First,
    /// Alone, after its batch was refused.
    Alone,
    /// It is only to be failed.
    GivenUp,
}

fn is_server_made(command: &Command) -> bool {
    let mut buffer = Uuid::encode_buffer();
    *command.id.hyphenated().encode_lower(&mut buffer) == command.target
}
