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
    /// Of the newest of them that the broker did not have already, where it numbers its messages.
    pub receipt: Option<Receipt>,
}

/// What is known of the newest message that the broker has acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The broker's own number of it.
    pub sequence: u64,
    /// Its id; unknown after a restart.
    pub id: Option<String>,
}

/// Whether the broker still has what it has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// As far as can be told.
    All,
    /// Nothing after this number.
    UpTo(u64),
    /// Under that number is another message now: an unknown number of messages is lost.
    Overwritten,
}

impl Published {
    /// Counts one more acknowledged message, new under `sequence`; messages of a partition come in order.
    pub fn acknowledge(&mut self, message: &Message, sequence: Option<u64>) {
        self.count += 1;
        self.offsets.insert(message.partition, message.offset);
        let newest = self.receipt.as_ref().map_or(0, |receipt| receipt.sequence);
        if let Some(sequence) = sequence.filter(|sequence| *sequence > newest) {
            self.receipt = Some(Receipt { sequence, id: Some(message.id.clone()) });
        }
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

    /// Connects if need be, and tells whether the broker still has the message it gave this receipt for: one that
    /// crashed may have lost its tail, and have filled it up again with messages of others. To be asked before the
    /// first [`Broker::publish`] and after each that failed.
    async fn still_has(&self, receipt: &Receipt) -> Result<Kept, BrokerError>;
}
