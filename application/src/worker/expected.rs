use std::collections::BTreeSet;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

/// So many times are remembered.
const MOST: usize = 2000;

/// When something falls due: the next times, to the millisecond.
#[derive(Debug, Default)]
pub(super) struct Expected {
    times: BTreeSet<DateTime<Utc>>,
    /// What falls due from then on may be missing.
    known_until: Option<DateTime<Utc>>,
}

/// What there is to be looked for at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// What is due.
    Some,
    /// What is due, and when the next falls due: that is not known.
    AndNext,
}

impl Expected {
    /// Something falls due then.
    pub(super) fn add(&mut self, time: DateTime<Utc>) {
        self.times.insert(next_millisecond(time));
        if self.times.len() > MOST
            && let Some(last) = self.times.pop_last()
        {
            self.miss_from(last);
        }
    }

    /// What falls due from then on may be missing.
    pub(super) fn miss_from(&mut self, time: DateTime<Utc>) {
        self.known_until = Some(self.known_until.map_or(time, |until| until.min(time)));
    }

    /// When there is something to be looked for.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.times.first().copied().into_iter().chain(self.known_until).min()
    }

    /// Forgets what was expected until now.
    pub(super) fn take(&mut self, now: DateTime<Utc>) -> Due {
        let mut due = Due::Nothing;
        while self.times.first().is_some_and(|time| *time <= now) {
            self.times.pop_first();
            due = Due::Some;
        }
        if self.known_until.take_if(|until| *until <= now).is_some() { Due::AndNext } else { due }
    }
}

/// Not before the time, so that nothing is looked for too early; those of a millisecond are one look.
fn next_millisecond(time: DateTime<Utc>) -> DateTime<Utc> {
    let millisecond = TimeDelta::milliseconds(1);
    match time.duration_trunc(millisecond) {
        Ok(whole) if whole < time => whole.checked_add_signed(millisecond).unwrap_or(time),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(microseconds).unwrap()
    }

    #[test]
    fn those_of_a_millisecond_are_looked_for_once_and_none_too_early() {
        let mut expected = Expected::default();
        for time in [1500, 1001, 2000] {
            expected.add(at(time));
        }
        assert_eq!((expected.next(), expected.take(at(1999))), (Some(at(2000)), Due::Nothing));
        assert_eq!((expected.take(at(2000)), expected.next()), (Due::Some, None));
        assert_eq!(expected.take(at(9999)), Due::Nothing);
    }

    #[test]
    fn of_too_many_the_next_are_remembered_and_that_there_are_others() {
        let mut expected = Expected::default();
        let last = MOST as i64 + 2;
        (1..=last).rev().for_each(|number| expected.add(at(number * 1000)));
        assert_eq!(expected.take(at(1000)), Due::Some);
        expected.add(at((last + 1) * 1000));
        assert_eq!(expected.take(at((last - 2) * 1000)), Due::Some);
        assert_eq!(expected.next(), Some(at((last - 1) * 1000)), "that one was forgotten");
        assert_eq!(expected.take(at((last - 1) * 1000)), Due::AndNext);
        assert_eq!(expected.take(at((last + 1) * 1000)), Due::Some);
    }
}
