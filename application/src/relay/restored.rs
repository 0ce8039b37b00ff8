use super::{Relay, Setback};
use crate::ports::Told;

impl Relay {
    /// A broker that holds an entry which the store does not have was told by a later state of the store: somebody has
    /// restored a backup, or a standby took over without the newest commits. From here on offsets name other entries
    /// than before, which must be seen: a new generation begins.
    pub(super) async fn notice_a_restored_store(&mut self) -> Result<(), Setback> {
        while let Some(partition) = self.unseen.first().copied() {
            let told = self.broker.newest(partition).await?;
            if let Some(told) = told
                && self.contradicts(partition, &told).await?
            {
                self.begin_generation(partition, &told).await?;
            }
            self.unseen.remove(&partition);
        }
        Ok(())
    }

    async fn contradicts(&self, partition: u16, told: &Told) -> Result<bool, Setback> {
        // What another replica has committed a moment ago may be told already.
        self.hub.refresh().await?;
        let generation = self.hub.generation();
        if told.generation != generation {
            return Ok(false);
        }
        let entries = self.hub.read(partition, told.offset - 1, 1).await?;
        let Some(entry) = entries.first() else { return Ok(true) };
        // What can be told has one id for good.
        let message = self.notifier.message(entry, generation, usize::MAX);
        Ok(message.is_ok_and(|message| message.id != told.id))
    }

    async fn begin_generation(&self, partition: u16, told: &Told) -> Result<(), Setback> {
        let generation = self.store.new_generation().await?;
        tracing::error!(
            partition,
            offset = told.offset,
            told.id,
            generation,
            "the stream tells of an entry that the store does not have: it was restored to an earlier state; a new \
             generation begins"
        );
        self.hub.refresh().await?;
        Ok(())
    }
}
