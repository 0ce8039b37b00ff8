//! What instances issue is applied at once, in the commit of the step that issues it, as far as it is for this lane and
//! at hand: a process of several steps within one lane is one commit, and nobody waits for the rest of it.
//!
//! That is a mere short cut. What is not at hand is stored and applied like any other command; and so is everything where
//! something is out of the ordinary, since what was applied here leaves no trace until the whole batch is committed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attempt::Applier;
use super::batch::Draft;
use super::manner::Attempt;
use super::setback::Setback;
use crate::catalog::Executed;
use crate::ports::{Command, ProcessRow, ProcessStanding, Signal};

/// Steps of processes, one after the other, that one input may lead to within a commit.
const MOST: usize = 16;

impl Applier {
    /// Applies what the last input has led to, and what that leads to.
    pub(super) async fn go_on(
        &mut self,
        draft: &mut Draft,
        attempt: Attempt<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), Setback> {
        for _ in 0..MOST {
            let issued = self.instances.take_issued();
            if issued.is_empty() {
                return Ok(());
            }
            for command in issued {
                if attempt.is_at_once() && self.is_at_hand(draft, &command) {
                    self.follow(draft, command, attempt, at).await?;
                } else {
                    draft.issue(command);
                }
            }
        }
        self.instances.take_issued().into_iter().for_each(|command| draft.issue(command));
        Ok(())
    }

    /// Tells the instance that has asked for an activity what has become of it in the commit that settles it, as far as
    /// that is at hand.
    pub(super) fn tell_at_once(
        &mut self,
        draft: &mut Draft,
        command: &Command,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let Some(to) = command.reply_to.as_deref() else { return Ok(()) };
        let is_ready = |row: &ProcessRow| row.standing() == ProcessStanding::Running && !row.resumed;
        let is_at_hand = self.epochs().contains_key(&to.partition)
            && self.instances.row(&to.process(&command.tenant)).is_some_and(is_ready);
        if !attempt.is_at_once() || !is_at_hand {
            return Ok(());
        }
        let settled = Command { settlement: draft.last_settlement(), ..command.clone() };
        let signal = Signal { to: to.clone(), command: Arc::new(settled), event: None };
        draft.tell(&command.key());
        self.instances.take_reply(draft, &self.parts, &signal)
    }

    /// Whether a command can be applied here and now.
    fn is_at_hand(&mut self, draft: &Draft, command: &Command) -> bool {
        if command.not_before.is_some() || !self.epochs().contains_key(&command.partition) {
            return false;
        }
        if self.parts.catalog.activity(&command.command_type).is_some() {
            return true;
        }
        let is_free = !self.blocked.has(command) && !draft.has_blocked(command);
        is_free && self.parts.catalog.process_of(command).is_none() && self.has_cached(command)
    }

    /// Applies a command that nobody has stored yet, and hands its outcome over to the instance that has issued it.
    async fn follow(
        &mut self,
        draft: &mut Draft,
        command: Arc<Command>,
        attempt: Attempt<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), Setback> {
        if self.parts.catalog.activity(&command.command_type).is_some() {
            return self.trying.take_command(draft, &self.parts, &command, true);
        }
        let (result, attempts) = self.execute(&command, attempt, at).await?;
        if let Ok(Executed::Blocked(_)) = result {
            draft.issue(command);
            return Ok(());
        }
        // It is answered here: nobody is to hear of it once more. One that takes its place is.
        draft.settle(&Arc::new(Command { reply_to: None, ..(*command).clone() }), true, result, attempts);
        let Some(to) = command.reply_to.as_deref().cloned() else { return Ok(()) };
        let settled = Command { settlement: draft.last_settlement(), ..Arc::unwrap_or_clone(command) };
        let signal = Signal { to, command: Arc::new(settled), event: None };
        self.instances.take_reply(draft, &self.parts, &signal)
    }
}
