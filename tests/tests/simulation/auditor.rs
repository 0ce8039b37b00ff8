//! Looks on: after each write at whether everything holds, and keeps what has happened last, for whoever has to find out
//! why it does not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::invariants::{self, Verdict};
use super::place::Place;
use super::stored::{Registered, Stored};

/// So much is kept of what has happened last.
const KEPT: usize = 60;

/// See the module's description.
pub(super) struct Auditor {
    place: Arc<Place>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// As it was when it was last looked at.
    before: Stored,
    /// The first thing that did not hold.
    failure: Option<String>,
    story: VecDeque<String>,
    steps: u64,
}

impl Auditor {
    /// Looks on at a place.
    pub(super) fn of(place: &Arc<Place>) -> Arc<Self> {
        Arc::new(Self { place: Arc::clone(place), seen: Mutex::default() })
    }

    /// Takes down what happens.
    pub(super) fn tell(&self, what: &str) {
        let mut seen = self.seen();
        seen.steps += 1;
        if seen.story.len() == KEPT {
            seen.story.pop_front();
        }
        let steps = seen.steps;
        seen.story.push_back(format!("{steps:>5}  {what}"));
    }

    /// Whether all that must hold at any time does.
    pub(super) fn look(&self) -> Verdict {
        let now = self.place.look();
        let mut seen = self.seen();
        let verdict = invariants::hold(&now).and_then(|()| invariants::followed(&seen.before, &now));
        seen.before = now;
        if let Err(why) = &verdict {
            seen.failure.get_or_insert_with(|| why.clone());
        }
        verdict
    }

    /// A command as it was when it was last looked at.
    pub(super) fn command(&self, id: &Uuid) -> Option<Registered> {
        self.seen().before.commands.get(id).cloned()
    }

    /// The first command that is like this.
    pub(super) fn find(&self, is_like: impl Fn(&Registered) -> bool) -> Option<Uuid> {
        let seen = self.seen();
        seen.before.commands.iter().find(|(_, command)| is_like(command)).map(|(id, _)| *id)
    }

    /// The instances that stand still, with the reasons.
    pub(super) fn parked(&self) -> Vec<(String, String)> {
        let seen = self.seen();
        let parked = seen.before.instances.iter().filter(|(_, instance)| !instance.has_ended);
        parked.filter_map(|(name, instance)| Some((name.clone(), instance.parked.clone()?))).collect()
    }

    /// Whether there was nothing left to do when it was last looked at.
    pub(super) fn is_at_rest(&self) -> bool {
        invariants::at_rest(&self.seen().before).is_ok()
    }

    /// What is left to do.
    pub(super) fn left(&self) -> Verdict {
        invariants::at_rest(&self.seen().before)
    }

    /// Something does not hold.
    pub(super) fn fail(&self, why: String) {
        self.seen().failure.get_or_insert(why);
    }

    /// Whether all has held so far; what has not, with what happened before.
    pub(super) fn verdict(&self) -> Verdict {
        let seen = self.seen();
        match &seen.failure {
            None => Ok(()),
            Some(why) => {
                let story: Vec<&str> = seen.story.iter().map(String::as_str).collect();
                Err(format!("{why}\nwhat happened last:\n{}", story.join("\n")))
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
