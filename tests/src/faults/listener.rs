//! Clients that follow the feed live while things go wrong, as server-sent events, and go on behind the last cursor they
//! saw after each break, at whatever replica there is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::entries::{is_outcome, place};
use crate::client::Client;
use crate::wait_for;

/// How long to wait before connecting again.
const RETRY: Duration = Duration::from_millis(50);

/// What of the feed is listened to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    Everything,
    Outcomes,
}

/// A client that listens until this value is dropped.
pub(super) struct Listener {
    wanted: Wanted,
    journal: Arc<Mutex<Journal>>,
    listening: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Journal {
    /// The cursor it began at, and the last one it was told.
    began: Option<String>,
    last: Option<String>,
    /// Every entry it was told, in the order of arrival.
    seen: Vec<Value>,
    /// How often a stream has ended or was not to be had.
    breaks: usize,
    /// An answer that no fault excuses.
    refused: Option<String>,
}

impl Listener {
    /// Listens to one of these servers at a time.
    pub(super) fn to(wanted: Wanted, servers: watch::Receiver<Vec<Client>>) -> Self {
        let journal = Arc::<Mutex<Journal>>::default();
        let listening = tokio::spawn(listen(wanted, servers, Arc::clone(&journal)));
        Self { wanted, journal, listening }
    }

    /// How often a stream has ended or was not to be had.
    pub(super) fn breaks(&self) -> usize {
        lock(&self.journal).breaks
    }

    /// It has seen, or sees before long, each wanted entry of the feed since it began exactly once, in order in each
    /// partition, and nothing else. Nothing new may happen meanwhile.
    pub(super) async fn has_seen(&self, feed: &[Value]) {
        let began = async || lock(&self.journal).began.clone();
        let began = wait_for("a listener to begin", began, Option::is_some).await.expect("it has");
        // Behind the generation.
        let (_, offsets) = began.split_once('-').expect("a cursor names its generation");
        let since: Vec<i64> = offsets.split('.').filter_map(|offset| offset.parse().ok()).collect();
        let expected = by_partition(feed.iter().filter(|entry| {
            let (partition, offset) = place(entry);
            offset > since[partition as usize] && (self.wanted == Wanted::Everything || is_outcome(entry))
        }));
        let count: usize = expected.values().map(Vec::len).sum();
        let seen = async || {
            let journal = lock(&self.journal);
            (journal.seen.len(), journal.refused.clone(), journal.last.clone())
        };
        let enough = |(seen, refused, _): &(usize, Option<String>, _)| *seen >= count || refused.is_some();
        let what = format!("a listener to {:?} to see {count} entries", self.wanted);
        let (_, refused, _) = wait_for(&what, seen, enough).await;
        assert_eq!(refused, None, "a listener was refused");
        same(&expected, &by_partition(lock(&self.journal).seen.iter()));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(wanted: Wanted, servers: watch::Receiver<Vec<Client>>, journal: Arc<Mutex<Journal>>) {
    let path = match wanted {
        Wanted::Everything => "/v1/feed",
        Wanted::Outcomes => "/v1/feed?subject=wilco.command.%3E",
    };
    for turn in 0.. {
        let server = {
            let servers = servers.borrow();
            servers.get(turn % servers.len().max(1)).cloned()
        };
        if let Some(server) = server {
            listen_once(&server, path, &journal).await;
            lock(&journal).breaks += 1;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Until the stream breaks.
async fn listen_once(server: &Client, path: &str, journal: &Mutex<Journal>) {
    let last = lock(journal).last.clone();
    let mut stream = match server.open_stream(path, last.as_deref()).await {
        Ok(stream) => stream,
        // The server is gone, or its store is.
        Err(None | Some(429 | 500..)) => return,
        // The store was restored: what was seen of its former life is void.
        Err(Some(410)) => {
            *lock(journal) = Journal::default();
            return;
        }
        Err(Some(status)) => {
            lock(journal).refused = Some(format!("{status} behind {last:?}"));
            return;
        }
    };
    while let Some(event) = stream.block().await {
        let mut journal = lock(journal);
        if !event.id.is_empty() {
            journal.began.get_or_insert_with(|| event.id.clone());
            journal.last = Some(event.id);
        }
        if !event.data.is_null() {
            journal.seen.push(event.data);
        }
    }
}

fn by_partition<'e>(entries: impl Iterator<Item = &'e Value>) -> BTreeMap<i64, Vec<&'e Value>> {
    let mut partitions: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
    for entry in entries {
        partitions.entry(place(entry).0).or_default().push(entry);
    }
    partitions
}

/// What was seen is what was to be seen; says where that ends, not all of it.
fn same(expected: &BTreeMap<i64, Vec<&Value>>, seen: &BTreeMap<i64, Vec<&Value>>) {
    let none = Vec::new();
    for partition in expected.keys().chain(seen.keys()) {
        let (expected, seen) =
            (expected.get(partition).unwrap_or(&none), seen.get(partition).unwrap_or(&none));
        let until = expected.iter().zip(seen).take_while(|(expected, seen)| expected == seen).count();
        let next = (expected.get(until), seen.get(until));
        assert_eq!(
            next,
            (None, None),
            "a listener to partition {partition} saw something else (on the right)"
        );
    }
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(partition: i64, offset: i64) -> Value {
        json!({ "partition": partition, "offset": offset.to_string() })
    }

    #[test]
    fn partitions_may_come_in_any_order() {
        let (one, other) = ([entry(0, 1), entry(1, 1)], [entry(1, 1), entry(0, 1)]);
        same(&by_partition(one.iter()), &by_partition(other.iter()));
    }

    #[test]
    #[should_panic(expected = "partition 0")]
    fn what_was_missed_is_noticed() {
        let (all, less) = ([entry(0, 1), entry(0, 2), entry(0, 3)], [entry(0, 1), entry(0, 3)]);
        same(&by_partition(all.iter()), &by_partition(less.iter()));
    }

    #[test]
    #[should_panic(expected = "partition 0")]
    fn what_was_seen_twice_is_noticed() {
        let (all, more) = ([entry(0, 1)], [entry(0, 1), entry(0, 1)]);
        same(&by_partition(all.iter()), &by_partition(more.iter()));
    }
}
