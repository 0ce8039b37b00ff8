//! Whose turn it is when somebody has let an instance go on.
//!
//! What must hold:
//! - What waited while it stood still is handled before what has come since; the lane may have the latter in its hands
//!   already, and the former only in the store.

use std::collections::HashSet;

use super::input::Input;
use super::instances::{Instances, instance_of};
use super::recovery::MOST_AGAIN;
use crate::parts::Parts;
use crate::ports::{ProcessKey, ProcessStanding, StoreError};

impl Instances {
    /// Those of the batch that somebody has let go on, and that have not handled anything since.
    fn resumed(&self) -> HashSet<ProcessKey> {
        let is_resumed = |key: &&ProcessKey| {
            self.row(key).is_some_and(|row| row.resumed && row.standing() == ProcessStanding::Running)
        };
        self.keys().filter(is_resumed).cloned().collect()
    }

    /// The batch as it is to be handled: with what the store has for those that go on, in order and before the rest.
    /// `None`: as it is.
    pub(super) async fn in_turn(
        &mut self,
        parts: &Parts,
        batch: &[Input],
    ) -> Result<Option<Vec<Input>>, StoreError> {
        let resumed = self.resumed();
        if resumed.is_empty() {
            return Ok(None);
        }
        let partitions = resumed.iter().filter_map(|key| Some(self.row(key)?.partition));
        let partitions: Vec<u16> = partitions.collect::<HashSet<_>>().into_iter().collect();
        let waiting = parts.store.signals(&partitions, MOST_AGAIN).await?;
        let is_all = waiting.len() < MOST_AGAIN as usize;
        if is_all {
            self.catch_up(&resumed);
        }
        let is_theirs = |input: &Input| {
            instance_of(&parts.catalog, input).is_some_and(|instance| resumed.contains(&instance))
        };
        let waiting = waiting.into_iter().map(|signal| Input::Signal(signal.into()));
        let mut in_turn: Vec<Input> = waiting.filter(is_theirs).collect();
        let is_to_come = |input: &&Input| match input {
            // It is among them, or its turn comes later.
            Input::Signal(_) => !is_theirs(input),
            Input::Timer(_) => is_all || !is_theirs(input),
            Input::Command(_) | Input::Attempt(_) | Input::Answer(_) => true,
        };
        in_turn.extend(batch.iter().filter(is_to_come).cloned());
        Ok(Some(in_turn))
    }
}
