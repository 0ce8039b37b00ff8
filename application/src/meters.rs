//! Counts how commands end. The handles are looked up once each, not at every command.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use metrics::{Counter, Histogram};

use crate::catalog::Catalog;
use crate::names;
use crate::ports::{Command, State};

/// The type of commands that this version of the program does not know: there may be any number of those.
const UNKNOWN: &str = "unknown";

/// How commands ended, by type.
pub(crate) struct Settled {
    by_type: HashMap<String, Endings>,
    seconds: Histogram,
}

struct Endings {
    succeeded: Counter,
    failed: HashMap<String, Counter>,
}

impl Settled {
    /// Of the types of this catalog.
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let types = catalog.all_commands().map(|kind| kind.name()).chain([UNKNOWN]);
        let by_type = types.map(|kind| (kind.to_owned(), Endings::of(kind))).collect();
        Self { by_type, seconds: metrics::histogram!(names::SETTLE_SECONDS) }
    }

    /// Counts a command that was settled just `now`.
    pub(crate) fn count(&mut self, command: &Command, now: DateTime<Utc>) {
        let since = command.not_before.map_or(command.accepted_at, |due| due.max(command.accepted_at));
        self.seconds.record((now - since).to_std().unwrap_or_default());
        let kind =
            if self.by_type.contains_key(&command.command_type) { &*command.command_type } else { UNKNOWN };
        let Some(endings) = self.by_type.get_mut(kind) else { return };
        if command.state() == State::Cancelled {
            return cancelled(kind).increment(1);
        }
        match command.settlement.as_ref().and_then(|settlement| settlement.error.as_ref()) {
            None => endings.succeeded.increment(1),
            Some(problem) => {
                if !endings.failed.contains_key(problem.slug()) {
                    let counter = counter(State::Failed, kind, problem.slug());
                    endings.failed.insert(problem.slug().to_owned(), counter);
                }
                endings.failed[problem.slug()].increment(1);
            }
        }
    }
}

impl Endings {
    fn of(kind: &str) -> Self {
        cancelled(kind).increment(0);
        let succeeded = counter(State::Succeeded, kind, "");
        Self { succeeded, failed: HashMap::new() }
    }
}

/// Counts a command that was cancelled.
pub(crate) fn count_cancelled(catalog: &Catalog, command: &Command) {
    cancelled(catalog.command(&command.command_type).map_or(UNKNOWN, |kind| kind.name())).increment(1);
}

fn cancelled(kind: &str) -> Counter {
    counter(State::Cancelled, kind, "cancelled")
}

fn counter(state: State, kind: &str, problem: &str) -> Counter {
    let state = match state {
        State::Open | State::Running => "open",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    };
    metrics::counter!(names::SETTLED, "state" => state, "type" => kind.to_owned(), "problem" => problem.to_owned())
}
