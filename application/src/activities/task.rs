//! One attempt.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use serde_json::Value;
use wilco_domain::kernel::{Policy, Problem};

use super::UnderWayGuard;
use super::outside::Kind;
use crate::names;
use crate::ports::{Answer, AttemptRow, Call, Command, Look, Runner, Setback};

/// How much longer than its time an attempt may take until nobody believes in it any more: its answer is to be
/// committed, too. Twice its limit, but no less and no more than these.
const GRACE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// An attempt that was counted, and is to be made.
pub(crate) struct Attempting {
    pub(crate) command: Arc<Command>,
    pub(crate) kind: Kind,
    /// As it is stored.
    pub(crate) row: AttemptRow,
    /// Whether an attempt before it may have done it.
    pub(crate) in_doubt: bool,
}

/// What became of an attempt.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) command: Arc<Command>,
    /// As it is stored.
    pub(crate) row: AttemptRow,
    pub(crate) ended: Ended,
    pub(crate) at: DateTime<Utc>,
    /// Another attempt does not begin before this is taken down, or lost.
    pub(crate) _under_way: UnderWayGuard,
}

impl Answered {
    /// About how many bytes it is.
    pub(crate) fn size(&self) -> usize {
        match &self.ended {
            Ended::Done(result) => result.to_string().len(),
            Ended::Again { .. } | Ended::Final(_) => 0,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    /// It is done, and this has come of it.
    Done(Value),
    /// It is to be tried again.
    Again {
        /// What went wrong.
        setback: Setback,
        /// It may have been done all the same.
        in_doubt: bool,
    },
    /// It never will be done.
    Final(Problem),
}

impl Ended {
    /// What may become of an attempt, as it is counted.
    pub(super) const OUTCOMES: [&str; 4] = ["done", "retry", "unknown", "final"];

    /// Counts it: of an activity of this type, which took so long.
    pub(crate) fn count(&self, command_type: &str, took: Duration) {
        let [done, retry, unknown, last] = Self::OUTCOMES;
        let outcome = match self {
            Self::Done(_) => done,
            Self::Again { in_doubt: false, .. } => retry,
            Self::Again { in_doubt: true, .. } => unknown,
            Self::Final(_) => last,
        };
        let kind = command_type.to_owned();
        metrics::counter!(names::ATTEMPTS, "type" => kind.clone(), "outcome" => outcome).increment(1);
        metrics::histogram!(names::ATTEMPT_SECONDS, "type" => kind).record(took);
    }

    /// Has the counts of a type be there before the first attempt.
    pub(crate) fn describe(command_type: &'static str) {
        for outcome in Self::OUTCOMES {
            metrics::counter!(names::ATTEMPTS, "type" => command_type, "outcome" => outcome).increment(0);
        }
        let _ = metrics::histogram!(names::ATTEMPT_SECONDS, "type" => command_type);
    }

    /// Whether it says that the other side is ill.
    pub(crate) const fn is_ill(&self) -> bool {
        matches!(self, Self::Again { setback: Setback { is_ill: true, .. }, .. })
    }
}

/// When an attempt that begins now must have ended: it may look, try, and look again.
pub(crate) fn ends_by(policy: &Policy, now: DateTime<Utc>) -> DateTime<Utc> {
    let limit = policy.within.attempt;
    let grace = limit.saturating_mul(2).clamp(GRACE.0, GRACE.1);
    let longest = limit.saturating_mul(3).saturating_add(grace);
    now.checked_add_signed(TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Attempting {
    /// Makes it.
    pub(crate) async fn make(&self, now: DateTime<Utc>) -> Ended {
        match AssertUnwindSafe(self.look_and_try(now)).catch_unwind().await {
            Ok(ended) => ended,
            Err(_) => Ended::Again { setback: Setback::ill("the attempt panicked"), in_doubt: true },
        }
    }

    async fn look_and_try(&self, now: DateTime<Utc>) -> Ended {
        if self.in_doubt {
            match self.look().await {
                Look::There(result) => return Ended::Done(result),
                Look::AskAgain(setback) => return Ended::Again { setback, in_doubt: true },
                Look::CannotTell if !self.key_lives(now) => return Ended::Final(unknown_outcome()),
                Look::CannotTell | Look::Absent => {}
            }
        }
        let policy = &self.kind.policy;
        if self.row.attempt > policy.attempts || policy.is_over(self.row.begun_at, now) {
            // It was only to look.
            return Ended::Again { setback: Setback::ill("the last attempt was cut short"), in_doubt: true };
        }
        let call = self.call();
        let answer = tokio::time::timeout(self.kind.policy.within.attempt, self.runner().run(&call));
        match answer.await.unwrap_or_else(|_| Answer::Unknown(self.too_late())) {
            Answer::Done(result) => Ended::Done(result),
            Answer::Final(problem) => Ended::Final(problem),
            // What an earlier one has left in doubt is not settled by one that was refused.
            Answer::Retry(setback) => Ended::Again { setback, in_doubt: self.in_doubt },
            Answer::Unknown(setback) => match self.look().await {
                Look::There(result) => Ended::Done(result),
                _ => Ended::Again { setback, in_doubt: true },
            },
        }
    }

    async fn look(&self) -> Look {
        let call = self.call();
        let look = tokio::time::timeout(self.kind.policy.within.attempt, self.runner().look(&call));
        look.await.unwrap_or_else(|_| Look::AskAgain(self.too_late()))
    }

    fn runner(&self) -> &dyn Runner {
        &*self.kind.runner
    }

    fn call(&self) -> Call<'_> {
        Call { command: &self.command, attempt: self.row.attempt }
    }

    /// Whether the other side still knows the first request by its key.
    fn key_lives(&self, now: DateTime<Utc>) -> bool {
        let Some(begun) = self.row.begun_at else { return true };
        (now - begun).to_std().unwrap_or_default() < self.kind.policy.within.key
    }

    fn too_late(&self) -> Setback {
        Setback::ill(format!("there was no answer in {:?}", self.kind.policy.within.attempt))
    }
}

/// The problem of an activity of which nobody knows whether it was done.
fn unknown_outcome() -> Problem {
    Problem::new(
        "undeliverable",
        502,
        "the outcome is unknown: it may have been done, and the other side can neither say so nor recognise the \
         request any more",
    )
}
