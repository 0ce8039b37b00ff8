use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batch::{Draft, all_events, entries_of, metadata_of};
use super::inbox::{Hand, Inbox};
use super::{Backoff, WorkerSettings};
use crate::catalog::{Catalog, Defect, Executed, Executor};
use crate::feed::FeedHub;
use crate::intake::{Acceptance, Fresh};
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
    acceptance: Acceptance,
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
        let outage = Arc::clone(&around.ownership.outage);
        let acceptance = Acceptance::new(Arc::clone(&around.store), Arc::clone(&around.pace), outage);
        let (epochs, looked) = (HashMap::new(), Instant::now());
        Self { index, inbox, around, leases, epochs, executors, acceptance, looked }
    }

    /// Runs until `stop` is set and nothing waits any more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            self.take_assignment().await;
            self.refill().await;
            let hand = self.inbox.take(self.around.settings.batch);
            if !hand.commands.is_empty() {
                self.work_off(hand).await;
            } else if stop.is_cancelled() {
                self.inbox.end();
                self.store_fresh(Hand::default()).await;
                return;
            } else {
                self.idle(&stop).await;
            }
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

    async fn take_assignment(&mut self) {
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
            self.store_fresh(Hand::default()).await;
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
                self.around.ownership.outage.failed(&error, "the registry could not be read");
                self.inbox.refill_failed();
                Backoff::default().wait().await;
            }
        }
    }

    /// In the ordinary case one commit, which also stores what is fresh.
    async fn work_off(&mut self, mut hand: Hand) {
        let commands = hand.commands.clone();
        match self.attempt(&commands, Attempt::AtOnce(&hand.fresh)).await {
            Ok(outcomes) => {
                for outcome in outcomes {
                    if let Some(fresh) = hand.fresh.remove(&outcome.id) {
                        fresh.settled(outcome);
                    }
                }
            }
            Err(error) => {
                self.refused(&error);
                let stored = match error {
                    StoreError::Unavailable(_) => self.refuse_fresh(hand, error),
                    _ => self.store_fresh(hand).await,
                };
                self.settle(stored).await;
            }
        }
        self.inbox.done(&commands);
    }

    /// Stores what is fresh in the hand and in the inbox, so that nobody waits for a 202 longer than for that; what
    /// comes later is stored before it gets here. Gives back the commands of the hand that are stored.
    async fn store_fresh(&mut self, hand: Hand) -> Vec<Arc<Command>> {
        let (commands, waiting) = self.take_fresh(hand);
        let mut gone: HashSet<Uuid> = waiting.iter().map(|fresh| fresh.command.id).collect();
        for new in self.acceptance.accept(waiting).await {
            gone.remove(&new.id);
        }
        self.without(commands, &gone)
    }

    /// The same when the store does not answer: what is fresh is refused.
    fn refuse_fresh(&self, hand: Hand, error: StoreError) -> Vec<Arc<Command>> {
        let (commands, waiting) = self.take_fresh(hand);
        let gone: HashSet<Uuid> = waiting.iter().map(|fresh| fresh.command.id).collect();
        let error = Arc::new(error);
        for fresh in waiting {
            fresh.refuse(&error);
        }
        self.without(commands, &gone)
    }

    /// The commands of the hand, and what is fresh there and in the inbox, in order.
    fn take_fresh(&self, hand: Hand) -> (Vec<Arc<Command>>, Vec<Fresh>) {
        let Hand { commands, mut fresh } = hand;
        let mut waiting: Vec<Fresh> =
            commands.iter().filter_map(|command| fresh.remove(&command.id)).collect();
        waiting.extend(self.inbox.shut());
        (commands, waiting)
    }

    /// The commands but for these, which the inbox forgets as well.
    fn without(&self, mut commands: Vec<Arc<Command>>, gone: &HashSet<Uuid>) -> Vec<Arc<Command>> {
        commands.retain(|command| !gone.contains(&command.id));
        self.inbox.forget(gone);
        commands
    }

    /// Settles every command of the batch that is still open and still ours, however long it takes.
    async fn settle(&mut self, mut batch: Vec<Arc<Command>>) {
        let mut backoff = Backoff::default();
        while !batch.is_empty() {
            let Err(error) = self.attempt(&batch, Attempt::Together).await else { return };
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
                StoreError::Conflict | StoreError::Data(_) if matches!(attempt, Attempt::Alone) => {
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
        let told = error as &dyn std::error::Error;
        match error {
            StoreError::Unavailable(_) => {
                self.around.ownership.outage.failed(error, "a batch was not committed");
                self.around.ownership.doubt();
            }
            StoreError::Data(_) => tracing::warn!(error = told, "a batch was not committed"),
            // Ordinary: a request was repeated with its key; another replica has taken over.
            StoreError::Conflict | StoreError::Fenced => {
                tracing::debug!(error = told, "a batch was not committed");
            }
        }
    }

    /// Load, execute, commit, tell. Gives back the settled commands.
    async fn attempt(
        &mut self,
        batch: &[Arc<Command>],
        attempt: Attempt<'_>,
    ) -> Result<Vec<Arc<Command>>, StoreError> {
        self.load(batch, attempt).await?;
        let at = self.around.clock.now();
        let mut draft = Draft::new(self.around.ownership.replica, self.epochs.clone(), at);
        for command in batch {
            if self.epochs.contains_key(&command.partition) {
                let (result, attempts) = self.execute(command, attempt, at).await?;
                draft.settle(command, attempt.is_fresh(command), result, attempts);
            }
        }
        for executor in self.executors.values_mut() {
            let work = draft.work();
            executor
                .writes(&mut work.views, &mut work.snapshots)
                .map_err(|error| StoreError::Data(Box::new(error)))?;
        }
        let work = draft.finish();
        if work.outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let started = Instant::now();
        let committed = self.around.store.commit(Arc::clone(&work)).await?;
        metrics::histogram!(names::COMMIT_SECONDS).record(started.elapsed());
        metrics::histogram!(names::COMMIT_BATCH).record(work.outcomes.len() as f64);
        self.executors.values_mut().for_each(|executor| executor.keep());
        let accepted = attempt.fresh();
        metrics::counter!(names::ACCEPTED).increment(accepted as u64);
        self.around.pace.accepted(accepted);
        Ok(self.tell(entries_of(work, &committed), at))
    }

    /// Loads every aggregate of the batch that is not cached, all in one go.
    async fn load(&mut self, batch: &[Arc<Command>], attempt: Attempt<'_>) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        for command in batch {
            let Some(executor) = self.executors.get_mut(command.aggregate_type()) else { continue };
            if !executor.needs(&command.target) {
                continue;
            }
            // A server-made target bears the command's own id: nothing can be stored of it. A client can choose
            // both ids alike; then the commit conflicts, and the second look is a real one.
            if matches!(attempt, Attempt::AtOnce(_)) && is_server_made(command) {
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

    /// Runs a command. One that meets a defect is run once more; but not at once, with others waiting for it.
    async fn execute(
        &mut self,
        command: &Command,
        attempt: Attempt<'_>,
        at: DateTime<Utc>,
    ) -> Result<(Result<Executed, Defect>, u32), StoreError> {
        if matches!(attempt, Attempt::GivenUp) {
            return Ok((Err(Defect("the store refuses what it leads to".to_owned())), 2));
        }
        let Some(executor) = self.executors.get_mut(command.aggregate_type()) else {
            return Ok((Err(Defect(format!("no aggregate type {}", command.aggregate_type()))), 1));
        };
        let first = run(&mut **executor, command, at, attempt.patience()).await;
        match (first, attempt) {
            (Ok(executed), _) => Ok((Ok(executed), 1)),
            (Err(defect), Attempt::AtOnce(_)) => Err(StoreError::Data(defect.0.into())),
            (Err(_), _) => Ok((run(&mut **executor, command, at, TIME_LIMIT).await, 2)),
        }
    }

    /// The feed first: whoever is woken finds there what it was woken for.
    fn tell(&self, entries: Vec<Arc<FeedEntry>>, at: DateTime<Utc>) -> Vec<Arc<Command>> {
        let outcomes: Vec<Arc<Command>> = entries
            .iter()
            .filter_map(|entry| match &entry.body {
                EntryBody::Outcome(command) => Some(Arc::clone(command)),
                EntryBody::Event(_) | EntryBody::Unreadable(_) => None,
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
        outcomes
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
                    self.around.ownership.outage.failed(&error, "the registry could not be read");
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
        let open: HashSet<Uuid> = open.iter().map(|command| command.id).collect();
        batch.into_iter().filter(|command| open.contains(&command.id)).collect()
    }
}

async fn run(
    executor: &mut dyn Executor,
    command: &Command,
    at: DateTime<Utc>,
    patience: Duration,
) -> Result<Executed, Defect> {
    executor.execute(command, metadata_of(command, at)?, patience).await
}

/// A handler that takes longer is taken for one that never ends: it does no I/O.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// How commands are being tried.
#[derive(Clone, Copy, Debug)]
enum Attempt<'f> {
    /// With their batch, these of them fresh; whatever is out of the ordinary ends the attempt.
    AtOnce(&'f HashMap<Uuid, Fresh>),
    /// With their batch, patiently.
    Together,
    /// Alone, after its batch was refused.
    Alone,
    /// It is only to be failed.
    GivenUp,
}

impl Attempt<'_> {
    fn is_fresh(self, command: &Command) -> bool {
        matches!(self, Self::AtOnce(fresh) if fresh.contains_key(&command.id))
    }

    /// How many commands are fresh.
    fn fresh(self) -> usize {
        if let Self::AtOnce(fresh) = self { fresh.len() } else { 0 }
    }

    /// How long a handler may take.
    fn patience(self) -> Duration {
        if let Self::AtOnce(_) = self { Duration::ZERO } else { TIME_LIMIT }
    }
}

fn is_server_made(command: &Command) -> bool {
    let mut buffer = Uuid::encode_buffer();
    *command.id.hyphenated().encode_lower(&mut buffer) == command.target
}
