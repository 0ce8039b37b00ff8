//! What a lane has before it.
//!
//! What must hold:
//! - An input comes after those that were there before it in its partition, whether it was offered, handed over or read
//!   from the store. Hence nothing is appended while the store holds what the queue does not.
//! - An input is in the queue or in the lane's hands once: `known` tells.
//! - What is fresh is never let go: either the lane takes it, or it is given back to be stored.
//!
//! It is *behind* while the registry may hold more than it does: after an overflow, and with new partitions. While the
//! registry is being read, what is offered is kept aside, since the reading may have missed it or have found it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::expected::{Due, Expected};
use super::input::{Input, InputKey};
use crate::acceptance::Fresh;

/// Commands that may wait here for the commit that stores them. A few commits long, so that a client's 202 does not
/// wait for a backlog.
const MOST_WAITING_FRESH: usize = 2000;

/// Bytes of command data after which a hand is full: what is decided on them is about as much again, three times.
const MOST_BYTES: usize = 4 << 20;

/// The inputs a lane has before it, in their order, bounded in number.
///
/// It holds a beginning of what the registry holds for the lane's partitions. While it holds *all* of it, newly
/// accepted commands are appended as they are offered. Once it overflows it is *behind*: offers are let go, and
/// when it has run low the registry is read again.
///
/// While it holds all of it, and few, it also takes *fresh* commands, which nobody has stored yet. The lane shuts
/// this door when it cannot go on at once, and it is opened again when the lane takes from the inbox.
#[derive(Debug)]
pub(crate) struct Inbox {
    content: Mutex<Content>,
    news: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Content {
    owned: HashSet<u16>,
    queue: VecDeque<Input>,
    /// Those of the queue that nobody has stored yet.
    fresh: HashMap<InputKey, Fresh>,
    /// What is in the queue or in the lane's hands.
    known: HashSet<InputKey>,
    door: Door,
    /// The registry holds more than the queue.
    behind: bool,
    /// The registry is to be read even though the queue is not low.
    look: bool,
    /// While the registry is being read: what was offered meanwhile.
    arrivals: Option<Vec<Input>>,
    /// When those fall due that were seen passing by.
    expected: Expected,
}

/// Whether fresh commands are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Door {
    #[default]
    Open,
    /// Until the lane comes for more.
    Shut,
    /// The lane has ended.
    Locked,
}

/// What a lane takes from its inbox to settle in one commit.
#[derive(Debug, Default)]
pub(super) struct Hand {
    /// In order.
    pub(super) inputs: Vec<Input>,
    /// Those of them that nobody has stored yet.
    pub(super) fresh: HashMap<InputKey, Fresh>,
}

/// What is to be read of the registry.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) partitions: Vec<u16>,
    /// So many inputs of each there is room for.
    pub(super) each: u32,
    /// Not only what is due, but also when the next falls due.
    pub(super) and_next: bool,
}

impl Inbox {
    pub(super) fn new(capacity: usize) -> Self {
        Self { content: Mutex::default(), news: Notify::new(), capacity: capacity.max(1) }
    }

    /// Takes what was just stored, as far as it is due, for owned partitions, and fits.
    pub(super) fn offer(&self, inputs: Vec<Input>) {
        let mut content = self.content();
        for input in inputs {
            if !content.owned.contains(&input.partition()) {
                continue;
            }
            if input.is_only_here() {
                // Those are few: a destination has so many slots.
                content.append(input);
            } else if let Some(due) = input.not_before() {
                content.expected.add(due);
            } else if let Some(arrivals) = &mut content.arrivals {
                arrivals.push(input);
            } else if content.behind {
                // The registry has it.
            } else if content.queue.len() < self.capacity {
                content.append(input);
            } else {
                content.behind = true;
            }
        }
        drop(content);
        self.news.notify_one();
    }

    /// Takes fresh commands that can be applied at once; gives back those that must be stored first, in order.
    pub(super) fn hand_over(&self, fresh: Vec<Fresh>) -> Vec<Fresh> {
        let mut content = self.content();
        if content.door != Door::Open || content.behind || content.arrivals.is_some() {
            return fresh;
        }
        let rest: Vec<Fresh> = fresh.into_iter().filter_map(|fresh| content.take_over(fresh)).collect();
        drop(content);
        self.news.notify_one();
        rest
    }

    /// Takes no more fresh commands until the lane comes for more, and gives back those that wait, in order. Their
    /// places in the queue stay: [`Inbox::forget`] those that are not stored in the end.
    pub(super) fn shut(&self) -> Vec<Fresh> {
        let mut content = self.content();
        if content.door == Door::Open {
            content.door = Door::Shut;
        }
        let Content { queue, fresh, .. } = &mut *content;
        queue.iter().filter_map(|input| fresh.remove(&input.key())).collect()
    }

    /// The lane ends: the door stays shut.
    pub(super) fn end(&self) {
        self.content().door = Door::Locked;
    }

    /// The lane owns these partitions now. What was fresh is stored by now, and the door is shut.
    pub(super) fn assign(&self, owned: HashSet<u16>) {
        let mut content = self.content();
        debug_assert!(content.fresh.is_empty(), "a command that nobody has stored would be forgotten");
        content.owned = owned;
        let Content { owned, queue, known, .. } = &mut *content;
        queue.retain(|input| input.is_only_here() && owned.contains(&input.partition()));
        *known = queue.iter().map(Input::key).collect();
        content.behind = true;
    }

    /// Drops inputs that need not be tried.
    pub(super) fn forget(&self, gone: &HashSet<InputKey>) {
        if gone.is_empty() {
            return;
        }
        let mut content = self.content();
        let Content { queue, known, .. } = &mut *content;
        queue.retain(|input| {
            let key = input.key();
            !(gone.contains(&key) && known.remove(&key))
        });
    }

    /// Something falls due at each of these times; from `cut` on some may be missing.
    pub(super) fn expect(&self, times: impl IntoIterator<Item = DateTime<Utc>>, cut: Option<DateTime<Utc>>) {
        let mut content = self.content();
        times.into_iter().for_each(|time| content.expected.add(time));
        if let Some(cut) = cut {
            content.expected.miss_from(cut);
        }
        drop(content);
        self.news.notify_one();
    }

    /// Asks the lane to read the registry.
    pub(super) fn look(&self) {
        self.content().look = true;
        self.news.notify_one();
    }

    /// Has the lane see whether there is something to do.
    pub(super) fn wake(&self) {
        self.news.notify_one();
    }

    /// Resolves when there may be something to do.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.content().expected.next()
    }

    /// The next inputs. They stay known until [`Inbox::done`].
    pub(super) fn take(&self, most: usize) -> Hand {
        let mut content = self.content();
        if content.door == Door::Shut {
            content.door = Door::Open;
        }
        let Content { queue, fresh, .. } = &mut *content;
        let mut bytes = 0;
        let fits = |input: &&Input| {
            let room = bytes < MOST_BYTES;
            bytes += input.size();
            room
        };
        let count = queue.iter().take(most).take_while(fits).count();
        let inputs: Vec<Input> = queue.drain(..count).collect();
        let fresh = if fresh.is_empty() {
            HashMap::new()
        } else {
            inputs.iter().filter_map(|input| fresh.remove_entry(&input.key())).collect()
        };
        Hand { inputs, fresh }
    }

    pub(super) fn done(&self, inputs: &[Input]) {
        let mut content = self.content();
        for input in inputs {
            content.known.remove(&input.key());
        }
    }

    /// Whether the registry should be read now: from here until [`Inbox::refill`] offers are kept aside.
    pub(super) fn wants_refill(&self, now: DateTime<Utc>) -> Option<Wanted> {
        let mut content = self.content();
        if content.owned.is_empty() {
            return None;
        }
        let due = content.expected.take(now);
        let low = content.behind && content.queue.len() <= self.capacity / 10;
        if !(low || due != Due::Nothing || content.look) {
            return None;
        }
        let and_next = low || content.look || due == Due::AndNext;
        content.look = false;
        content.arrivals = Some(Vec::new());
        let mut partitions: Vec<u16> = content.owned.iter().copied().collect();
        partitions.sort_unstable();
        let each = u32::try_from((self.capacity / partitions.len()).max(1)).unwrap_or(u32::MAX);
        Some(Wanted { partitions, each, and_next })
    }

    /// Takes what the registry holds; `complete` when that was all of it.
    pub(super) fn refill(&self, found: Vec<Input>, complete: bool) {
        let mut content = self.content();
        let arrivals = content.arrivals.take().unwrap_or_default();
        let fits = arrivals.len() + content.queue.len() <= 2 * self.capacity;
        // What arrived meanwhile comes after everything in the registry; if some of that is still to be read,
        // the arrivals will be read along with it.
        content.behind = !(complete && fits);
        let extra = if content.behind { Vec::new() } else { arrivals };
        for input in found.into_iter().chain(extra) {
            content.append(input);
        }
        content.queue.make_contiguous().sort_by_key(Input::turn);
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
    /// Gives it back if it has to be stored first.
    fn take_over(&mut self, fresh: Fresh) -> Option<Fresh> {
        let input = Input::from(Arc::clone(&fresh.command));
        let fits = self.queue.len() < MOST_WAITING_FRESH
            && self.owned.contains(&input.partition())
            && input.not_before().is_none()
            && self.known.insert(input.key());
        if !fits {
            return Some(fresh);
        }
        self.fresh.insert(input.key(), fresh);
        self.queue.push_back(input);
        None
    }

    fn append(&mut self, input: Input) {
        if self.known.insert(input.key()) {
            self.queue.push_back(input);
        }
    }
}

#[cfg(test)]
mod tests;
