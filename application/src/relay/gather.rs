use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{READER, RUN, Relay, SAVE_EVERY};
use crate::cloud_event::{EventMetadata, Untellable};
use crate::names;
use crate::ports::{EntryBody, FeedEntry, Message, ParkedEntry, StoreError};

impl Relay {
    /// The next messages of all partitions that have some, a fair share of each, in order within each.
    pub(super) async fn gather(&mut self) -> Result<Vec<Message>, StoreError> {
        let heads = self.parts.hub.heads();
        let head = |partition: u16| heads.offsets.get(usize::from(partition)).copied().unwrap_or_default();
        let behind = self.positions.offsets().filter(|(partition, offset)| head(*partition) > *offset);
        let behind: Vec<_> = behind.collect();
        let share = (RUN / behind.len().max(1)).max(1);
        let mut run = Vec::new();
        for (partition, offset) in behind {
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
                Err(untellable) => self.park(&entry, generation, &untellable).await?,
            }
        }
        Ok(())
    }

    async fn park(&mut self, entry: &FeedEntry, generation: i64, why: &Untellable) -> Result<(), StoreError> {
        self.parts.hub.complain(entry, why);
        let (partition, offset) = (entry.partition, entry.offset);
        // PostgreSQL's texts have no NUL.
        let reason = why.to_string().replace(char::is_control, " ");
        let parked = ParkedEntry { partition, offset, generation, reason };
        self.parts.store.park(READER, &parked).await?;
        self.positions.go_to(partition, offset);
        self.count_parked().await
    }

    async fn count_parked(&self) -> Result<(), StoreError> {
        metrics::gauge!(names::PARKED).set(self.parts.store.parked(READER).await? as f64);
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
        let heads = self.parts.hub.heads();
        let mut lag = 0;
        let mut oldest: Option<DateTime<Utc>> = None;
        for (partition, offset) in self.positions.offsets() {
            let behind = heads.offsets.get(usize::from(partition)).map_or(0, |head| head - offset);
            if behind > 0 {
                lag += behind;
                let next = self.parts.hub.read(partition, offset, 1).await?;
                let since = next.first().and_then(|entry| time_of(entry));
                oldest = oldest.into_iter().chain(since).min();
            }
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
        EntryBody::Event(event) => {
            let at = DateTime::parse_from_rfc3339(&EventMetadata::of(event).at?).ok()?;
            Some(at.to_utc())
        }
        EntryBody::Unreadable(_) => None,
    }
}
