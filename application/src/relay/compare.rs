use super::{Relay, Setback};
use crate::ports::{Standing, Told};

/// What the newest message of a partition at the broker says of the store.
enum Verdict {
    /// The entry is in the store: everything up to it is told.
    Told(i64),
    /// There is none.
    Nothing,
    /// It is of another generation, in which offsets name other entries.
    Other,
    /// The store does not have that entry.
    Contradicted,
}

impl Relay {
    /// Compares what the broker holds of the partitions that are still to be looked at with the store, and goes on
    /// behind it.
    ///
    /// A broker that holds an entry which the store does not have was told by a later state of the store: somebody has
    /// restored a backup, or a standby took over without the newest commits. From there on offsets name other entries
    /// than before, which must be seen: a new generation begins.
    pub(super) async fn compare(&mut self, standing: &Standing) -> Result<(), Setback> {
        while let Some(partition) = self.unseen.first().copied() {
            let told = self.broker.newest(partition).await?;
            match self.judge(partition, told.as_ref()).await? {
                Verdict::Told(offset) => self.reader.go_to(partition, offset),
                // It should hold something, since nothing has become too old since.
                Verdict::Nothing if self.reader.is_marked_since(partition, standing.first) => {
                    self.reader.go_to(partition, 0);
                }
                // What was told in this generation is among what is lost.
                Verdict::Other if !standing.kept => self.reader.go_to(partition, 0),
                Verdict::Nothing | Verdict::Other => {}
                Verdict::Contradicted => self.begin_generation(partition, told).await?,
            }
            if !standing.kept {
                self.reader.forget_mark(partition);
            }
            self.unseen.remove(&partition);
        }
        Ok(())
    }

    async fn judge(&self, partition: u16, told: Option<&Told>) -> Result<Verdict, Setback> {
        let Some(told) = told else { return Ok(Verdict::Nothing) };
        // Now, not before it was asked: what another replica has committed a moment ago may be told already.
        self.parts.hub.refresh().await?;
        let generation = self.parts.hub.generation();
        if told.generation != generation {
            return Ok(Verdict::Other);
        }
        let entries = self.parts.hub.read(partition, told.offset - 1, 1).await?;
        let Some(entry) = entries.first() else { return Ok(Verdict::Contradicted) };
        // What can be told has one id for good.
        match self.notifier.message(entry, generation, usize::MAX) {
            Ok(message) if message.id != told.id => Ok(Verdict::Contradicted),
            _ => Ok(Verdict::Told(told.offset)),
        }
    }

    async fn begin_generation(&self, partition: u16, told: Option<Told>) -> Result<(), Setback> {
        let generation = self.parts.store.new_generation().await?;
        tracing::error!(
            partition,
            ?told,
            generation,
            "the stream tells of an entry that the store does not have: it was restored to an earlier state; a new \
             generation begins"
        );
        self.parts.hub.refresh().await?;
        Ok(())
    }
}
