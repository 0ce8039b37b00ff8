//! The attempts of a lane that wait for a slot of their destination.
//!
//! What must hold:
//! - Those of a destination are taken in the order in which they fell due. So none is added behind those that only the
//!   store has: they are read first.
//! - No more than [`MOST`] are held. Of the rest it is known that the store has them.
//! - Whoever waits is woken when a slot is given back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::expected::{Due, Expected};
use crate::activities::Destinations;
use crate::ports::{DueAttempt, MOST_DUE};

/// In each lane.
const MOST: usize = MOST_DUE as usize;

/// See the module's description.
#[derive(Default)]
pub(super) struct WaitingAttempts {
    rooms: HashMap<String, Room>,
    /// How many wait.
    count: usize,
    /// The store may have some of destinations that are not known here.
    others: bool,
    hungry: bool,
    /// When others fall due.
    expected: Expected,
}

/// Those of one destination.
#[derive(Default)]
struct Room {
    due: BTreeMap<(DateTime<Utc>, Uuid), DueAttempt>,
    /// The store may have others.
    more: bool,
}

impl WaitingAttempts {
    /// Other partitions' attempts are to come.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Some fall due at these times; from `cut` on others may.
    pub(super) fn expect(
        &mut self,
        times: impl IntoIterator<Item = DateTime<Utc>>,
        cut: Option<DateTime<Utc>>,
    ) {
        for time in times {
            self.expected.add(time);
        }
        if let Some(cut) = cut {
            self.expected.miss_from(cut);
        }
    }

    /// They could not be read: all there is may be missing.
    pub(super) fn miss(&mut self) {
        self.expected.miss_from(DateTime::UNIX_EPOCH);
    }

    /// When there is something to be looked for.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.expected.next()
    }

    /// Until when those are to be read that fall due, if any.
    pub(super) fn wants(&mut self, now: DateTime<Utc>, horizon: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.expected.take(now) {
            Due::AndNext => Some(horizon),
            Due::Some => Some(now),
            Due::Nothing => self.hungry.then_some(now),
        }
    }

    /// Adds one that the store has.
    pub(super) fn add(&mut self, due: DueAttempt) {
        let room = self.rooms.entry(due.row.destination.clone()).or_default();
        if room.more || self.count >= MOST {
            room.more = true;
        } else {
            self.count += usize::from(room.add(due));
        }
    }

    /// The store may have others of that destination.
    pub(super) fn expect_more(&mut self, destination: &str) {
        self.rooms.entry(destination.to_owned()).or_default().more = true;
    }

    /// Takes what the store has: at most `each` of each destination of each partition, and none of those that were
    /// `left_out`. `is_all`: that of all others.
    pub(super) fn refill(&mut self, found: Vec<DueAttempt>, is_all: bool, each: u32, left_out: Vec<String>) {
        (self.hungry, self.others) = (false, !is_all);
        let left_out: HashSet<String> = left_out.into_iter().collect();
        for (name, room) in &mut self.rooms {
            room.more &= left_out.contains(name);
        }
        for name in &left_out {
            self.expect_more(name);
        }
        let mut counts: HashMap<(u16, String), u32> = HashMap::new();
        for due in found {
            *counts.entry((due.command.partition, due.row.destination.clone())).or_default() += 1;
            let room = self.rooms.entry(due.row.destination.clone()).or_default();
            self.count += usize::from(room.add(due));
        }
        for ((_, name), count) in counts {
            if count >= each {
                self.expect_more(&name);
            }
        }
    }

    /// Takes those that have a slot now.
    pub(super) fn take(&mut self, destinations: &Destinations) -> Vec<Arc<DueAttempt>> {
        if self.rooms.is_empty() && !self.others {
            return Vec::new();
        }
        let wanted = self.rooms.iter().map(|(name, room)| (&**name, room.due.len() + usize::from(room.more)));
        let granted = destinations.grant(wanted);
        let mut taken = Vec::new();
        self.hungry = false;
        for (room, granted) in self.rooms.values_mut().zip(granted) {
            self.hungry |= granted > room.due.len();
            taken.extend(
                std::iter::from_fn(|| room.due.pop_first()).take(granted).map(|(_, due)| Arc::new(due)),
            );
        }
        self.count -= taken.len();
        self.hungry |= self.others && self.count == 0;
        self.rooms.retain(|_, room| room.more || !room.due.is_empty());
        taken
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Whether there is a slot for one that only the store has.
    pub(super) const fn is_hungry(&self) -> bool {
        self.hungry
    }
}

impl Room {
    /// Whether it was not there yet.
    fn add(&mut self, due: DueAttempt) -> bool {
        self.due.insert((due.row.due_at, due.command.id), due).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activities::DestinationSettings;
    use crate::ports::AttemptRow;
    use crate::worker::testing::command;

    const EACH: u32 = 4;

    fn destinations(slots: usize, in_all: usize) -> Arc<Destinations> {
        Arc::new(Destinations::new(DestinationSettings { slots, in_all, ..DestinationSettings::default() }))
    }

    fn due(destination: &str, number: i64) -> DueAttempt {
        let due_at = DateTime::from_timestamp_micros(number).unwrap();
        let command = command(number.unsigned_abs().into());
        let row = AttemptRow {
            destination: destination.to_owned(),
            attempt: 0,
            begun_at: None,
            in_doubt: false,
            due_at,
        };
        DueAttempt { command, row }
    }

    fn taken(waiting: &mut WaitingAttempts, destinations: &Destinations) -> Vec<i64> {
        let taken = waiting.take(destinations);
        taken.iter().map(|due| due.row.due_at.timestamp_micros()).collect()
    }

    #[tokio::test]
    async fn they_are_taken_in_their_order_as_there_are_slots() {
        let (mut waiting, all) = (WaitingAttempts::default(), destinations(2, 1000));
        for number in [3, 1, 2] {
            waiting.add(due("a", number));
        }
        assert_eq!(taken(&mut waiting, &all), [1, 2]);
        let slots = (all.take("a").unwrap(), all.take("a").unwrap());
        assert_eq!(taken(&mut waiting, &all), [0; 0]);
        assert!(slots.0.give_back(false), "somebody waits");
        assert_eq!(taken(&mut waiting, &all), [3]);
        assert!(!slots.1.give_back(false));
    }

    #[tokio::test]
    async fn none_overtakes_those_that_only_the_store_has() {
        let (mut waiting, all) = (WaitingAttempts::default(), destinations(2, 1000));
        waiting.refill((1..=4).map(|number| due("a", number)).collect(), true, EACH, vec![]);
        waiting.add(due("a", 9));
        assert_eq!((taken(&mut waiting, &all), taken(&mut waiting, &all)), (vec![1, 2], vec![3, 4]));
        assert!(!waiting.is_hungry());
        assert_eq!(taken(&mut waiting, &all), [0; 0]);
        assert!(waiting.is_hungry());
        waiting.refill(vec![due("a", 5), due("a", 9)], true, EACH, vec![]);
        assert_eq!(taken(&mut waiting, &all), [5, 9]);
        assert!(!waiting.is_hungry() && waiting.rooms.is_empty());
    }

    #[tokio::test]
    async fn those_that_were_left_out_are_read_when_they_have_a_slot() {
        let (mut waiting, all) = (WaitingAttempts::default(), destinations(1, 1000));
        let slot = all.take("a").unwrap();
        waiting.refill(vec![], true, EACH, all.closed());
        assert_eq!((taken(&mut waiting, &all), waiting.is_hungry()), (vec![], false));
        assert!(slot.give_back(false), "somebody may wait");
        assert_eq!((taken(&mut waiting, &all), waiting.is_hungry()), (vec![], true));
        waiting.refill(vec![], true, EACH, all.closed());
        assert_eq!((taken(&mut waiting, &all), waiting.is_hungry()), (vec![], false));
    }

    #[tokio::test]
    async fn whoever_waits_because_there_are_too_many_in_all_hears_of_any_slot() {
        let (mut waiting, all) = (WaitingAttempts::default(), destinations(2, 1));
        let slot = all.take("b").unwrap();
        waiting.add(due("a", 1));
        assert_eq!(taken(&mut waiting, &all), [0; 0]);
        assert!(slot.give_back(false), "of another destination");
        assert_eq!(taken(&mut waiting, &all), [1]);
    }

    #[tokio::test]
    async fn no_more_are_held_than_that() {
        let (mut waiting, all) = (WaitingAttempts::default(), destinations(2000, 2000));
        (0..=MOST as i64).for_each(|number| waiting.add(due("a", number)));
        assert_eq!(taken(&mut waiting, &all).len(), MOST);
        assert!(waiting.is_hungry(), "the store has another one");
    }
}
