//! Applies what is accepted.
//!
//! The partitions a replica owns are shared out among *lanes*; a lane works through its [`inbox`] in batches:
//! load what is not cached, execute every command in order, commit all of it in one transaction, tell. Commands
//! that come to a lane *fresh* are stored by that same commit; whenever something is out of the ordinary they are
//! stored first, and then applied like the others.
//!
//! What must hold:
//! - Nothing is told before the commit is known to have happened.
//! - A batch that was not committed leaves no trace in the caches.
//! - After a commit of unknown outcome the registry is asked which commands are still open; the rest is done.
//! - A command that meets a defect is tried once more, then fails as `internal`; its neighbours are unharmed.
//! - Nobody waits for a 202 while a handler takes its time or the store is being tried again.
//! - Failures of the store are not counted against a command: the lane waits and tries again.

mod backoff;
mod batch;
mod inbox;
mod lane;
mod setback;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use backoff::Backoff;
use inbox::Inbox;
pub(crate) use lane::{Lane, Surroundings};

use crate::intake::Fresh;
use crate::ports::Command;

/// Bounds of the worker's queues, batches and caches.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// Lanes that work in parallel, each on its own partitions.
    pub lanes: usize,
    /// Most commands in one commit.
    pub batch: usize,
    /// Commands that may wait in memory, in each lane; more stay in the store.
    pub inbox: usize,
    /// Aggregates kept in memory, of each type and in each lane.
    pub cache: usize,
    /// Events after which an aggregate gets a new snapshot.
    pub snapshot_every: i64,
    /// How often a lane looks into the registry without being told to.
    pub look_every: Duration,
}

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
        if let [only] = &*self.inboxes {
            only.offer(commands);
            return;
        }
        let mut shares: Vec<Vec<Arc<Command>>> = vec![Vec::new(); self.inboxes.len()];
        for command in commands {
            shares[self.lane_of(command.partition)].push(command);
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

    /// A command was cancelled: it need not be tried.
    pub(crate) fn forget(&self, id: Uuid) {
        for inbox in &*self.inboxes {
            inbox.forget(&HashSet::from([id]));
        }
    }

    /// The registry may hold commands that were not offered.
    pub(crate) fn look(&self) {
        for inbox in &*self.inboxes {
            inbox.look();
        }
    }

    fn lane_of(&self, partition: u16) -> usize {
        usize::from(partition) % self.inboxes.len()
    }
}

/// Starts the lanes; each ends when `stop` is set and its inbox is empty.
pub(crate) fn start(
    router: &Router,
    surroundings: &Surroundings,
    stop: &CancellationToken,
) -> Vec<tokio::task::JoinHandle<()>> {
    (0..router.inboxes.len())
        .map(|index| {
            let lane = Lane::new(index, Arc::clone(&router.inboxes[index]), surroundings.clone());
            crate::vital::spawn("lane", lane.run(stop.clone()))
        })
        .collect()
}
