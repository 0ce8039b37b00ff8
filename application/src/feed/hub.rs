use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::tail::Tail;
use crate::ports::{FeedEntry, PartitionHead, Store, StoreError};

/// Where all readers of the feed come together.
pub struct FeedHub {
    store: Arc<dyn Store>,
    tails: Vec<Mutex<Tail>>,
    news: watch::Sender<()>,
}

impl FeedHub {
    /// A hub over the store's partitions that remembers at most `capacity` entries in all.
    pub fn new(store: Arc<dyn Store>, heads: &[PartitionHead], capacity: usize) -> Self {
        let each = capacity / heads.len().max(1);
        let tails = heads
            .iter()
            .map(|head| {
                let mut tail = Tail::new(each);
                tail.advance(head.head);
                Mutex::new(tail)
            })
            .collect();
        Self { store, tails, news: watch::Sender::new(()) }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        u16::try_from(self.tails.len()).unwrap_or(u16::MAX)
    }

    /// The newest offset known of each partition.
    pub fn heads(&self) -> Vec<i64> {
        (0..self.tails.len()).map(|partition| self.tail(partition).head()).collect()
    }

    /// Sees a change whenever there may be new entries. Subscribe first, then read.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Entries that this process has just committed, in order within each partition.
    pub fn committed(&self, entries: impl IntoIterator<Item = Arc<FeedEntry>>) {
        for entry in entries {
            if let Some(tail) = self.tails.get(usize::from(entry.partition)) {
                tail.lock().unwrap_or_else(PoisonError::into_inner).push([entry]);
            }
        }
        self.news.send_replace(());
    }

    /// The heads as the store has them: entries of other replicas show up here.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let mut news = false;
        for head in self.store.heads().await? {
            news |= self.tail(usize::from(head.partition)).advance(head.head);
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

    /// Entries of a partition after `after`, in order, at most `limit`; none only when there are none known.
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
        let stored = self.store.feed(partition, after, limit).await?;
        Ok(stored.into_iter().map(Arc::new).collect())
    }

    fn tail(&self, partition: usize) -> MutexGuard<'_, Tail> {
        self.tails[partition].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
