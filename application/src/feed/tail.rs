use std::collections::VecDeque;
use std::sync::Arc;

use crate::ports::FeedEntry;

/// The newest entries of a partition, without a gap between them, bounded by their number.
#[derive(Debug)]
pub(super) struct Tail {
    entries: VecDeque<Arc<FeedEntry>>,
    head: i64,
    capacity: usize,
}

impl Tail {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), head: 0, capacity: capacity.max(1) }
    }

    /// The newest offset known, whether or not its entry is here.
    pub(super) fn head(&self) -> i64 {
        self.head
    }

    /// The partition has entries up to `head`, whoever wrote them.
    pub(super) fn advance(&mut self, head: i64) -> bool {
        let news = head > self.head;
        self.head = self.head.max(head);
        news
    }

    /// Entries this process has committed, in order. What is here already must end right before them, or is
    /// dropped: the entries between were written by someone else and are the store's to tell.
    pub(super) fn push(&mut self, entries: impl IntoIterator<Item = Arc<FeedEntry>>) {
        for entry in entries {
            if self.entries.back().is_some_and(|last| last.offset + 1 != entry.offset) {
                self.entries.clear();
            }
            self.head = self.head.max(entry.offset);
            self.entries.push_back(entry);
            if self.entries.len() > self.capacity {
                self.entries.pop_front();
            }
        }
    }

    /// The entries after `after`, at most `limit`, if they are all here.
    pub(super) fn after(&self, after: i64, limit: usize) -> Option<Vec<Arc<FeedEntry>>> {
        if after >= self.head {
            return Some(Vec::new());
        }
        let first = self.entries.front()?.offset;
        let skip = usize::try_from(after + 1 - first).ok()?;
        let found: Vec<_> = self.entries.iter().skip(skip).take(limit).cloned().collect();
        (!found.is_empty()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{EntryBody, EventRow};

    fn entry(offset: i64) -> Arc<FeedEntry> {
        let body = EntryBody::Event(EventRow {
            aggregate_type: "pet".into(),
            aggregate_id: "1".into(),
            sequence: offset,
            event_type: "pet.updated".into(),
            event_version: "1.0".into(),
            payload: "{}".into(),
            metadata: "{}".into(),
        });
        Arc::new(FeedEntry { partition: 0, offset, body })
    }

    fn offsets(tail: &Tail, after: i64) -> Option<Vec<i64>> {
        tail.after(after, 10).map(|found| found.iter().map(|entry| entry.offset).collect())
    }

    #[test]
    fn a_reader_within_the_tail_is_served_from_it() {
        let mut tail = Tail::new(3);
        tail.push((1..=5).map(entry));
        assert_eq!(offsets(&tail, 2), Some(vec![3, 4, 5]));
        assert_eq!(offsets(&tail, 5), Some(vec![]));
        assert_eq!(offsets(&tail, 1), None, "the store must be asked");
    }

    #[test]
    fn entries_of_others_leave_no_hole() {
        let mut tail = Tail::new(10);
        tail.push((1..=2).map(entry));
        tail.push((4..=5).map(entry));
        assert_eq!(offsets(&tail, 2), None);
        assert_eq!(offsets(&tail, 3), Some(vec![4, 5]));
        tail.advance(7);
        assert_eq!(offsets(&tail, 5), None);
        assert_eq!(offsets(&tail, 7), Some(vec![]));
    }
}
