//! What is known of what a store holds by what was read of it: in order, and so much of each group.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, Utc};

use crate::ports::Timer;

/// The groups of which something may be missing, and from when on; at most `limit` was read of each.
pub(super) fn cuts<G: Eq + Hash>(
    read: impl Iterator<Item = (G, DateTime<Utc>)>,
    limit: u32,
) -> HashMap<G, DateTime<Utc>> {
    let mut ends: HashMap<G, (u32, DateTime<Utc>)> = HashMap::new();
    for (group, time) in read {
        let (count, last) = ends.entry(group).or_insert((0, time));
        (*count, *last) = (*count + 1, time.max(*last));
    }
    let cut = ends.into_iter().filter(|(_, (count, _))| *count >= limit);
    cut.map(|(group, (_, last))| (group, last)).collect()
}

/// From when on something may be missing that is not due yet.
pub(super) fn first_after<G>(cuts: &HashMap<G, DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    cuts.values().copied().filter(|last| *last > now).min()
}

/// Whether no command that was not read comes before a timer: one may say what the timer would only suppose.
pub(super) fn is_in_turn(timer: &Timer, commands: &HashMap<u16, DateTime<Utc>>) -> bool {
    commands.get(&timer.partition).is_none_or(|last| timer.due_at <= *last)
}

#[cfg(test)]
mod tests {
    use wilco_domain::kernel::Tenant;

    use super::*;
    use crate::ports::ProcessKey;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn where_as_much_was_read_as_may_be_something_may_be_missing() {
        let read = [(1, 3), (1, 5), (2, 9), (3, 1), (3, 2)].map(|(group, second)| (group, at(second)));
        let cuts = cuts(read.into_iter(), 2);
        assert_eq!(cuts, HashMap::from([(1, at(5)), (3, at(2))]));
        assert_eq!((first_after(&cuts, at(2)), first_after(&cuts, at(5))), (Some(at(5)), None));
    }

    #[test]
    fn a_timer_overtakes_no_command_that_was_not_read() {
        let timer = |partition, second| Timer {
            process: ProcessKey { process_type: "p".into(), tenant: Tenant::default(), id: "1".into() },
            partition,
            name: "t".into(),
            due_at: at(second),
        };
        let commands = HashMap::from([(1, at(5))]);
        let is_in_turn = |partition, second| is_in_turn(&timer(partition, second), &commands);
        assert_eq!((is_in_turn(1, 5), is_in_turn(1, 6), is_in_turn(2, 6)), (true, false, true));
    }
}
