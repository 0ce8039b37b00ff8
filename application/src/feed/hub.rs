use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::tail::Tail;
use crate::names;
use crate::ports::{EntryBody, FeedEntry, Heads, Store, StoreError};

/// Where all readers of the feed come together.
pub struct FeedHub {
    store: Arc<dyn Store>,
    tails: Vec<Mutex<Tail>>,
    /// The generation of the store that the offsets belong to.
    generation: AtomicI64,
    news: watch::Sender<()>,
    /// Entries that nobody can be told of, and of which this process has said so.
    untellable: Mutex<BTreeSet<(u16, i64)>>,
}

/// Of so many entries it is remembered that they were complained of; the same again is no harm.
const COMPLAINTS: usize = 1000;

impl FeedHub {
    /// A hub over the store's partitions that remembers at most `capacity` entries in all.
    pub fn new(store: Arc<dyn Store>, heads: &Heads, capacity: usize) -> Self {
        let each = capacity / heads.offsets.len().max(1);
        let tails = heads
            .offsets
            .iter()
            .map(|head| {
                let mut tail = Tail::new(each);
                tail.advance(*head);
                Mutex::new(tail)
            })
            .collect();
        Self {
            store,
            tails,
            generation: AtomicI64::new(heads.generation),
            news: watch::Sender::new(()),
            untellable: Mutex::default(),
        }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        u16::try_from(self.tails.len()).unwrap_or(u16::MAX)
    }

    /// The newest offset known of each partition.
    pub fn heads(&self) -> Heads {
        let offsets = (0..self.tails.len()).map(|partition| self.tail(partition).head()).collect();
        Heads { generation: self.generation(), offsets }
    }

    /// The generation of the store: a position in the feed of another one is none in this.
    pub fn generation(&self) -> i64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Sees a change whenever there may be new entries. Subscribe first, then read.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Entries that this process has just committed, in order within each partition.
    pub fn committed(&self, entries: impl IntoIterator<Item = Arc<FeedEntry>>) {
        for entry in entries {
            if let Some(tail) = self.tails.get(usize::from(entry.partition)) {
                lock(tail).push([entry]);
            }
        }
        self.news.send_replace(());
    }

    /// The heads as the store has them: entries of other replicas show up here.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let heads = self.store.heads().await?;
        let mut news = self.generation.swap(heads.generation, Ordering::AcqRel) != heads.generation;
        for (tail, head) in self.tails.iter().zip(heads.offsets) {
            news |= lock(tail).advance(head);
        }
        if news {
            self.news.send_replace(());
        }
        Ok(())
    }

    /// The same for those who can do without: what is missed now is seen by the next look.
    pub async fn catch_up(&self) {
        if let Err(error) = self.refresh().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the heads could not be read");
        }
    }

    /// Entries of a partition after `after`, in order, at most `limit`; none only when there are none known. One that
    /// the store cannot read comes as [`EntryBody::Unreadable`], so that it stops nobody.
    pub async fn read(
        &self,
        partition: u16,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Arc<FeedEntry>>, StoreError> {
        if let Some(found) = self.tail(usize::from(partition)).after(after, limit) {
            return Ok(found);
        }
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let stored = match self.store.feed(partition, after, limit).await {
            // One entry of the page spoils it.
            Err(StoreError::Data(_)) => vec![self.next(partition, after).await?],
            read => read?,
        };
        Ok(stored.into_iter().map(Arc::new).collect())
    }

    /// The entry after `after`, which is there.
    async fn next(&self, partition: u16, after: i64) -> Result<FeedEntry, StoreError> {
        match self.store.feed(partition, after, 1).await {
            Ok(mut one) if !one.is_empty() => Ok(one.remove(0)),
            Ok(_) => Err(StoreError::Unavailable("an entry of the feed has vanished".into())),
            // Offsets have no gap.
            Err(StoreError::Data(error)) => {
                Ok(FeedEntry { partition, offset: after + 1, body: EntryBody::Unreadable(error.to_string()) })
            }
            Err(error) => Err(error),
        }
    }

    /// Says, once in this process, that an entry can be told to nobody. Every reader passes over such an entry: to
    /// stop at it would be to stop for good.
    pub fn complain(&self, entry: &FeedEntry, reason: &(dyn std::error::Error + 'static)) {
        let mut known = lock(&self.untellable);
        if known.len() >= COMPLAINTS {
            known.clear();
        }
        if known.insert((entry.partition, entry.offset)) {
            metrics::counter!(names::UNTELLABLE).increment(1);
            tracing::error!(
                partition = entry.partition,
                offset = entry.offset,
                error = reason,
                "an entry of the feed cannot be told and is passed over"
            );
        }
    }

    fn tail(&self, partition: usize) -> MutexGuard<'_, Tail> {
        lock(&self.tails[partition])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
