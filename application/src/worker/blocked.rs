//! Commands that this build of the program cannot apply: it cannot read the events of their aggregate or their own
//! data, or does not know their type. They are not failed, since another build may be able to: they stay open, *blocked*.
//!
//! What must hold:
//! - The store keeps them, with the reason, and leaves them out of what is due; so nothing is tried again and again.
//! - Whatever comes for the same aggregate waits behind the first of them: the order is kept.
//! - Whoever takes a partition over lets everything go once, and so tries it with its own build.
//! - No more aggregates than [`MOST`] are held in memory: while there are more, the store is asked for those of a batch.
//! - When the first of them is cancelled, by whichever replica, those behind it are let go at the next look.

use std::collections::HashSet;

use wilco_domain::kernel::Problem;

use super::input::Input;
use crate::catalog::Undecodable;
use crate::ports::{AggregateKey, Command, Store, StoreError};

/// The aggregates that are held in memory for each lane.
pub(super) const MOST: u32 = 10_000;

/// The aggregates of a lane that have blocked commands.
#[derive(Default)]
pub(super) struct Blocked {
    /// At most [`MOST`].
    targets: HashSet<AggregateKey>,
    /// There are others in the store.
    more: bool,
    /// Those of the others that the batch at hand is about.
    found: HashSet<AggregateKey>,
}

impl Blocked {
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    pub(super) fn has(&self, command: &Command) -> bool {
        if self.is_empty() {
            return false;
        }
        let target = command.aggregate();
        self.targets.contains(&target) || self.found.contains(&target)
    }

    pub(super) fn add(&mut self, target: AggregateKey) {
        if self.targets.len() < MOST as usize {
            self.targets.insert(target);
        } else if !self.targets.contains(&target) {
            self.more = true;
        }
    }

    /// These are left; [`MOST`] and one more of them, if there are so many.
    pub(super) fn become_those(&mut self, left: Vec<AggregateKey>) {
        *self = Self::default();
        for target in left {
            self.add(target);
        }
    }

    /// Asks the store for what is not held in memory, if there is anything.
    pub(super) async fn look_up(&mut self, store: &dyn Store, batch: &[Input]) -> Result<(), StoreError> {
        self.found.clear();
        if self.more {
            let of_batch = batch.iter().filter_map(Input::command).map(|command| command.aggregate());
            let unknown: Vec<AggregateKey> = of_batch.filter(|key| !self.targets.contains(key)).collect();
            self.found.extend(store.blocked_targets(&unknown).await?);
        }
        Ok(())
    }
}

/// Why the first one is blocked.
pub(super) fn unreadable(why: &Undecodable) -> Problem {
    problem(format!("this version of the server cannot apply it: {why}"))
}

/// Why those behind it are.
pub(super) fn behind() -> Problem {
    problem("it waits behind an earlier command for the same resource, which is blocked".to_owned())
}

fn problem(detail: String) -> Problem {
    Problem::new("blocked", 503, detail)
}

#[cfg(test)]
mod tests {
    use wilco_domain::kernel::Tenant;

    use super::*;

    #[test]
    fn no_more_aggregates_are_held_than_that_and_others_are_known_to_be_there() {
        let key = |n: u32| AggregateKey::new(&Tenant::default(), "pet", n.to_string());
        let mut blocked = Blocked::default();
        blocked.become_those((0..MOST).map(key).collect());
        blocked.add(key(0));
        assert_eq!((blocked.targets.len(), blocked.more), (MOST as usize, false));
        blocked.add(key(MOST));
        assert_eq!((blocked.targets.len(), blocked.more), (MOST as usize, true));
        blocked.become_those(vec![key(MOST)]);
        assert_eq!((blocked.targets.len(), blocked.more), (1, false));
    }
}
