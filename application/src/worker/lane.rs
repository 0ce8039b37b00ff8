//! A lane: takes its partitions' inputs from the inbox, batch by batch, and has them applied.
//!
//! What must hold:
//! - A command leaves the lane's hands settled, or still open in the registry, or unstored and refused.
//! - The inbox's door is shut while anything is out of the ordinary: what comes then is stored at once, and nobody waits
//!   for a 202 while a handler takes its time or the store is being tried again.
//! - With other partitions nothing is left of the old ones: neither fresh commands nor cached aggregates.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::attempt::Applier;
use super::blocked;
use super::inbox::{Hand, Inbox, Wanted};
use super::input::{Input, InputKey};
use super::manner::Attempt;
use super::reading::{cuts, first_after, is_in_turn};
use super::router::Router;
use super::setback::Setback;
use crate::acceptance::{Acceptance, Fresh};
use crate::parts::Parts;
use crate::ports::{DueAttempt, MOST_DUE, PartitionLease, StoreError};

/// Works through the inputs of some of the partitions.
pub(super) struct Lane {
    index: usize,
    inbox: Arc<Inbox>,
    parts: Parts,
    leases: watch::Receiver<Vec<PartitionLease>>,
    applier: Applier,
    acceptance: Acceptance,
    looked: Instant,
    /// What is blocked in its partitions is to be tried with this build.
    unblocking: bool,
}

impl Lane {
    pub(super) fn new(index: usize, router: &Router, parts: Parts) -> Self {
        let inbox = Arc::clone(&router.inboxes()[index]);
        let mut leases = parts.ownership.subscribe();
        leases.mark_changed();
        let (acceptance, looked) = (Acceptance::new(&parts), Instant::now());
        Self {
            index,
            inbox,
            leases,
            applier: Applier::new(parts.clone(), router.clone()),
            parts,
            acceptance,
            looked,
            unblocking: true,
        }
    }

    /// Runs until `stop` is set and nothing waits any more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            if stop.is_cancelled() {
                // What is under way comes to its end, and nothing is begun.
                self.parts.reach.destinations.close();
            }
            self.take_assignment().await;
            self.refill().await;
            let mut hand = self.inbox.take(self.parts.settings.worker.batch);
            hand.inputs.extend(self.applier.next_attempts());
            if !hand.inputs.is_empty() {
                self.work_off(hand).await;
            } else if self.applier.trying.waiting.is_hungry() {
                // They are read right away.
            } else if stop.is_cancelled() && self.parts.reach.under_way.is_empty() {
                self.inbox.end();
                self.store_fresh(Hand::default()).await;
                return;
            } else {
                self.idle(&stop).await;
            }
        }
    }

    /// Waits for news, for the next input to fall due, or for the time of the next look.
    async fn idle(&mut self, stop: &CancellationToken) {
        let mut pause = self.parts.settings.worker.look_every.saturating_sub(self.looked.elapsed());
        let waiting = &self.applier.trying.waiting;
        if let Some(due) = self.inbox.next_due().into_iter().chain(waiting.next_due()).min() {
            pause = pause.min((due - self.parts.clock.now()).to_std().unwrap_or_default());
        }
        if let (false, Some(opening)) = (waiting.is_empty(), self.parts.reach.destinations.next_opening()) {
            pause = pause.min(opening);
        }
        tokio::select! {
            () = self.inbox.news() => {}
            _ = self.leases.changed() => self.leases.mark_changed(),
            () = stop.cancelled(), if !stop.is_cancelled() => {}
            () = tokio::time::sleep(pause.max(Duration::from_millis(1))) => {}
        }
    }

    async fn take_assignment(&mut self) {
        if !self.leases.has_changed().unwrap_or(false) {
            return;
        }
        let lanes = self.parts.settings.worker.lanes.max(1);
        let mine = |lease: &&PartitionLease| usize::from(lease.partition) % lanes == self.index;
        let epochs: HashMap<u16, i64> = self
            .leases
            .borrow_and_update()
            .iter()
            .filter(mine)
            .map(|lease| (lease.partition, lease.epoch))
            .collect();
        let partitions = usize::from(self.parts.hub.partitions());
        self.parts.reach.destinations.share(self.parts.ownership.count(), partitions);
        if epochs != *self.applier.epochs() {
            self.store_fresh(Hand::default()).await;
            self.inbox.assign(epochs.keys().copied().collect());
            self.applier.assign(epochs);
            self.unblocking = true;
        }
    }

    /// Reads the registry when the inbox has run low, something fell due, or it is time for a look.
    async fn refill(&mut self) {
        if self.looked.elapsed() >= self.parts.settings.worker.look_every {
            self.looked = Instant::now();
            self.inbox.look();
        }
        let now = self.parts.clock.now();
        let horizon = now + self.parts.settings.worker.look_every;
        let mut attempts_until = self.applier.trying.waiting.wants(now, horizon);
        if let Some(wanted) = self.inbox.wants_refill(now) {
            let until = if wanted.and_next { horizon } else { now };
            match self.read(&wanted, now, until).await {
                Ok((found, complete)) => self.inbox.refill(found, complete),
                Err(error) => {
                    self.inbox.refill_failed();
                    self.cannot_read(&error).await;
                }
            }
            attempts_until = attempts_until.max(wanted.and_next.then_some(horizon));
        }
        if let Some(until) = attempts_until
            && let Err(error) = self.find_attempts(now, until).await
        {
            self.applier.trying.waiting.miss();
            self.cannot_read(&error).await;
        }
    }

    async fn cannot_read(&mut self, error: &StoreError) {
        self.parts.ownership.outage.failed(error, "the registry could not be read");
        Backoff::default().wait().await;
    }

    /// What the store holds for these partitions, so much of each kind in each partition, and when timers fall due until
    /// then; and whether that is all that is due.
    async fn read(
        &mut self,
        wanted: &Wanted,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(Vec<Input>, bool), StoreError> {
        let (partitions, limit) = (&wanted.partitions, wanted.each);
        self.let_go(partitions).await?;
        let store = &self.parts.store;
        let commands = store.due(partitions, now, limit).await?;
        let cut = cuts(commands.iter().map(|command| (command.partition, command.accepted_at)), limit);
        let mut complete = cut.is_empty();
        let mut found: Vec<Input> =
            commands.into_iter().map(|command| Input::Command(Arc::new(command))).collect();
        if self.parts.catalog.has_processes() {
            let signals = store.signals(partitions, limit).await?;
            let timers = store.timers(partitions, until, limit).await?;
            let missing = cuts(timers.iter().map(|timer| (timer.partition, timer.due_at)), limit);
            let (mut due, later): (Vec<_>, Vec<_>) =
                timers.into_iter().partition(|timer| timer.due_at <= now);
            self.inbox.expect(later.iter().map(|timer| timer.due_at), first_after(&missing, now));
            complete &= cuts(signals.iter().map(|signal| (signal.to.partition, signal.turn())), limit)
                .is_empty()
                && missing.values().all(|last| *last > now);
            due.retain(|timer| is_in_turn(timer, &cut));
            found.extend(signals.into_iter().map(|signal| Input::Signal(Arc::new(signal))));
            found.extend(due.into_iter().map(|timer| Input::Timer(Arc::new(timer))));
        }
        Ok((found, complete))
    }

    /// Finds the attempts that may begin, none of destinations that have no slot, and when others fall due until then.
    async fn find_attempts(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<(), StoreError> {
        let partitions: Vec<u16> = self.applier.epochs().keys().copied().collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let destinations = &self.parts.reach.destinations;
        let (most, closed) = (destinations.to_read(), destinations.closed());
        let found = self.parts.store.due_attempts(&partitions, until, most, &closed).await?;
        let is_all = found.len() < MOST_DUE as usize;
        let group = |found: &DueAttempt| (found.command.partition, found.row.destination.clone());
        let missing = cuts(found.iter().map(|found| (group(found), found.row.due_at)), most);
        let (due, later): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.row.due_at <= now);
        let times = || later.iter().map(|later| later.row.due_at);
        let cut = if is_all { first_after(&missing, now) } else { times().min() };
        self.applier.trying.waiting.expect(times(), cut);
        // One that takes longer than it may is not to be asked for again and again.
        let under_way = &self.parts.reach.under_way;
        let due = due.into_iter().filter(|due| !under_way.has(&due.command.key())).collect();
        self.applier.trying.waiting.refill(due, is_all, most, closed);
        Ok(())
    }

    /// Lets go of what is blocked, as far as it need not be any more.
    async fn let_go(&mut self, partitions: &[u16]) -> Result<(), StoreError> {
        if self.unblocking {
            self.parts.store.unblock(partitions).await?;
            self.unblocking = false;
        } else if !self.applier.blocked.is_empty() {
            let left = self.parts.store.release(partitions, blocked::MOST + 1).await?;
            self.applier.blocked.become_those(left);
        }
        Ok(())
    }

    /// In the ordinary case one commit, which also stores what is fresh.
    async fn work_off(&mut self, mut hand: Hand) {
        let inputs = hand.inputs.clone();
        match self.applier.attempt(&inputs, Attempt::AtOnce(&hand.fresh)).await {
            Ok(outcomes) => {
                for outcome in outcomes {
                    if let Some(fresh) = hand.fresh.remove(&outcome.key().into()) {
                        fresh.done(outcome);
                    }
                }
            }
            Err(setback) => {
                self.applier.set_back(&setback);
                let stored = match setback {
                    Setback::Store(error @ StoreError::Unavailable(_)) => self.refuse_fresh(hand, error),
                    _ => self.store_fresh(hand).await,
                };
                self.applier.settle(stored).await;
            }
        }
        self.inbox.done(&inputs);
    }

    /// Stores what is fresh in the hand and in the inbox, so that nobody waits for a 202 longer than for that; what
    /// comes later is stored before it gets here. Gives back the inputs of the hand that are stored.
    async fn store_fresh(&mut self, hand: Hand) -> Vec<Input> {
        let (inputs, waiting) = self.take_fresh(hand);
        let mut gone: HashSet<InputKey> = waiting.iter().map(|fresh| fresh.command.key().into()).collect();
        for new in self.acceptance.accept(waiting).await {
            gone.remove(&new.key().into());
        }
        self.without(inputs, &gone)
    }

    /// The same when the store does not answer: what is fresh is refused.
    fn refuse_fresh(&self, hand: Hand, error: StoreError) -> Vec<Input> {
        let (inputs, waiting) = self.take_fresh(hand);
        let gone: HashSet<InputKey> = waiting.iter().map(|fresh| fresh.command.key().into()).collect();
        let error = Arc::new(error);
        for fresh in waiting {
            fresh.refuse(&error);
        }
        self.without(inputs, &gone)
    }

    /// The inputs of the hand, and what is fresh there and in the inbox, in order.
    fn take_fresh(&self, hand: Hand) -> (Vec<Input>, Vec<Fresh>) {
        let Hand { inputs, mut fresh } = hand;
        let mut waiting: Vec<Fresh> = inputs.iter().filter_map(|input| fresh.remove(&input.key())).collect();
        waiting.extend(self.inbox.shut());
        (inputs, waiting)
    }

    /// The inputs but for these, which the inbox forgets as well.
    fn without(&self, mut inputs: Vec<Input>, gone: &HashSet<InputKey>) -> Vec<Input> {
        inputs.retain(|input| !gone.contains(&input.key()));
        self.inbox.forget(gone);
        inputs
    }
}
