//! One attempt at a batch: load, execute, commit, tell.
//!
//! What must hold:
//! - Nothing is told before the commit is known to have happened.
//! - An attempt that fails leaves no trace once it is [forgotten](Applier::set_back).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::batch::{Draft, all_events, entries_of, metadata_of, tell_of};
use super::blocked::{self, Blocked};
use super::input::Input;
use super::instances::{Instances, instance_of};
use super::manner::{Attempt, TIME_LIMIT, refused_by_the_store};
use super::router::Router;
use super::setback::{Refusals, Setback};
use super::trying::Trying;
use crate::catalog::{Defect, Executed, Executor, Undecodable};
use crate::meters::Settled;
use crate::names;
use crate::parts::Parts;
use crate::ports::{AggregateKey, Command, CommandKey, EntryBody, FeedEntry, Loaded, StoreError};

/// Applies the inputs of the partitions it was given, with the aggregates that it has in memory.
pub(super) struct Applier {
    pub(super) parts: Parts,
    /// Where what a commit issues goes on to.
    router: Router,
    /// The partitions, with the epochs in which they are owned.
    epochs: HashMap<u16, i64>,
    executors: HashMap<&'static str, Box<dyn Executor>>,
    pub(super) instances: Instances,
    pub(super) trying: Trying,
    /// Commands whose handler met a defect when it was asked at once: that counts.
    asked: HashSet<CommandKey>,
    pub(super) blocked: Blocked,
    settled: Settled,
    refusals: Refusals,
}

impl Applier {
    pub(super) fn new(parts: Parts, router: Router) -> Self {
        let settings = &parts.settings.worker;
        let executors = parts
            .catalog
            .aggregates()
            .map(|kind| (kind.name(), kind.executor(settings.cache, settings.snapshot_every)))
            .collect();
        let (settled, refusals) = (Settled::new(&parts.catalog), Refusals::default());
        Self {
            parts,
            router,
            epochs: HashMap::new(),
            executors,
            instances: Instances::default(),
            trying: Trying::default(),
            asked: HashSet::new(),
            blocked: Blocked::default(),
            settled,
            refusals,
        }
    }

    /// The partitions that are its now, with their epochs.
    pub(super) fn epochs(&self) -> &HashMap<u16, i64> {
        &self.epochs
    }

    /// Other partitions are its from now on.
    pub(super) fn assign(&mut self, epochs: HashMap<u16, i64>) {
        // Another replica may have written while a partition was not ours.
        self.executors.values_mut().for_each(|executor| executor.clear());
        self.asked.clear();
        self.blocked = Blocked::default();
        self.instances.assign();
        self.trying.waiting.clear();
        self.epochs = epochs;
    }

    /// The attempts that can be made now.
    pub(super) fn next_attempts(&mut self) -> impl Iterator<Item = Input> + use<> {
        let next = self.trying.waiting.take(&self.parts.reach.destinations);
        next.into_iter().map(Input::Attempt)
    }

    /// Load, execute, commit, tell. Gives back the commands that are settled now, or running.
    pub(super) async fn attempt(
        &mut self,
        batch: &[Input],
        attempt: Attempt<'_>,
    ) -> Result<Vec<Arc<Command>>, Setback> {
        self.load(batch, attempt).await?;
        self.instances.load(&self.parts, batch, attempt).await?;
        let in_turn = self.instances.in_turn(&self.parts, batch).await?;
        let batch = in_turn.as_deref().unwrap_or(batch);
        self.blocked.look_up(&*self.parts.store, batch).await?;
        let at = self.parts.clock.now();
        let mut draft = Draft::new(self.parts.ownership.replica, self.epochs.clone(), at);
        for input in batch {
            if self.epochs.contains_key(&input.partition()) {
                self.take_input(&mut draft, input, attempt, at).await?;
                self.go_on(&mut draft, attempt, at).await?;
            }
        }
        for executor in self.executors.values_mut() {
            let work = draft.work();
            executor
                .writes(&mut work.views, &mut work.snapshots)
                .map_err(|error| Setback::Defect(Defect(error.to_string())))?;
        }
        let (work, defects) = draft.finish(&self.parts.kinds);
        if work.partitions.is_empty() {
            return Ok(Vec::new());
        }
        self.make_sure().await?;
        let started = Instant::now();
        let span = attempt.span(work.outcomes.len());
        let committed = self.parts.store.commit(Arc::clone(&work)).instrument(span).await?;
        metrics::histogram!(names::COMMIT_SECONDS).record(started.elapsed());
        metrics::histogram!(names::COMMIT_BATCH).record(work.outcomes.len() as f64);
        self.executors.values_mut().for_each(|executor| executor.keep());
        self.parts.kinds.add(&work.kinds);
        work.blocked.iter().for_each(|command| self.blocked.add(command.target.clone()));
        tell_of(&defects);
        let accepted = work.stores();
        metrics::counter!(names::ACCEPTED).increment((accepted - work.issued.len()) as u64);
        self.parts.pace.accepted(accepted);
        if !work.issued.is_empty() {
            self.router.offer(work.issued.clone());
        }
        self.router.expect(&work.steps.set);
        let attempts = work.attempts.iter().filter_map(|step| Some(step.after.as_ref()?.due_at));
        self.trying.waiting.expect(attempts.filter(|due_at| *due_at > at), None);
        self.router.expect_postponed(&work);
        self.trying.start(&self.parts, &self.router);
        let begun: Vec<Arc<Command>> =
            work.steps.begun.iter().map(|begun| Arc::clone(&begun.command)).collect();
        let told: HashSet<CommandKey> = work.steps.told.iter().cloned().collect();
        let mut done = self.tell(entries_of(work, &committed), at);
        self.router.signal(done.iter().filter(|command| told.is_empty() || !told.contains(&command.key())));
        done.extend(begun);
        Ok(done)
    }

    /// Adds to the draft what an input leads to.
    async fn take_input(
        &mut self,
        draft: &mut Draft,
        input: &Input,
        attempt: Attempt<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), Setback> {
        match input {
            Input::Command(command) => self.take(draft, command, attempt, at).await,
            Input::Signal(signal) => self.instances.take_signal(draft, &self.parts, signal, attempt),
            Input::Timer(timer) => self.instances.take_timer(draft, &self.parts, timer, attempt),
            Input::Attempt(due) => {
                let is_wanted = self.instances.still_want(&self.parts, &due.command);
                self.trying.take_due(draft, &self.parts, due, is_wanted, attempt);
                Ok(())
            }
            Input::Answer(answered) => {
                let is_settled = Trying::take_answer(draft, &self.parts, answered, attempt);
                if is_settled { self.tell_at_once(draft, &answered.command, attempt) } else { Ok(()) }
            }
        }
    }

    /// Settles a command in the draft, or blocks it.
    async fn take(
        &mut self,
        draft: &mut Draft,
        command: &Arc<Command>,
        attempt: Attempt<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), Setback> {
        let fresh = attempt.is_fresh(command);
        let is_behind = self.blocked.has(command) || draft.has_blocked(command);
        // What stays open has to be stored first.
        let store_first = |why: &str| Setback::Defect(Defect(format!("a new command is blocked: {why}")));
        if is_behind {
            if fresh {
                return Err(store_first("an earlier one is"));
            }
            draft.block(command, blocked::behind(), true);
            return Ok(());
        }
        if let (Some(process), false) = (self.parts.catalog.process_of(command), attempt.is_given_up()) {
            return self.instances.take_command(draft, &self.parts, process, command, attempt);
        }
        if self.parts.catalog.activity(&command.command_type).is_some() && !attempt.is_given_up() {
            return self.trying.take_command(draft, &self.parts, command, fresh);
        }
        let (result, attempts) = self.execute(command, attempt, at).await?;
        if let (Ok(Executed::Blocked(why)), true) = (&result, fresh) {
            return Err(store_first(&why.to_string()));
        }
        draft.settle(command, fresh, result, attempts);
        Ok(())
    }

    /// Loads every aggregate of the batch that is not cached, all in one go.
    async fn load(&mut self, batch: &[Input], attempt: Attempt<'_>) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        for input in batch {
            let Some(command) = input.command().filter(|one| self.parts.catalog.is_of_an_aggregate(one))
            else {
                keys.extend(self.home_of(input, attempt));
                continue;
            };
            let Some(executor) = self.executors.get_mut(command.aggregate_type()) else { continue };
            if !executor.needs(&command.stored_target()) {
                continue;
            }
            // A server-made target bears the command's own id: nothing can be stored of it. A client can choose
            // both ids alike; then the commit conflicts, and the second look is a real one.
            if matches!(attempt, Attempt::AtOnce(_)) && command.is_server_made() {
                executor.begin(command.aggregate());
            } else {
                keys.push(command.aggregate());
            }
        }
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        let mut stale = Vec::new();
        let span = tracing::trace_span!(target: names::SPANS, parent: None, "load", aggregates = keys.len());
        for loaded in self.parts.store.load(&keys).instrument(span).await? {
            let Some(executor) = self.executors.get_mut(loaded.key.aggregate_type.as_str()) else { continue };
            let key = loaded.key.clone();
            if !executor.hydrate(loaded) {
                stale.push(key);
            }
        }
        self.load_whole(stale).await
    }

    /// The aggregate that an instance lives beside, if it has to be loaded: an instance has most to do with that one.
    fn home_of(&mut self, input: &Input, attempt: Attempt<'_>) -> Option<AggregateKey> {
        let instance = instance_of(&self.parts.catalog, input)?;
        let home = self.parts.catalog.process(&instance.process_type)?.home();
        let key = AggregateKey::beside(&instance, home);
        let executor = self.executors.get_mut(home)?;
        if !executor.needs(&key.stored_id()) {
            return None;
        }
        if attempt.is_at_once() && input.command().is_some_and(|command| command.is_server_made()) {
            executor.begin(key);
            return None;
        }
        Some(key)
    }

    /// Loads aggregates by all of their events: snapshot or view were made by other code.
    async fn load_whole(&mut self, keys: Vec<AggregateKey>) -> Result<(), StoreError> {
        /// Right after a change of the program these are many.
        const AT_ONCE: usize = 4;
        let store = &self.parts.store;
        let read = async |key: AggregateKey| {
            let events = all_events(&**store, &key).await?;
            Ok::<_, StoreError>(Loaded { key, snapshot: None, view: None, events })
        };
        let mut whole = std::pin::pin!(stream::iter(keys.into_iter().map(read)).buffer_unordered(AT_ONCE));
        while let Some(loaded) = whole.try_next().await? {
            if let Some(executor) = self.executors.get_mut(loaded.key.aggregate_type.as_str()) {
                executor.hydrate(loaded);
            }
        }
        Ok(())
    }

    /// Whether the aggregate that a command is for is in memory.
    pub(super) fn has_cached(&mut self, command: &Command) -> bool {
        let executor = self.executors.get_mut(command.aggregate_type());
        executor.is_some_and(|executor| !executor.needs(&command.stored_target()))
    }

    /// Runs a command, and says how often that was. One that meets a defect is run once more; but not at once, with
    /// others waiting for it.
    pub(super) async fn execute(
        &mut self,
        command: &Command,
        attempt: Attempt<'_>,
        at: DateTime<Utc>,
    ) -> Result<(Result<Executed, Defect>, u32), Setback> {
        if attempt.is_given_up() {
            return Ok((Err(refused_by_the_store()), 2));
        }
        let Some(executor) = self.executors.get_mut(command.aggregate_type()) else {
            let unknown = format!("it has no resources of type {}", command.aggregate_type());
            return Ok((Ok(Executed::Blocked(Undecodable(unknown))), 1));
        };
        let before = u32::from(self.asked.contains(&command.key()));
        let first = run(&mut **executor, command, at, attempt.patience()).await;
        match (first, attempt) {
            (Err(defect), Attempt::AtOnce(_)) => {
                self.asked.insert(command.key());
                Err(Setback::Defect(defect))
            }
            (Err(_), _) if before == 0 => Ok((run(&mut **executor, command, at, TIME_LIMIT).await, 2)),
            (result, _) => Ok((result, before + 1)),
        }
    }

    /// The feed first: whoever is woken finds there what it was woken for.
    fn tell(&mut self, entries: Vec<Arc<FeedEntry>>, at: DateTime<Utc>) -> Vec<Arc<Command>> {
        let outcomes: Vec<Arc<Command>> = entries
            .iter()
            .filter_map(|entry| match &entry.body {
                EntryBody::Outcome(command) => Some(Arc::clone(command)),
                EntryBody::Event(_) | EntryBody::Unreadable(_) => None,
            })
            .collect();
        self.parts.hub.committed(entries);
        self.parts.pace.settled(outcomes.len(), at);
        if !self.parts.waiters.is_empty() {
            for command in &outcomes {
                self.parts.waiters.settled(command);
            }
        }
        let now = self.parts.clock.now();
        for command in &outcomes {
            self.settled.count(command, now);
        }
        if !self.asked.is_empty() {
            for command in &outcomes {
                self.asked.remove(&command.key());
            }
        }
        outcomes
    }

    /// What was prepared is forgotten. A defect is told of when its command is settled.
    pub(super) fn set_back(&mut self, setback: &Setback) {
        self.executors.values_mut().for_each(|executor| executor.forget());
        self.trying.forget();
        match setback {
            Setback::Store(error) => self.refused(error),
            Setback::Defect(defect) => tracing::debug!(%defect, "a batch was not committed"),
        }
    }

    fn refused(&self, error: &StoreError) {
        self.refusals.count(error);
        let told = error as &dyn std::error::Error;
        match error {
            StoreError::Unavailable(_) => {
                self.parts.ownership.outage.failed(error, "a batch was not committed");
                self.parts.ownership.doubt();
            }
            StoreError::Data(_) => tracing::warn!(error = told, "a batch was not committed"),
            // Ordinary: a request was repeated with its key; another replica has taken over.
            StoreError::Conflict | StoreError::Fenced => {
                tracing::debug!(error = told, "a batch was not committed");
            }
        }
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
