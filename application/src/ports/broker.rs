use std::collections::BTreeMap;

use async_trait::async_trait;

/// A message for the outside, ready to go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `wilco.event.pet.reserved.p07`
    pub subject: String,
    /// Unique over all messages; the broker drops repeats of it within its window.
    pub id: String,
    /// Further headers, name and value.
    pub headers: Vec<(&'static str, String)>,
    /// The CloudEvent.
    pub payload: Vec<u8>,
    /// The partition it belongs to: order holds within one.
    pub partition: u16,
    /// Its offset there.
    pub offset: i64,
}

/// What the broker has acknowledged of a run of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many messages.
    pub count: usize,
    /// For each partition the offset up to which everything in the run is acknowledged.
    pub offsets: BTreeMap<u16, i64>,
    /// The broker's own sequence number of the newest of them that it did not have already, where it keeps one.
    pub sequence: Option<u64>,
}

impl Published {
    /// Counts one more acknowledged message, new under `sequence`; messages of a partition come in order.
    pub fn acknowledge(&mut self, message: &Message, sequence: Option<u64>) {
        self.count += 1;
        self.offsets.insert(message.partition, message.offset);
        self.sequence = self.sequence.max(sequence);
    }
}

/// The broker did not take it; the relay waits and tries again.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No connection, no answer, or no stream.
    #[error("the broker is not reachable: {0}")]
    Unavailable(String),
    /// It answers, but refuses (its stream is full, say).
    #[error("the broker refused a message: {0}")]
    Refused(String),
}

/// Where notifications go.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes `run` in its order. When message *k* is not acknowledged, none after it of the same partition
    /// may become visible before it: an implementation pipelines only where it can promise that. `alone` says
    /// that this replica owns all partitions, so that nobody else publishes.
    ///
    /// # Errors
    /// With what was acknowledged before the failure.
    async fn publish(&self, run: &[Message], alone: bool) -> Result<Published, (Published, BrokerError)>;

    /// The broker's newest sequence number, where it keeps one. When it is behind one that was acknowledged
    /// earlier, the broker has lost its tail, and the relay goes back.
    async fn last_sequence(&self) -> Result<Option<u64>, BrokerError>;
}
