use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::ports::Command;

/// The commands a lane has before it, in order of acceptance, bounded in number.
///
/// It holds a beginning of what the registry holds for the lane's partitions. While it holds *all* of it, newly
/// accepted commands are appended as they are offered. Once it overflows it is *behind*: offers are let go, and
/// when it has run low the registry is read again.
#[derive(Debug)]
pub(crate) struct Inbox {
    content: Mutex<Content>,
    news: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Content {
    owned: HashSet<u16>,
    queue: VecDeque<Arc<Command>>,
    /// Ids in the queue or in the lane's hands.
    known: HashSet<Uuid>,
    /// The registry holds more than the queue.
    behind: bool,
    /// The registry is to be read even though the queue is not low.
    look: bool,
    /// While the registry is being read: what was offered meanwhile.
    arrivals: Option<Vec<Arc<Command>>>,
    /// When the next command falls due that was seen passing by.
    next_due: Option<DateTime<Utc>>,
}

impl Inbox {
    pub(super) fn new(capacity: usize) -> Self {
        Self { content: Mutex::default(), news: Notify::new(), capacity: capacity.max(1) }
    }

    /// Takes what was just accepted, as far as it is due, for owned partitions, and fits.
    pub(super) fn offer(&self, commands: Vec<Arc<Command>>) {
        let mut content = self.content();
        for command in commands {
            if !content.owned.contains(&command.partition) {
                continue;
            }
            if let Some(due) = command.not_before {
                content.next_due = Some(content.next_due.map_or(due, |next| next.min(due)));
            } else if let Some(arrivals) = &mut content.arrivals {
                arrivals.push(command);
            } else if content.behind {
                // The registry has it.
            } else if content.queue.len() < self.capacity {
                content.append(command);
            } else {
                content.behind = true;
            }
        }
        drop(content);
        self.news.notify_one();
    }

    /// The lane owns these partitions now.
    pub(super) fn assign(&self, owned: HashSet<u16>) {
        let mut content = self.content();
        content.owned = owned;
        content.queue.clear();
        content.known.clear();
        content.behind = true;
    }

    pub(super) fn forget(&self, id: Uuid) {
        let mut content = self.content();
        let before = content.queue.len();
        content.queue.retain(|command| command.id != id);
        if content.queue.len() < before {
            content.known.remove(&id);
        }
    }

    /// Asks the lane to read the registry.
    pub(super) fn look(&self) {
        self.content().look = true;
        self.news.notify_one();
    }

    /// Resolves when there may be something to do.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.content().next_due
    }

    pub(super) fn len(&self) -> usize {
        self.content().queue.len()
    }

    /// The next commands. They stay known until [`Inbox::done`].
    pub(super) fn take(&self, most: usize) -> Vec<Arc<Command>> {
        let mut content = self.content();
        let count = most.min(content.queue.len());
        content.queue.drain(..count).collect()
    }

    pub(super) fn done(&self, commands: &[Arc<Command>]) {
        let mut content = self.content();
        for command in commands {
            content.known.remove(&command.id);
        }
    }

    /// Whether the registry should be read now: from here until [`Inbox::refill`] offers are kept aside. Says for
    /// which partitions, and how many commands of each there is room for.
    pub(super) fn wants_refill(&self, now: DateTime<Utc>) -> Option<(Vec<u16>, u32)> {
        let mut content = self.content();
        if content.owned.is_empty() {
            return None;
        }
        let due = content.next_due.is_some_and(|due| due <= now);
        let low = content.behind && content.queue.len() <= self.capacity / 10;
        if !(low || due || content.look) {
            return None;
        }
        content.look = false;
        content.next_due = content.next_due.filter(|_| !due);
        content.arrivals = Some(Vec::new());
        let mut partitions: Vec<u16> = content.owned.iter().copied().collect();
        partitions.sort_unstable();
        Some((partitions, u32::try_from((self.capacity / content.owned.len()).max(1)).unwrap_or(u32::MAX)))
    }

    /// Takes what the registry holds; `complete` when that was all of it.
    pub(super) fn refill(&self, found: Vec<Arc<Command>>, complete: bool) {
        let mut content = self.content();
        let arrivals = content.arrivals.take().unwrap_or_default();
        let fits = arrivals.len() + content.queue.len() <= 2 * self.capacity;
        // What arrived meanwhile comes after everything in the registry; if some of that is still to be read,
        // the arrivals will be read along with it.
        content.behind = !(complete && fits);
        let extra = if content.behind { Vec::new() } else { arrivals };
        for command in found.into_iter().chain(extra) {
            content.append(command);
        }
        content.queue.make_contiguous().sort_by_key(|command| (command.accepted_at, command.id));
    }

    /// The registry could not be read.
    pub(super) fn refill_failed(&self) {
        let mut content = self.content();
        content.arrivals = None;
        content.behind = true;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn append(&mut self, command: Arc<Command>) {
        if self.known.insert(command.id) {
            self.queue.push_back(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(number: u128) -> Arc<Command> {
        Arc::new(Command {
            id: Uuid::from_u128(number),
            tenant: String::new(),
            partition: 0,
            command_type: "pet.update".into(),
            target: "1".into(),
            data: "{}".into(),
            expected_version: None,
            not_before: None,
            accepted_at: DateTime::from_timestamp_micros(number as i64).unwrap(),
            actor: None,
            callback_url: None,
            metadata: None,
            idempotency: None,
            correlation_id: Uuid::from_u128(number),
            caused_by: None,
            traceparent: None,
            settlement: None,
        })
    }

    fn commands(numbers: std::ops::RangeInclusive<u128>) -> Vec<Arc<Command>> {
        numbers.map(command).collect()
    }

    fn taken(inbox: &Inbox) -> Vec<u128> {
        inbox.take(usize::MAX).iter().map(|command| command.id.as_u128()).collect()
    }

    /// An inbox for partition 0 that holds all there is: nothing.
    fn live(capacity: usize) -> Inbox {
        let inbox = Inbox::new(capacity);
        inbox.assign(HashSet::from([0]));
        assert!(inbox.wants_refill(DateTime::UNIX_EPOCH).is_some(), "a new owner reads the registry");
        inbox.refill(Vec::new(), true);
        inbox
    }

    #[test]
    fn what_is_offered_is_taken_in_order() {
        let inbox = live(10);
        inbox.offer(commands(1..=3));
        assert_eq!(taken(&inbox), [1, 2, 3]);
    }

    #[test]
    fn an_overflow_lets_go_and_reads_the_registry_later() {
        let inbox = live(10);
        inbox.offer(commands(1..=12));
        inbox.offer(commands(13..=13));
        assert!(inbox.wants_refill(DateTime::UNIX_EPOCH).is_none(), "not before it has run low");
        assert_eq!(taken(&inbox), (1..=10).collect::<Vec<_>>());
        assert!(inbox.wants_refill(DateTime::UNIX_EPOCH).is_some());
        inbox.offer(commands(14..=14));
        inbox.refill(commands(11..=13), true);
        assert_eq!(taken(&inbox), [11, 12, 13, 14]);
        inbox.offer(commands(15..=15));
        assert_eq!(taken(&inbox), [15]);
    }

    #[test]
    fn nothing_passes_what_is_still_in_the_registry() {
        let inbox = live(10);
        inbox.offer(commands(1..=11));
        taken(&inbox);
        inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
        inbox.offer(commands(30..=30));
        inbox.refill(commands(11..=20), false);
        assert_eq!(taken(&inbox), (11..=20).collect::<Vec<_>>(), "30 comes with the next reading");
    }

    #[test]
    fn a_command_found_and_offered_is_taken_once() {
        let inbox = live(10);
        inbox.offer(commands(2..=2));
        inbox.look();
        inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
        inbox.offer(commands(3..=3));
        inbox.refill(commands(1..=3), true);
        assert_eq!(taken(&inbox), [1, 2, 3]);
    }

    #[test]
    fn a_command_in_hand_is_not_taken_again_until_done() {
        let inbox = live(10);
        inbox.offer(commands(1..=1));
        let hand = inbox.take(1);
        inbox.look();
        inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
        inbox.refill(commands(1..=1), true);
        assert_eq!(taken(&inbox), [] as [u128; 0]);
        inbox.done(&hand);
    }

    #[test]
    fn partitions_of_others_are_not_taken() {
        let inbox = Inbox::new(10);
        inbox.offer(commands(1..=1));
        assert_eq!(taken(&inbox), [] as [u128; 0]);
    }
}
