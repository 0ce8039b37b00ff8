//! Shows instances the events that they observe.
//!
//! What must hold:
//! - An event is shown to an instance once, however often it is handed over: an instance remembers up to where it has seen
//!   each partition's feed.
//! - They are shown in the order of each feed: of two, only the later one would be remembered. So what another build is
//!   to show holds up what comes behind it.
//! - What begins with an event and cannot stands still from the start, like one that cannot go on.

use chrono::{DateTime, Utc};
use wilco_domain::kernel::Concern;

use super::batch::Draft;
use super::input::InputKey;
use super::instances::Instances;
use super::manner::{Attempt, refused_by_the_store};
use super::planning::{Cause, Plan};
use super::setback::Setback;
use crate::catalog::{Defect, Failure, ProcessType, Stimulus};
use crate::cloud_event::EventMetadata;
use crate::names;
use crate::parts::Parts;
use crate::ports::{ProcessKey, ProcessRow, Sighted, Signal};

/// While events are left for so many instances, they are for all.
const MOST_LEFT: usize = 10_000;

impl Instances {
    /// Shows an instance an event that concerns it.
    pub(super) fn take_event(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        signal: &Signal,
        event: &Sighted,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let key = signal.to.process(&signal.command.tenant);
        let Some(kind) = parts.catalog.process(&key.process_type) else { return Ok(()) };
        if self.is_left(&key) {
            return Ok(());
        }
        if !kind.observes().contains(&&*event.row.aggregate_type) {
            self.leave(key);
            return Ok(());
        }
        if self.has_seen(&key, event) {
            draft.heard(signal.clone());
            return Ok(());
        }
        if self.row(&key).is_some_and(|row| row.parked.is_some()) {
            draft.park(key, signal.to.partition);
            return Ok(());
        }
        let shown = if attempt.is_given_up() {
            Err(Failure::Defect(refused_by_the_store()))
        } else {
            self.show(parts, &**kind, &key, signal, event, draft.at())
        };
        match shown {
            Ok(Some(plan)) => {
                draft.heard(signal.clone());
                self.write(draft, &key, plan, None);
            }
            Ok(None) => {
                metrics::counter!(names::EVENTS_UNSEEN, "process" => kind.name()).increment(1);
                draft.heard(signal.clone());
            }
            Err(Failure::Newer) => self.leave(key),
            Err(failure) => {
                if self.row(&key).is_none() && !attempt.is_at_once() {
                    let partition = signal.to.partition;
                    self.begin(Cause::of_event(&signal.command).begin(&key, partition, draft.at()));
                }
                self.stand_still(draft, key, InputKey::of_signal(signal), failure, attempt)?;
            }
        }
        Ok(())
    }

    /// Leaves an event, and what comes behind it, for the build that can show it.
    fn leave(&mut self, key: ProcessKey) {
        if self.left.len() < MOST_LEFT {
            self.left.insert(key);
        }
    }

    /// Whether an event has been left for that instance.
    fn is_left(&self, key: &ProcessKey) -> bool {
        self.left.len() >= MOST_LEFT || self.left.contains(key)
    }

    /// Whether it is too late to show an instance an event.
    fn has_seen(&self, key: &ProcessKey, event: &Sighted) -> bool {
        let seen = |row: &ProcessRow| row.seen.get(&event.source).copied().unwrap_or_default();
        self.row(key).is_some_and(|row| row.ended_at.is_some() || event.offset <= seen(row))
    }

    /// What an instance does about an event; `None`: there is none, and the event begins none.
    fn show(
        &self,
        parts: &Parts,
        kind: &dyn ProcessType,
        key: &ProcessKey,
        signal: &Signal,
        event: &Sighted,
        now: DateTime<Utc>,
    ) -> Result<Option<Plan>, Failure> {
        let unknown = || Failure::Defect(Defect("an event of nothing".to_owned()));
        let observed = parts.catalog.observed(&event.row).ok_or_else(unknown)?;
        // It could be read where it was found: by a newer build.
        let observed = observed.map_err(|_| Failure::Newer)?;
        let is_here = self.row(key).is_some();
        match kind.concerns(&observed).map_err(Failure::Defect)? {
            Concern::Starts(_) => {}
            Concern::Continues(_) if is_here => {}
            Concern::Continues(_) | Concern::Nothing => return Ok(None),
        }
        let at = EventMetadata::of(&event.row).decided_at().unwrap_or(event.at);
        let cause = Cause::of_event(&signal.command);
        let mut plan = self.react(parts, kind, key, Stimulus::Event(&observed), at, &cause, now)?;
        plan.row.seen.insert(event.source, event.offset);
        Ok(Some(plan))
    }
}
