use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::WorkerSettings;
use super::inbox::Inbox;
use super::input::Input;
use crate::acceptance::Fresh;
use crate::activities::Answered;
use crate::ports::{Command, CommandKey, Signal, Timer, UnitOfWork};

/// Brings commands to the lane that is responsible.
#[derive(Clone)]
pub struct Router {
    inboxes: Arc<[Arc<Inbox>]>,
}

impl Router {
    pub(crate) fn new(settings: &WorkerSettings) -> Self {
        Self { inboxes: (0..settings.lanes.max(1)).map(|_| Arc::new(Inbox::new(settings.inbox))).collect() }
    }

    /// Offers commands that were just accepted. What no lane takes now (not owned, or no room) is found in the
    /// registry later.
    pub(crate) fn offer(&self, commands: Vec<Arc<Command>>) {
        self.offer_inputs(commands.into_iter().map(Input::from).collect());
    }

    /// Hands over how commands were settled to the processes that have issued them. The store has it too: what no lane
    /// takes now is found there.
    pub(crate) fn signal<'c>(&self, settled: impl IntoIterator<Item = &'c Arc<Command>>) {
        let signals = settled.into_iter().filter_map(|command| {
            let to = command.reply_to.as_deref()?.clone();
            Some(Input::Signal(Arc::new(Signal { to, command: Arc::clone(command), event: None })))
        });
        let signals: Vec<Input> = signals.collect();
        if !signals.is_empty() {
            self.offer_inputs(signals);
        }
    }

    /// Hands over what became of an attempt.
    pub(crate) fn answer(&self, answered: Answered) {
        self.offer_inputs(vec![Input::Answer(Arc::new(answered))]);
    }

    /// Commands were postponed: the lanes look for them when they fall due.
    pub(crate) fn expect_postponed(&self, work: &UnitOfWork) {
        self.expect_each(
            work.postponed
                .iter()
                .flat_map(|(_, until)| work.partitions.iter().map(move |slice| (slice.partition, *until))),
        );
    }

    fn expect_each(&self, times: impl Iterator<Item = (u16, DateTime<Utc>)>) {
        let mut shares: HashMap<usize, Vec<DateTime<Utc>>> = HashMap::new();
        times.for_each(|(partition, time)| shares.entry(self.lane_of(partition)).or_default().push(time));
        for (lane, times) in shares {
            self.inboxes[lane].expect(times, None);
        }
    }

    fn offer_inputs(&self, inputs: Vec<Input>) {
        if let [only] = &*self.inboxes {
            only.offer(inputs);
            return;
        }
        let mut shares: Vec<Vec<Input>> = vec![Vec::new(); self.inboxes.len()];
        for input in inputs {
            shares[self.lane_of(input.partition())].push(input);
        }
        for (inbox, share) in self.inboxes.iter().zip(shares) {
            if !share.is_empty() {
                inbox.offer(share);
            }
        }
    }

    /// Hands over fresh commands, as far as a lane can apply them at once; gives back those that must be stored
    /// first.
    pub(crate) fn hand_over(&self, fresh: Vec<Fresh>) -> Vec<Fresh> {
        if let [only] = &*self.inboxes {
            return only.hand_over(fresh);
        }
        let mut shares: Vec<Vec<Fresh>> = self.inboxes.iter().map(|_| Vec::new()).collect();
        for fresh in fresh {
            shares[self.lane_of(fresh.command.partition)].push(fresh);
        }
        let shares = self.inboxes.iter().zip(shares).filter(|(_, share)| !share.is_empty());
        shares.flat_map(|(inbox, share)| inbox.hand_over(share)).collect()
    }

    /// Timers were set: the lanes look for them when they fall due.
    pub(crate) fn expect(&self, timers: &[Timer]) {
        self.expect_each(timers.iter().map(|timer| (timer.partition, timer.due_at)));
    }

    /// A command was cancelled: it need not be tried.
    pub(crate) fn forget(&self, key: &CommandKey) {
        for inbox in &*self.inboxes {
            inbox.forget(&HashSet::from([key.clone().into()]));
        }
    }

    /// The registry may hold commands that were not offered.
    pub(crate) fn look(&self) {
        for inbox in &*self.inboxes {
            inbox.look();
        }
    }

    /// There may be a slot for what waits.
    pub(crate) fn wake(&self) {
        for inbox in &*self.inboxes {
            inbox.wake();
        }
    }

    /// The inboxes of all lanes.
    pub(super) fn inboxes(&self) -> &[Arc<Inbox>] {
        &self.inboxes
    }

    fn lane_of(&self, partition: u16) -> usize {
        usize::from(partition) % self.inboxes.len()
    }
}
