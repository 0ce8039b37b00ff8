//! What is done about inputs that the first attempt did not settle: they are asked for and tried again, first
//! together, then one by one, for as long as it takes.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Backoff;
use super::attempt::Applier;
use super::input::{Input, InputKey};
use super::manner::Attempt;
use super::setback::Setback;
use crate::ports::{Command, CommandKey, State, Store, StoreError};

/// Signals and timers of each partition that are tried again at once; others are when they are read again.
pub(super) const MOST_AGAIN: u32 = 10_000;

impl Applier {
    /// Works off every input of the batch that is still open and still ours, however long it takes.
    pub(super) async fn settle(&mut self, mut batch: Vec<Input>) {
        let mut backoff = Backoff::default();
        while !batch.is_empty() {
            let Err(setback) = self.attempt(&batch, Attempt::Together).await else { return };
            self.set_back(&setback);
            match setback {
                Setback::Store(StoreError::Fenced) => return self.parts.ownership.doubt(),
                Setback::Store(StoreError::Unavailable(_)) => {
                    backoff.wait().await;
                    batch = self.still_open(batch).await;
                }
                Setback::Store(StoreError::Conflict) => {
                    let before = batch.len();
                    batch = self.still_open(batch).await;
                    if batch.len() == before {
                        return self.settle_each(batch).await;
                    }
                }
                Setback::Store(StoreError::Data(_)) | Setback::Defect(_) => {
                    return self.settle_each(batch).await;
                }
            }
        }
    }

    /// One by one: what is wrong with one input must not harm another.
    async fn settle_each(&mut self, batch: Vec<Input>) {
        for input in batch {
            if let Err(StoreError::Fenced) = self.settle_one(input).await {
                return self.parts.ownership.doubt();
            }
        }
    }

    async fn settle_one(&mut self, input: Input) -> Result<(), StoreError> {
        /// A sequence number that is taken again and again: another program writes to this aggregate.
        const CONFLICTS: u32 = 5;
        let mut backoff = Backoff::default();
        let mut conflicts = 0;
        let mut alone = vec![input];
        let mut attempt = Attempt::Alone;
        loop {
            let Err(setback) = self.attempt(&alone, attempt).await else { return Ok(()) };
            self.set_back(&setback);
            match setback {
                Setback::Store(error @ StoreError::Fenced) => return Err(error),
                Setback::Store(StoreError::Conflict) if conflicts < CONFLICTS => {
                    conflicts += 1;
                    backoff.wait().await;
                }
                // Nobody waits for it as for a command: it is in the store, and is read again from there.
                Setback::Store(StoreError::Conflict) if alone[0].can_wait() => {
                    tracing::warn!(input = ?alone[0].key(), "it was not as the store has it, again and again");
                    return Ok(());
                }
                Setback::Store(StoreError::Unavailable(_)) => backoff.wait().await,
                _ if matches!(attempt, Attempt::Alone) => attempt = Attempt::GivenUp,
                _ => {
                    tracing::error!(input = ?alone[0].key(), "it can be neither applied nor failed");
                    return Ok(());
                }
            }
            alone = self.still_open(alone).await;
            if alone.is_empty() {
                return Ok(());
            }
        }
    }

    /// Makes sure that what made instances stand still is still there: one that seems to be defective may only have been
    /// given what it has handled before, by a commit whose answer was lost. Asked after the instances were loaded: then
    /// they have not changed since, or what is to be written of them conflicts.
    pub(super) async fn make_sure(&mut self) -> Result<(), StoreError> {
        let stumbled = self.instances.stumbled().to_vec();
        if stumbled.is_empty() {
            return Ok(());
        }
        let partitions: Vec<u16> = self.epochs().keys().copied().collect();
        let there = waiting(&*self.parts.store, &partitions, self.parts.clock.now()).await?;
        let there: HashSet<InputKey> = there.collect();
        if stumbled.iter().all(|input| there.contains(input)) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Those that the store still holds as open. Asks until it gets an answer. The outcome of commands that turn out to
    /// be settled is told to whoever waits for it.
    async fn still_open(&mut self, batch: Vec<Input>) -> Vec<Input> {
        let keys: Vec<CommandKey> =
            batch.iter().filter_map(Input::command).map(|command| command.key()).collect();
        let partitions: Vec<u16> = self.epochs().keys().copied().collect();
        let mut backoff = Backoff::default();
        let (stored, rest) = loop {
            match stored(&*self.parts.store, &partitions, self.parts.clock.now(), &keys, &batch).await {
                Ok(stored) => break stored,
                Err(error) => {
                    self.parts.ownership.outage.failed(&error, "the registry could not be read");
                    backoff.wait().await;
                }
            }
        };
        let (open, others): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|command| command.state() == State::Open);
        let settled: Vec<_> = others.into_iter().filter(|command| command.settlement.is_some()).collect();
        for command in &settled {
            self.parts.waiters.settled(&Arc::new(command.clone()));
        }
        self.parts.pace.settled(settled.len(), self.parts.clock.now());
        self.parts.hub.catch_up().await;
        let mut open: HashSet<InputKey> = open.iter().map(|command| command.key().into()).collect();
        open.extend(rest);
        batch.into_iter().filter(|input| open.contains(&input.key())).collect()
    }
}

/// What processes are to hear of, and their timers that are due.
async fn waiting(
    store: &dyn Store,
    partitions: &[u16],
    now: DateTime<Utc>,
) -> Result<impl Iterator<Item = InputKey> + use<>, StoreError> {
    let signals = store.signals(partitions, MOST_AGAIN).await?;
    let timers = store.timers(partitions, now, MOST_AGAIN).await?;
    let signals = signals.into_iter().map(|signal| InputKey::of_signal(&signal));
    Ok(signals.chain(timers.into_iter().map(|timer| InputKey::of_timer(&timer))))
}

/// The commands of those keys, and the keys of the other inputs of the batch that are still there.
async fn stored(
    store: &dyn Store,
    partitions: &[u16],
    now: DateTime<Utc>,
    keys: &[CommandKey],
    batch: &[Input],
) -> Result<(Vec<Command>, Vec<InputKey>), StoreError> {
    let commands = if keys.is_empty() { Vec::new() } else { store.commands(keys).await? };
    if keys.len() == batch.len() {
        return Ok((commands, Vec::new()));
    }
    let tried = |input: &Input| match input {
        Input::Attempt(due) => Some(due.command.key()),
        Input::Answer(answered) => Some(answered.command.key()),
        Input::Command(_) | Input::Signal(_) | Input::Timer(_) => None,
    };
    let tried: Vec<CommandKey> = batch.iter().filter_map(tried).collect();
    let tried = if tried.is_empty() { Vec::new() } else { store.attempts(&tried).await? };
    let tried = tried.into_iter().flat_map(|(key, row)| {
        [InputKey::Attempt(key.clone(), row.attempt), InputKey::Answer(key, row.attempt)]
    });
    Ok((commands, waiting(store, partitions, now).await?.chain(tried).collect()))
}
