//! The activities that a batch is about: attempts are counted, and what became of earlier ones is taken down. What is
//! counted is made once it is committed.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::Instrument as _;
use wilco_domain::kernel::Problem;
use xxhash_rust::xxh3::xxh3_64;

use super::batch::Draft;
use super::blocked;
use super::instances::block;
use super::manner::{Attempt, refused_by_the_store};
use super::router::Router;
use super::setback::Setback;
use super::waiting_attempts::WaitingAttempts;
use crate::activities::{Answered, Attempting, Destinations, Ended, Slot, ends_by};
use crate::names;
use crate::parts::Parts;
use crate::ports::{AttemptRow, Command, DueAttempt, Setback as Why};

/// When what nobody does is looked at again.
const LATER: TimeDelta = TimeDelta::minutes(1);

/// See the module's description.
#[derive(Default)]
pub(super) struct Trying {
    counted: Vec<(Attempting, Slot)>,
    /// Those that got no slot.
    left: Vec<DueAttempt>,
    /// Those that wait for one.
    pub(super) waiting: WaitingAttempts,
}

impl Trying {
    /// Nothing was committed.
    pub(super) fn forget(&mut self) {
        self.counted.clear();
        self.left.clear();
    }

    /// Begins with a command: with the first attempt, if its destination has a slot for it.
    pub(super) fn take_command(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        command: &Arc<Command>,
        fresh: bool,
    ) -> Result<(), Setback> {
        let Some(kind) = parts.reach.kind(&command.command_type) else {
            return block(draft, command, fresh, nobody_does());
        };
        let destination = match kind.runner.destination(command) {
            Ok(destination) => destination,
            Err(why) => return block(draft, command, fresh, blocked::unreadable(&why)),
        };
        let begun = draft.begin(command, fresh);
        let row = AttemptRow { destination, attempt: 0, begun_at: None, in_doubt: false, due_at: draft.at() };
        let row = self.count(parts, &begun, row, draft.at()).unwrap_or_else(|row| {
            self.left.push(DueAttempt { command: begun, row: row.clone() });
            row
        });
        draft.attempt(command, None, Some(row));
        Ok(())
    }

    /// Tries again, if the destination has a slot for it; `is_wanted` says whether anybody still wants it.
    pub(super) fn take_due(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        due: &DueAttempt,
        is_wanted: bool,
        attempt: Attempt<'_>,
    ) {
        let DueAttempt { command, row } = due;
        let Some(kind) = parts.reach.kind(&command.command_type) else {
            // Nobody does it at present: it makes room for others that ask the same.
            let later = AttemptRow { due_at: draft.at() + LATER, ..row.clone() };
            return draft.attempt(command, Some(row.attempt), Some(later));
        };
        if parts.reach.under_way.has(&command.key()) {
            return;
        }
        if attempt.is_given_up() {
            draft.settle(command, false, Err(refused_by_the_store()), row.attempt);
        } else if !is_wanted {
            draft.cancel(command, unwanted(row.in_doubt), row.attempt);
        } else if row.attempt > kind.policy.attempts {
            // Not even the last look came back.
            let problem = undeliverable(row.attempt, &Why::ill("every attempt was cut short"), row.in_doubt);
            draft.conclude(command, false, Err(problem), row.attempt);
        } else if !row.in_doubt && kind.policy.is_over(row.begun_at, draft.at()) {
            let problem = undeliverable(row.attempt, &Why::ill("its time is over"), false);
            draft.conclude(command, false, Err(problem), row.attempt);
        } else {
            match self.count(parts, command, row.clone(), draft.at()) {
                Ok(next) => draft.attempt(command, Some(row.attempt), Some(next)),
                Err(_) => self.left.push(due.clone()),
            }
            return;
        }
        draft.attempt(command, Some(row.attempt), None);
    }

    /// Takes down what became of an attempt. Says whether the command is settled with it.
    pub(super) fn take_answer(
        draft: &mut Draft,
        parts: &Parts,
        answered: &Answered,
        attempt: Attempt<'_>,
    ) -> bool {
        let Answered { command, row, ended, .. } = answered;
        let Some(kind) = parts.reach.kind(&command.command_type) else { return false };
        let tried = row.attempt;
        match ended {
            _ if attempt.is_given_up() => draft.settle(command, false, Err(refused_by_the_store()), tried),
            Ended::Done(result) if result.is_null() => draft.conclude(command, false, Ok(None), tried),
            Ended::Done(result) => draft.give(command, result.to_string(), tried),
            Ended::Final(problem) => draft.conclude(command, false, Err(problem.clone()), tried),
            Ended::Again { setback, in_doubt } => {
                let (since, now) = (row.begun_at.unwrap_or(draft.at()), draft.at());
                let again = kind.policy.again(tried, since, now, setback.after, chance(command, tried));
                if let Some(due_at) = again {
                    let row = AttemptRow { in_doubt: *in_doubt, due_at, ..row.clone() };
                    draft.attempt(command, Some(tried), Some(row));
                    return false;
                }
                draft.conclude(command, false, Err(undeliverable(tried, setback, *in_doubt)), tried);
            }
        }
        draft.attempt(command, Some(tried), None);
        true
    }

    /// Counts the next attempt; the row as it was: the destination has no slot.
    fn count(
        &mut self,
        parts: &Parts,
        command: &Arc<Command>,
        row: AttemptRow,
        now: DateTime<Utc>,
    ) -> Result<AttemptRow, AttemptRow> {
        let kind = parts.reach.kind(&command.command_type).cloned();
        let Some((kind, slot)) = kind.zip(parts.reach.destinations.take(&row.destination)) else {
            return Err(row);
        };
        let next = AttemptRow {
            destination: row.destination,
            attempt: row.attempt + 1,
            begun_at: row.begun_at.or(Some(now)),
            in_doubt: true,
            due_at: ends_by(&kind.policy, now),
        };
        let attempting =
            Attempting { command: Arc::clone(command), kind, row: next.clone(), in_doubt: row.in_doubt };
        self.counted.push((attempting, slot));
        Ok(next)
    }

    /// Makes the attempts that were counted: that is committed now. Those that got no slot wait for one.
    pub(super) fn start(&mut self, parts: &Parts, router: &Router) {
        self.left.drain(..).for_each(|due| self.waiting.add(due));
        for (attempting, slot) in self.counted.drain(..) {
            let under_way = parts.reach.under_way.begin(attempting.command.key());
            let (clock, router) = (Arc::clone(&parts.clock), router.clone());
            let destinations = Arc::clone(&parts.reach.destinations);
            count(&destinations);
            let Attempting { command, row, .. } = &attempting;
            let span = tracing::trace_span!(target: names::SPANS, parent: None, "attempt",
                command.id = %command.id, command.type = command.command_type, attempt = row.attempt);
            let attempt = async move {
                let started = tokio::time::Instant::now();
                let ended = attempting.make(clock.now()).await;
                let Attempting { command, row, .. } = attempting;
                tell_of(&command, &row, &ended, started.elapsed());
                let is_ill = ended.is_ill();
                let is_wanted = slot.give_back(is_ill);
                count(&destinations);
                let at = clock.now();
                router.answer(Answered { command, row, ended, at, _under_way: under_way });
                // Where it is ill, the lanes wait until it may be asked again.
                if is_wanted || is_ill {
                    router.wake();
                }
            };
            tokio::spawn(attempt.instrument(span));
        }
    }
}

fn count(destinations: &Destinations) {
    let (under_way, ill) = destinations.count();
    metrics::gauge!(names::ATTEMPTS_UNDER_WAY).set(under_way as f64);
    metrics::gauge!(names::ILL_DESTINATIONS).set(ill as f64);
}

fn tell_of(command: &Command, row: &AttemptRow, ended: &Ended, took: std::time::Duration) {
    ended.count(&command.command_type, took);
    if let Ended::Again { setback, .. } = ended {
        tracing::debug!(command = %command.id, kind = command.command_type, destination = row.destination,
            attempt = row.attempt, why = setback.why, "an attempt has come to nothing");
    }
}

/// The part of a pause that is left to chance: the same for the same attempt.
fn chance(command: &Command, attempt: u32) -> f64 {
    let hash = xxh3_64([command.id.as_bytes().as_slice(), &attempt.to_be_bytes()].concat().as_slice());
    hash as f64 / u64::MAX as f64
}

fn undeliverable(attempts: u32, setback: &Why, in_doubt: bool) -> Problem {
    let doubt = doubt(in_doubt);
    let times = if attempts == 1 { "one attempt".to_owned() } else { format!("{attempts} attempts") };
    Problem::new("undeliverable", 502, format!("given up after {times}: {}{doubt}", setback.why))
}

fn unwanted(in_doubt: bool) -> Problem {
    Problem::new(
        "cancelled",
        409,
        format!("the process that asked for it does not want it any more{}", doubt(in_doubt)),
    )
}

/// What is to be said besides where it may have been done.
const fn doubt(in_doubt: bool) -> &'static str {
    if in_doubt { "; the outcome is unknown, it may have been done" } else { "" }
}

fn nobody_does() -> Problem {
    Problem::new("blocked", 503, "nobody does it: a setting that it needs is missing")
}
