use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{RUN, Relay, SAVE_EVERY};
use crate::cloud_event::EventMetadata;
use crate::feed::Behind;
use crate::names;
use crate::ports::{EntryBody, FeedEntry, Message, StoreError};

impl Relay {
    /// The next messages of all partitions that have some, a fair share of each, in order within each.
    pub(super) async fn gather(&mut self) -> Result<Vec<Message>, StoreError> {
        let behind = self.reader.behind();
        let share = (RUN / behind.len().max(1)).max(1);
        let mut run = Vec::new();
        for Behind { partition, offset, .. } in behind {
            self.gather_of(partition, offset, share, &mut run).await?;
        }
        Ok(run)
    }

    /// Ends before an entry that cannot be told, unless that is the first: then it is parked, and left behind.
    async fn gather_of(
        &mut self,
        partition: u16,
        after: i64,
        share: usize,
        run: &mut Vec<Message>,
    ) -> Result<(), StoreError> {
        let begin = run.len();
        let generation = self.parts.hub.generation();
        for entry in self.parts.hub.read(partition, after, share).await? {
            match self.notifier.message(&entry, generation, self.largest) {
                Ok(message) => {
                    if message.referring {
                        metrics::counter!(names::REFERRING).increment(1);
                        tracing::warn!(
                            message.id,
                            message.subject,
                            "too large for NATS; it goes without its data"
                        );
                    }
                    run.push(message);
                }
                Err(_) if run.len() > begin => break,
                Err(untellable) => {
                    self.reader.park(&entry, &untellable).await?;
                    self.count_parked().await?;
                }
            }
        }
        Ok(())
    }

    async fn count_parked(&self) -> Result<(), StoreError> {
        metrics::gauge!(names::PARKED).set(self.reader.parked().await? as f64);
        Ok(())
    }

    /// How late notifications are, in entries and in seconds. Also told while nothing can be published.
    pub(super) async fn measure(&mut self) -> Result<(), StoreError> {
        if self.measured.is_some_and(|measured| measured.elapsed() < SAVE_EVERY) {
            return Ok(());
        }
        if self.measured.is_none() {
            self.count_parked().await?;
        }
        self.measured = Some(Instant::now());
        let mut lag = 0;
        let mut oldest: Option<DateTime<Utc>> = None;
        for Behind { partition, offset, entries } in self.reader.behind() {
            lag += entries;
            let next = self.parts.hub.read(partition, offset, 1).await?;
            let since = next.first().and_then(|entry| time_of(entry));
            oldest = oldest.into_iter().chain(since).min();
        }
        let age = oldest.map_or(0.0, |oldest| (self.parts.clock.now() - oldest).as_seconds_f64().max(0.0));
        metrics::gauge!(names::RELAY_LAG).set(lag as f64);
        metrics::gauge!(names::RELAY_LAG_SECONDS).set(age);
        Ok(())
    }
}

/// When an entry was committed, about.
fn time_of(entry: &FeedEntry) -> Option<DateTime<Utc>> {
    match &entry.body {
        EntryBody::Outcome(command) => command.settlement.as_ref().map(|settlement| settlement.at),
        EntryBody::Event(event) => EventMetadata::of(event).decided_at(),
        EntryBody::Unreadable(_) => None,
    }
}
